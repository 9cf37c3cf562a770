// A port may be a number or a name, a budget a number or a percentage: the API's int-or-string.

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Operator.Kubernetes;

/// <summary>Either an integer or a string; written as it was given.</summary>
[JsonConverter(typeof(IntOrStringConverter))]
public readonly record struct IntOrString
{
    private readonly int _number;
    private readonly string? _text;

    public IntOrString(int number) => _number = number;

    public IntOrString(string text) => _text = text;

    public bool IsString => _text is not null;

    /// <summary>The number, or the text read as a number; null when it is not one.</summary>
    public int? Number => _text is null ? _number : int.TryParse(_text, CultureInfo.InvariantCulture, out var n) ? n : null;

    public static implicit operator IntOrString(int number) => new(number);

    public static implicit operator IntOrString(string text) => new(text);

    public override string ToString() => _text ?? _number.ToString(CultureInfo.InvariantCulture);

    private sealed class IntOrStringConverter : JsonConverter<IntOrString>
    {
        public override IntOrString Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Number ? new(reader.GetInt32()) : new(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
        {
            if (value._text is null)
            {
                writer.WriteNumberValue(value._number);
            }
            else
            {
                writer.WriteStringValue(value._text);
            }
        }
    }
}
