// One directive of redis.conf as one row: name, default, bounds, whether it can change live, and what a change does.
using System.Globalization;

namespace Shoal.Server.Hosting;

/// <summary>A directive. Values change only through <see cref="NodeConfig"/>.</summary>
public abstract class Setting(string name, bool live)
{
    public string Name { get; } = name;

    /// <summary>CONFIG SET may change it.</summary>
    public bool IsLive { get; } = live;

    /// <summary>Accepted so that any redis.conf loads, without meaning here.</summary>
    public bool IsIgnored { get; init; }

    /// <summary>True once a file, argument or CONFIG SET gave a value.</summary>
    public bool IsSet { get; internal set; }

    /// <summary>May stand on several lines, which add up ("save", "rename-command"...).</summary>
    public bool IsMultiple { get; init; }

    /// <summary>A password: SLOWLOG shows "(redacted)".</summary>
    public bool IsSecret { get; init; }

    /// <summary>CONFIG GET shows it by its own name only, not for a pattern.</summary>
    public bool IsHidden { get; init; }

    /// <summary>The value as CONFIG GET prints it.</summary>
    public abstract string Text { get; }

    /// <summary>The value as lines of a file (without the name); none when it stands at its default and says nothing.</summary>
    public virtual IEnumerable<string> Lines => [Quote(Text)];

    /// <summary>Checks and stores words of one line; returns null, or the reason it cannot be.</summary>
    internal abstract string? Parse(IReadOnlyList<string> words);

    /// <summary>Runs the owner's callback; returns null, or the reason the change was refused.</summary>
    internal virtual string? Apply() => null;

    /// <summary>Remembers the value so that a refused CONFIG SET can be taken back.</summary>
    internal abstract object? Save();

    internal abstract void Restore(object? saved);

    /// <summary>Quotes a value for a redis.conf line when it needs it.</summary>
    public static string Quote(string value)
    {
        if (value.Length > 0 && value.All(c => c > ' ' && c < 127 && c is not ('"' or '\'' or '\\' or '#'))) return value;
        var text = new System.Text.StringBuilder("\"");
        foreach (char c in value)
            text.Append(c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", _ => c.ToString() });
        return text.Append('"').ToString();
    }
}

/// <summary>A setting of one value.</summary>
public abstract class Setting<T>(string name, T value, bool live, Func<T, string?>? apply) : Setting(name, live)
{
    /// <summary>Current value.</summary>
    public T Value { get; internal set; } = value;

    /// <summary>The value without configuration.</summary>
    public T Default { get; } = value;

    internal override string? Apply() => apply?.Invoke(Value);

    internal override object? Save() => Value;

    internal override void Restore(object? saved) => Value = (T)saved!;

    internal override string? Parse(IReadOnlyList<string> words)
    {
        if (words.Count != 1) return "wrong number of arguments";
        string? error = Read(words[0], out T value);
        if (error is null) Value = value;
        return error;
    }

