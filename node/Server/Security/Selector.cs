// One set of permissions of a user: commands, keys and channels that belong together. A user has a root selector and may have
// more; what one of them permits as a whole is permitted.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;
using Shoal.Store;

namespace Shoal.Server.Security;

internal sealed class Selector
{
    private readonly List<KeyPattern> _keys;
    private readonly List<byte[]> _channels;

    public Selector(int commandCount, bool allChannels)
    {
        Commands = new CommandPermissions(commandCount);
        _keys = [];
        _channels = [];
        AllChannels = allChannels;
    }

    private Selector(Selector other)
    {
        Commands = other.Commands.Copy();
        _keys = [.. other._keys];
        _channels = [.. other._channels];
        (AllKeys, AllChannels) = (other.AllKeys, other.AllChannels);
    }

    public CommandPermissions Commands { get; }

    public bool AllKeys { get; private set; }

    public bool AllChannels { get; private set; }

    public bool IsUnrestricted => Commands.All && AllKeys && AllChannels;

    /// <summary>Key patterns as ACL GETUSER prints them.</summary>
    public string KeysText => AllKeys ? "~*" : string.Join(' ', _keys.Select(k => k.Text));

    /// <summary>Channel patterns as ACL GETUSER prints them.</summary>
    public string ChannelsText => AllChannels ? "&*" : string.Join(' ', _channels.Select(c => "&" + AclText.Of(c)));

    /// <summary>The selector as ACL LIST prints it.</summary>
    public string Text
    {
        get
        {
            string keys = KeysText, channels = AllChannels ? "&*" : ("resetchannels " + ChannelsText).TrimEnd();
            return (keys.Length == 0 ? "" : keys + " ") + channels + " " + Commands.Text;
        }
    }

    public Selector Copy() => new(this);

    public void SetAllKeys(bool all)
    {
        AllKeys = all;
        _keys.Clear();
    }

    public void SetAllChannels(bool all)
    {
        AllChannels = all;
        _channels.Clear();
    }

    public void AddKeys(byte[] glob, KeyAccess access)
    {
        int known = _keys.FindIndex(k => k.Glob.AsSpan().SequenceEqual(glob));
        if (known < 0) _keys.Add(new KeyPattern(glob, access));
        else _keys[known] = _keys[known] with { Access = _keys[known].Access | access };
    }

    public void AddChannels(byte[] glob)
    {
        if (!_channels.Exists(c => c.AsSpan().SequenceEqual(glob))) _channels.Add(glob);
    }

    public bool AllowsKey(ReadOnlySpan<byte> key, KeyAccess needed)
    {
        if (AllKeys) return true;
        foreach (var pattern in _keys)
            if (pattern.Permits(key, needed)) return true;
        return false;
    }

    /// <summary>Any key at all, for commands whose keys no one can tell beforehand.</summary>
    public bool AllowsEveryKey(KeyAccess needed) =>
        AllKeys || _keys.Exists(k => (k.Access & needed) == needed && k.Glob.AsSpan().SequenceEqual("*"u8));

    /// <summary>A pattern to subscribe to must be listed as it is; a channel must match one.</summary>
    public bool AllowsChannel(ReadOnlySpan<byte> channel, bool isPattern)
    {
        if (AllChannels) return true;
        foreach (byte[] allowed in _channels)
            if (isPattern ? channel.SequenceEqual(allowed) : GlobPattern.Matches(allowed, channel)) return true;
        return false;
    }

    /// <summary>What of the request is denied first, and the argument it concerns; <paramref name="keys"/> are the request's keys.</summary>
    public DenialKind Check(Command command, in Request request, List<KeyReference> keys, out int argument)
    {
        argument = 0;
        if (!Commands.Allows(command, request)) return DenialKind.Command;
        if (!AllKeys)
        {
            foreach (var key in keys)
            {
                argument = key.Index;
                if (!AllowsKey(request[key.Index], KeyPattern.NeededFor(key.Flags))) return DenialKind.Key;
            }
        }
        if (AllChannels || !ChannelArguments.Of(command, out int from, out int to, out bool arePatterns)) return DenialKind.None;
        for (int i = from; i < request.Count && i <= to; i++)
        {
            argument = i;
            if (!AllowsChannel(request[i], arePatterns)) return DenialKind.Channel;
        }
        return DenialKind.None;
    }
}
