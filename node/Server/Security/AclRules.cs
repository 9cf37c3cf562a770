// The language of ACL rules: one word changes one thing of a user. Facts: redis.io/docs/latest/operate/oss_and_stack/management/security/acl.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Security;

/// <summary>Applies rules to users that are not in use yet (see <see cref="Users"/>).</summary>
internal sealed class AclRules(CommandTable commands)
{
    private const string Syntax = "Syntax error";
    private const string KeysAfterAll =
        "Adding a pattern after the * pattern (or the 'allkeys' flag) "
        + "is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    private const string ChannelsAfterAll =
        "Adding a pattern after the * pattern (or the 'allchannels' flag) "
        + "is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels";
    private const string BadHash = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
    private const string NoSuchPassword = "The password you are trying to remove from the user does not exist";
    private const string FirstArgumentOfSubcommand = "Allowing first-arg of a subcommand is not supported";

    /// <summary>A command or category nobody knows: start-up reads on, for it may only be a newer one.</summary>
    public const string Unknown = "Unknown command or category name in ACL";

    /// <summary>acl-pubsub-default is allchannels.</summary>
    public bool ChannelsByDefault { get; set; }

    /// <summary>
    /// Joins the words of selectors that were written with spaces: <c>(+get ~a)</c> comes as two words. Null when one is not
    /// closed, and then <paramref name="open"/> is its index.
    /// </summary>
    public static List<string>? Join(IReadOnlyList<string> words, out int open)
    {
        var joined = new List<string>();
        open = -1;
        string selector = "";
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i];
            bool closes = word.EndsWith(')');
            if (open < 0 && word.StartsWith('(') && !closes) (open, selector) = (i, word);
            else if (open < 0) joined.Add(word);
            else
            {
                selector += " " + word;
                if (!closes) continue;
                joined.Add(selector);
                open = -1;
            }
        }
        return open < 0 ? joined : null;
    }

    /// <summary>Applies one rule; null, or why it cannot be.</summary>
    public string? Apply(User user, string rule)
    {
        if (rule.Length == 0) return null;
        switch (rule.ToLowerInvariant())
        {
            case "on":
                user.IsEnabled = true;
                return null;
            case "off":
                user.IsEnabled = false;
                return null;
            case "nopass" or "resetpass":
                user.NeedsNoPassword = rule[0] is 'n' or 'N';
                user.Passwords.Clear();
                return null;
            case "sanitize-payload" or "skip-sanitize-payload":
                user.SkipsSanitizing = rule.Length > 16;
                return null;
            case "clearselectors":
                user.Selectors.RemoveRange(1, user.Selectors.Count - 1);
                return null;
            case "reset":
                Reset(user);
                return null;
        }
        if (rule[0] is '>' or '<' or '#' or '!') return Password(user, rule[0], rule[1..]);
        if (rule[0] != '(' || rule[^1] != ')') return Apply(user.Root, rule);
        var selector = user.AddSelector(ChannelsByDefault);
        // Unbalanced quotes make a selector that permits nothing, as in Redis.
        foreach (byte[] word in InlineRequest.SplitWords(AclText.Bytes(rule[1..^1])) ?? [])
            if (Apply(selector, AclText.Of(word)) is { } error) return error;
        user.Selectors.Add(selector);
        return null;
    }

    private void Reset(User user)
    {
        user.Passwords.Clear();
        user.NeedsNoPassword = user.IsEnabled = user.SkipsSanitizing = false;
        user.Selectors.RemoveRange(1, user.Selectors.Count - 1);
        user.Root.SetAllKeys(false);
        user.Root.SetAllChannels(ChannelsByDefault);
        user.Root.Commands.SetAll(false);
    }

    private static string? Password(User user, char kind, string text)
    {
        string hash = text;
        if (kind is '>' or '<') hash = PasswordHash.Of(AclText.Bytes(text));
        else if (!PasswordHash.IsValid(text)) return BadHash;
        if (kind is '<' or '!') return user.Passwords.Remove(hash) ? null : NoSuchPassword;
        if (!user.Passwords.Contains(hash)) user.Passwords.Add(hash);
        user.NeedsNoPassword = false;
        return null;
    }

    private string? Apply(Selector selector, string rule)
    {
        if (rule.Length == 0) return Syntax;
        switch (rule.ToLowerInvariant())
        {
            case "allkeys" or "~*":
                selector.SetAllKeys(true);
                return null;
            case "resetkeys":
                selector.SetAllKeys(false);
                return null;
            case "allchannels" or "&*":
                selector.SetAllChannels(true);
                return null;
            case "resetchannels":
                selector.SetAllChannels(false);
                return null;
            case "allcommands" or "+@all":
                selector.Commands.SetAll(true);
                return null;
            case "nocommands" or "-@all":
                selector.Commands.SetAll(false);
                return null;
        }
        return rule[0] switch
        {
            '~' or '%' => Keys(selector, rule),
            '&' => Channels(selector, rule[1..]),
            '+' or '-' when rule.Length > 1 && rule[1] == '@' => Category(selector, rule[2..], rule[0] == '+'),
            '+' => Allow(selector, rule[1..]),
            '-' => Deny(selector, rule[1..]),
            _ => Syntax,
        };
    }

    private static string? Keys(Selector selector, string rule)
    {
        if (selector.AllKeys) return KeysAfterAll;
        var access = KeyAccess.All;
        int at = 1;
        if (rule[0] == '%')
        {
            access = KeyAccess.None;
            for (; at < rule.Length && rule[at] != '~'; at++)
            {
                var one = rule[at] switch { 'r' or 'R' => KeyAccess.Read, 'w' or 'W' => KeyAccess.Write, _ => KeyAccess.None };
                if (one == KeyAccess.None || (access & one) != 0) return Syntax;
                access |= one;
            }
            if (access == KeyAccess.None) return Syntax;
            at = Math.Min(at + 1, rule.Length);
        }
        if (AclText.HasSpaces(rule.AsSpan(at))) return Syntax;
        selector.AddKeys(AclText.Bytes(rule[at..]), access);
        return null;
    }

    private static string? Channels(Selector selector, string glob)
    {
        if (selector.AllChannels) return ChannelsAfterAll;
        if (AclText.HasSpaces(glob)) return Syntax;
        selector.AddChannels(AclText.Bytes(glob));
        return null;
    }

    private string? Category(Selector selector, string name, bool allow)
    {
        uint category = CommandCategories.Find(name);
        if (category == 0) return Unknown;
        selector.Commands.SetCategory(commands, name, category, allow);
        return null;
    }

    private string? Allow(Selector selector, string name)
    {
        int bar = name.LastIndexOf('|');
        if (bar < 0 || Find(name) is { Container: not null })
        {
            if (Find(name) is not { } command) return Unknown;
            selector.Commands.SetCommand(command, true);
            return null;
        }
        if (Find(name[..bar]) is not { } container) return Unknown;
        if (container.Container is not null) return FirstArgumentOfSubcommand;
        if (bar == name.Length - 1) return Syntax;
        if (container.Subcommands.Count > 0) return Unknown;
        selector.Commands.AllowFirstArgument(container, name[(bar + 1)..]);
        return null;
    }

    private string? Deny(Selector selector, string name)
    {
        if (Find(name) is not { } command) return Unknown;
        selector.Commands.SetCommand(command, false);
        return null;
    }

    private Command? Find(string name)
    {
        int bar = name.IndexOf('|', StringComparison.Ordinal);
        return bar < 0 ? commands.Find(name) : commands.Find(name[..bar])?.Subcommand(AclText.Bytes(name[(bar + 1)..]));
    }
}