    /// <summary>Reads the only word; null, or why it cannot be.</summary>
    protected abstract string? Read(string word, out T value);
}

/// <summary>yes or no.</summary>
public sealed class BoolSetting(string name, bool value, bool live = true, Func<bool, string?>? apply = null)
    : Setting<bool>(name, value, live, apply)
{
    public override string Text => Value ? "yes" : "no";

    protected override string? Read(string word, out bool value)
    {
        value = word.Equals("yes", StringComparison.OrdinalIgnoreCase);
        return value || word.Equals("no", StringComparison.OrdinalIgnoreCase) ? null : "argument must be 'yes' or 'no'";
    }
}

/// <summary>A whole number with bounds; with <paramref name="memory"/> it takes units (1gb, 64mb, 100k).</summary>
public sealed class LongSetting(
    string name, long value, long min, long max, bool live = true, Func<long, string?>? apply = null, bool memory = false)
    : Setting<long>(name, value, live, apply)
{
    public override string Text => Value.ToString(CultureInfo.InvariantCulture);

    protected override string? Read(string word, out long value)
    {
        value = 0;
        if (memory ? !TryMemory(word, out value) : !long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            return memory ? "argument must be a memory value" : "argument couldn't be parsed into an integer";
        if (value >= min && value <= max) return null;
        return memory
            ? $"argument must be a memory value between {min} and {max} inclusive"
            : $"argument must be between {min} and {max} inclusive";
    }

    /// <summary>Reads "100", "64mb", "1GB", "5k": k, m, g are powers of 1000, kb, mb, gb of 1024.</summary>
    public static bool TryMemory(string word, out long bytes)
    {
        bytes = 0;
        int digits = 0;
        while (digits < word.Length && char.IsAsciiDigit(word[digits])) digits++;
        long unit = word[digits..].ToLowerInvariant() switch
        {
            "" or "b" => 1, "k" => 1000, "kb" => 1024, "m" => 1000 * 1000, "mb" => 1024 * 1024,
            "g" => 1000L * 1000 * 1000, "gb" => 1024L * 1024 * 1024, _ => 0,
        };
        if (unit == 0 || !long.TryParse(word[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return false;
        if (number > long.MaxValue / unit) return false;
        bytes = number * unit;
        return true;
    }
}

/// <summary>A fraction or other number with a point.</summary>
public sealed class DoubleSetting(string name, double value, double min, double max, bool live = true, Func<double, string?>? apply = null)
    : Setting<double>(name, value, live, apply)
{
    public override string Text => Value.ToString("R", CultureInfo.InvariantCulture);

    protected override string? Read(string word, out double value)
    {
        if (!double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out value) || !double.IsFinite(value))
            return "argument must be a floating-point number";
        return value >= min && value <= max ? null : $"argument must be between {min} and {max} inclusive";
    }
}

/// <summary>Free text in one word.</summary>
public sealed class TextSetting(string name, string value, bool live = true, Func<string, string?>? apply = null)
    : Setting<string>(name, value, live, apply)
{
    /// <summary>Refuses texts it names a reason for.</summary>
    public Func<string, string?>? Check { get; init; }

    public override string Text => Value;

    protected override string? Read(string word, out string value)
    {
        value = word;
        return Check?.Invoke(word);
    }
}

/// <summary>One of some words.</summary>
public sealed class EnumSetting(string name, string value, string[] words, bool live = true, Func<string, string?>? apply = null)
    : Setting<string>(name, value, live, apply)
{
    public override string Text => Value;

    protected override string? Read(string word, out string value)
    {
        value = Array.Find(words, w => w.Equals(word, StringComparison.OrdinalIgnoreCase)) ?? "";
        return value.Length > 0 ? null : "argument(s) must be one of the following: " + string.Join(", ", words);
    }
}

/// <summary>Several words (bind, save, client-output-buffer-limit).</summary>
public sealed class WordsSetting(string name, string[] value, bool live = true, Func<IReadOnlyList<string>, string?>? apply = null)
    : Setting(name, live)
{
    private bool _parsed;

    public IReadOnlyList<string> Value { get; internal set; } = value;

    /// <summary>Refuses lines it names a reason for.</summary>
    public Func<IReadOnlyList<string>, string?>? Check { get; init; }

    /// <summary>Words per line of a file when they add up over lines (0: one line).</summary>
    public int PerLine { get; init; }

    public override string Text => string.Join(' ', Value);

    public override IEnumerable<string> Lines =>
        PerLine == 0 || Value.Count == 0
            ? [Value.Count == 0 ? "\"\"" : string.Join(' ', Value.Select(Quote))]
            : Value.Chunk(PerLine).Select(w => string.Join(' ', w.Select(Quote)));

    internal override string? Parse(IReadOnlyList<string> words)
    {
        if (words.Count == 1 && words[0].Contains(' ')) words = words[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Count == 1 && words[0].Length == 0) words = [];
        if (Check?.Invoke(words) is { } error) return error;
        Value = IsMultiple && _parsed && words.Count > 0 ? [.. Value, .. words] : [.. words];
        _parsed = true;
        return null;
    }

    /// <summary>The next line starts afresh (CONFIG SET, command line over file).</summary>
    internal void StartAfresh() => _parsed = false;

    internal override string? Apply() => apply?.Invoke(Value);

    internal override object? Save() => Value;

    internal override void Restore(object? saved) => Value = (IReadOnlyList<string>)saved!;
}
