// The options before the ID of an XADD, and those of XTRIM: which are the same but for the ID.
using Shoal.Protocol.Resp;
using Shoal.Store.Values;

namespace Shoal.Server.Commands;

/// <summary>What an XADD or XTRIM asks for.</summary>
internal struct StreamAddOptions
{
    /// <summary>How to cut; meaningful when <see cref="Trims"/>.</summary>
    public TrimRule Rule;

    /// <summary>Argument of the threshold; 0 = no trimming asked for.</summary>
    public int ThresholdAt;

    /// <summary>Argument of the ID (XADD).</summary>
    public int IdAt;

    /// <summary>Do not create the stream (XADD).</summary>
    public bool NoCreate;

    /// <summary>The ID as given (XADD): nothing for "*", only its milliseconds for "ms-*".</summary>
    public StreamId Id;

    public bool IdGiven, SequenceGiven;

    public readonly bool Trims => ThresholdAt > 0;

    /// <summary>Reads them; false with the error written when they are wrong.</summary>
    public static bool TryRead(ref CommandContext c, bool adds, out StreamAddOptions options)
    {
        options = default;
        var rule = new TrimRule();
        bool limitGiven = false;
        for (int i = 2; i < c.ArgCount && options.IdAt == 0; i++)
        {
            var word = c[i];
            bool more = i + 1 < c.ArgCount;
            if (adds && word.SequenceEqual("*"u8)) options.IdAt = i;
            else if (more && (word.Is("MAXLEN"u8) || word.Is("MINID"u8)))
            {
                if (options.Trims) return Refuse(ref c, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
                bool two = i + 2 < c.ArgCount, about = two && c[i + 1].SequenceEqual("~"u8);
                if (about || (two && c[i + 1].SequenceEqual("="u8))) i++;
                options.ThresholdAt = ++i;
                rule = rule with { Approximate = about, ByLength = word.Is("MAXLEN"u8) };
                if (!TryThreshold(ref c, i, ref rule)) return false;
            }
            else if (more && word.Is("LIMIT"u8))
            {
                if (!c.TryInteger(++i, out long limit)) return false;
                if (limit < 0) return Refuse(ref c, "ERR The LIMIT argument must be >= 0.");
                rule = rule with { Limit = limit };
                limitGiven = true;
            }
            else if (adds && word.Is("NOMKSTREAM"u8)) options.NoCreate = true;
            else if (!adds) return Refuse(ref c, ErrorReplies.Syntax);
            else if (!StreamId.TryParse(word, 0, out options.Id, out bool open)) return Refuse(ref c, StreamInput.InvalidId);
            else
            {
                options.IdAt = i;
                options.IdGiven = true;
                options.SequenceGiven = !open;
            }
        }
        return options.TryFinish(ref c, adds, rule, limitGiven);
    }

    private bool TryFinish(ref CommandContext c, bool adds, TrimRule rule, bool limitGiven)
    {
        if (rule.Limit > 0 && !Trims) return Refuse(ref c, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
        if (!adds && !Trims) return Refuse(ref c, "ERR syntax error, XTRIM must be called with a trimming strategy");
        // The journal carries the exact outcome of a limited cut: nothing may stop it short.
        if (c.IsReplay) rule = rule with { Limit = 0 };
        else if (limitGiven && !rule.Approximate) return Refuse(ref c, "ERR syntax error, LIMIT cannot be used without the special ~ option");
        else if (!limitGiven && rule.Approximate)
        {
            long limit = unchecked(100 * c.Keys.Limits.StreamNodeEntries);
            rule = rule with { Limit = limit <= 0 ? 10_000 : Math.Min(limit, 1_000_000) };
        }
        Rule = rule;
        return true;
    }

    private static bool TryThreshold(ref CommandContext c, int at, ref TrimRule rule)
    {
        if (!rule.ByLength)
        {
            if (!c.TryStrictId(at, out var min)) return false;
            rule = rule with { MinId = min };
            return true;
        }
        if (!c.TryInteger(at, out long length)) return false;
        if (length < 0) return Refuse(ref c, "ERR The MAXLEN argument must be >= 0.");
        rule = rule with { MaxLength = length };
        return true;
    }

    private static bool Refuse(ref CommandContext c, string error)
    {
        c.Reply.Error(error);
        return false;
    }
}
