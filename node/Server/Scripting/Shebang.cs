// The first line of a script that says what it is: "#!lua flags=no-writes" of EVAL, "#!lua name=mylib" of FUNCTION LOAD.
using System.Text;

namespace Shoal.Server.Scripting;

/// <summary>Reads shebang lines. Errors are Redis's texts, without their code.</summary>
internal static class Shebang
{
    /// <summary>Flags of an EVAL script and the length of its shebang (0 without one); the line feed behind it stays, so that line
    /// numbers are the user's.</summary>
    public static string? ReadScript(ReadOnlySpan<byte> body, out ScriptFlags flags, out int length)
    {
        flags = ScriptFlags.Undeclared;
        length = 0;
        if (!body.StartsWith("#!"u8)) return null;
        int end = body.IndexOf((byte)'\n');
        if (end < 0) return "Invalid script shebang";
        string[] words = Words(body[..end]);
        if (words.Length == 0) return "Invalid engine in script shebang";
        if (words[0] != "#!lua") return "Unexpected engine in script shebang: " + words[0];
        flags = ScriptFlags.None;
        for (int i = 1; i < words.Length; i++)
        {
            if (!words[i].StartsWith("flags=", StringComparison.Ordinal)) return "Unknown lua shebang option: " + words[i];
            string list = words[i]["flags=".Length..];
            if (list.Length == 0) continue;
            foreach (string name in list.Split(','))
            {
                var flag = ScriptFlagNames.Find(Encoding.Latin1.GetBytes(name), ignoreCase: false);
                if (flag == ScriptFlags.None) return "Unexpected flag in script shebang: " + name;
                flags |= flag;
            }
        }
        length = end;
        return null;
    }

    /// <summary>Name of a function library and the length of its shebang.</summary>
    public static string? ReadLibrary(ReadOnlySpan<byte> code, out string name, out int length)
    {
        name = "";
        length = 0;
        if (!code.StartsWith("#!"u8)) return "Missing library metadata";
        int end = code.IndexOf((byte)'\n');
        if (end < 0) return "Invalid library metadata";
        string[] words = Words(code[..end]);
        if (words.Length == 0) return "Invalid library metadata";
        string? given = null;
        for (int i = 1; i < words.Length; i++)
        {
            if (!words[i].StartsWith("name=", StringComparison.OrdinalIgnoreCase)) return "Invalid metadata value given: " + words[i];
            if (given is not null) return "Invalid metadata value, name argument was given multiple times";
            given = words[i]["name=".Length..];
        }
        if (given is null) return "Library name was not given";
        if (!IsName(given)) return BadLibraryName;
        string engine = words[0][2..];
        if (!engine.Equals("lua", StringComparison.OrdinalIgnoreCase)) return $"Engine '{engine}' not found";
        name = given;
        length = end;
        return null;
    }

    /// <summary>Redis says the same of a function's name.</summary>
    public const string BadLibraryName =
        "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

    /// <summary>True for names a library or function may have.</summary>
    public static bool IsName(string name) => name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>Words between white space; quotes keep it and go away. None when a quote is not closed at the end of its word.</summary>
    private static string[] Words(ReadOnlySpan<byte> line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        string text = Encoding.Latin1.GetString(line);
        for (int i = 0; i < text.Length;)
        {
            if (char.IsWhiteSpace(text[i]))
            {
                i++;
                continue;
            }
            word.Clear();
            for (char quote = '\0'; i < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[i])); i++)
            {
                if (quote == '\0' && text[i] is ('"' or '\'')) quote = text[i];
                else if (quote != '\0' && text[i] == quote)
                {
                    if (i + 1 < text.Length && !char.IsWhiteSpace(text[i + 1])) return [];
                    quote = '\0';
                }
                else word.Append(text[i]);
                if (quote != '\0' && i + 1 == text.Length) return [];
            }
            words.Add(word.ToString());
        }
        return [.. words];
    }
}
