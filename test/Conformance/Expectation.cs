// What a reply must be: the right-hand side of a "<" line, parsed once, matched against reply trees.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Shoal.Protocol.Client;
using Shoal.Protocol.Resp;

namespace Shoal.Conformance;

/// <summary>A pattern over replies.</summary>
public abstract class Expectation
{
    /// <summary>True when <paramref name="reply"/> fits; captures go to <paramref name="captures"/>.</summary>
    public abstract bool Fits(Reply reply, Dictionary<string, string> captures);

    /// <summary>Parses the text behind "<". <paramref name="wrong"/> makes the exception for a text that is no pattern.</summary>
    public static Expectation Parse(string text, Func<string, Exception> wrong)
    {
        if (text.StartsWith('!')) return new ErrorIs(text[1..].Trim());
        if (text.StartsWith('+')) return new Scalar([ReplyKind.Simple], text[1..]);
        if (text.StartsWith('~')) return new Matches(text[1..]);
        if (text.StartsWith("sizes ", StringComparison.Ordinal)) return new Sized(int.Parse(text[6..], CultureInfo.InvariantCulture));
        if (text.StartsWith("in ", StringComparison.Ordinal))
        {
            var bounds = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return new Between(long.Parse(bounds[1], CultureInfo.InvariantCulture), long.Parse(bounds[2], CultureInfo.InvariantCulture));
        }
        bool unordered = text.StartsWith("unordered ", StringComparison.Ordinal);
        int at = unordered ? "unordered ".Length : 0;
        var parsed = ParseOne(text, ref at, wrong);
        while (at < text.Length && text[at] == ' ') at++;
        if (at < text.Length)
        {
            // A bare sentence is a simple string.
            if (parsed is Scalar && !text.StartsWith('"')) return new Scalar([ReplyKind.Simple], text);
            throw wrong($"what is '{text[at..]}' behind the reply?");
        }
        if (!unordered) return parsed;
        return parsed is Elements list ? new Elements(list.Items, Ordered: false) : throw wrong("unordered needs [...]");
    }

    private static Expectation ParseOne(string text, ref int at, Func<string, Exception> wrong)
    {
        while (at < text.Length && text[at] == ' ') at++;
        if (at >= text.Length) throw wrong("a reply is missing");
        switch (text[at])
        {
            case '[':
                return new Elements(ParseUntil(text, ref at, ']', wrong), Ordered: true);
            case '{':
                return new Pairs(ParseUntil(text, ref at, '}', wrong));
            case '"':
                return new Scalar([ReplyKind.Bulk, ReplyKind.Verbatim], Quoted(text, ref at, wrong));
        }
        int end = at;
        while (end < text.Length && text[end] is not (' ' or ']' or '}')) end++;
        string word = text[at..end];
        at = end;
        if (word.StartsWith("(nil", StringComparison.Ordinal)) return new Nothing();
        if (word == "*") return new Anything(null);
        if (word == "#t" || word == "#f") return new Flag(word == "#t");
        if (word[0] == '$') return new Anything(word[1..]);
        if (word[0] == '~') return new Matches(word[1..]);
        if (word[0] == ',') return new Real(double.Parse(word[1..].Replace("inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture));
        if (word[0] == '!') return new ErrorIs(word[1..]);
        if (word[0] == ':') return new Whole(long.Parse(word[1..], CultureInfo.InvariantCulture));
        if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)) return new Whole(number);
        return new Scalar([ReplyKind.Simple], word[0] == '+' ? word[1..] : word);
    }

    private static List<Expectation> ParseUntil(string text, ref int at, char end, Func<string, Exception> wrong)
    {
        var items = new List<Expectation>();
        at++;
        while (true)
        {
            while (at < text.Length && text[at] == ' ') at++;
            if (at >= text.Length) throw wrong($"'{end}' is missing");
            if (text[at] == end)
            {
                at++;
                return items;
            }
            items.Add(ParseOne(text, ref at, wrong));
        }
    }

    private static string Quoted(string text, ref int at, Func<string, Exception> wrong)
    {
        int end = at + 1;
        while (end < text.Length && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
        if (end >= text.Length) throw wrong("a quote is missing");
        var words = InlineRequest.SplitWords(Encoding.UTF8.GetBytes(text[at..(end + 1)])) ?? throw wrong("unbalanced quotes");
        at = end + 1;
        return words.Count == 0 ? "" : Encoding.Latin1.GetString(words[0]);
    }

    /// <summary>Bytes as one char each, so that binary replies compare exactly.</summary>
    internal static string TextOf(Reply reply) =>
        reply.Kind is ReplyKind.Integer or ReplyKind.Boolean ? reply.Text : Encoding.Latin1.GetString(reply.Bytes);

    private sealed class Scalar(ReplyKind[] kinds, string text) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) => kinds.Contains(reply.Kind) && TextOf(reply) == text;
    }

