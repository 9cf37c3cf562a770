// A quantity in our resources may be written 1 or "500m", as in a pod; the API server keeps what was written, so we read both.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shoal.Operator.Api.V1;

/// <summary>A quantity as text, read from a JSON number or string.</summary>
[JsonConverter(typeof(AmountConverter))]
public readonly record struct Amount(string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text ?? "";

    private sealed class AmountConverter : JsonConverter<Amount>
    {
        public override Amount Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Number
                ? new(reader.GetDecimal().ToString(CultureInfo.InvariantCulture))
                : new(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, Amount value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Text);
    }
}