    private sealed class Whole(long value) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) => reply.Kind == ReplyKind.Integer && reply.Integer == value;
    }

    private sealed class Between(long low, long high) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) =>
            reply.Kind == ReplyKind.Integer && reply.Integer >= low && reply.Integer <= high;
    }

    private sealed class Real(double value) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) =>
            reply.Kind is ReplyKind.Double or ReplyKind.Bulk
            && double.TryParse(TextOf(reply).Replace("inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture, out double got)
            && got.Equals(value);
    }

    private sealed class Flag(bool value) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) =>
            reply.Kind is ReplyKind.Boolean or ReplyKind.Integer && reply.Integer == (value ? 1 : 0);
    }

    private sealed class Nothing : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) => reply.IsNull;
    }

    private sealed class Anything(string? capture) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures)
        {
            if (capture is not null) captures[capture] = TextOf(reply);
            return !reply.IsError;
        }
    }

    private sealed class ErrorIs(string text) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) =>
            reply.IsError && (text.EndsWith('*') ? reply.Text.StartsWith(text[..^1], StringComparison.Ordinal) : reply.Text.TrimEnd() == text.TrimEnd());
    }

    private sealed class Matches(string pattern) : Expectation
    {
        private readonly Regex _regex = new("^(?:" + pattern + ")$", RegexOptions.Singleline);

        public override bool Fits(Reply reply, Dictionary<string, string> captures) => !reply.IsError && _regex.IsMatch(TextOf(reply));
    }

    private sealed class Sized(int count) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures) =>
            reply.Kind is ReplyKind.Array or ReplyKind.Set or ReplyKind.Map or ReplyKind.Push && reply.Items.Count == count;
    }

    private sealed class Elements(List<Expectation> items, bool Ordered) : Expectation
    {
        public List<Expectation> Items => items;

        public override bool Fits(Reply reply, Dictionary<string, string> captures)
        {
            if (reply.Kind is not (ReplyKind.Array or ReplyKind.Set or ReplyKind.Push) || reply.Items.Count != items.Count) return false;
            if (Ordered) return items.Index().All(i => i.Item.Fits(reply.Items[i.Index], captures));
            var left = reply.Items.ToList();
            foreach (var item in items)
            {
                int found = left.FindIndex(r => item.Fits(r, captures));
                if (found < 0) return false;
                left.RemoveAt(found);
            }
            return true;
        }
    }

    private sealed class Pairs(List<Expectation> items) : Expectation
    {
        public override bool Fits(Reply reply, Dictionary<string, string> captures)
        {
            if (reply.Kind is not (ReplyKind.Array or ReplyKind.Map) || reply.Items.Count != items.Count) return false;
            var left = Enumerable.Range(0, items.Count / 2).ToList();
            for (int i = 0; i + 1 < items.Count; i += 2)
            {
                int found = left.FindIndex(p => items[i].Fits(reply.Items[p * 2], captures) && items[i + 1].Fits(reply.Items[p * 2 + 1], captures));
                if (found < 0) return false;
                left.RemoveAt(found);
            }
            return true;
        }
    }
}
