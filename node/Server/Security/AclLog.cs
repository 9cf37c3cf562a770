// ACL LOG: what was denied to whom, newest first. The same denial repeated within a minute counts up its entry.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Security;

/// <summary>One denial, or several of the same kind.</summary>
internal sealed class AclLogEntry
{
    public required DenialKind Kind { get; init; }

    /// <summary>toplevel, multi, lua.</summary>
    public required string Context { get; init; }

    /// <summary>The command, key or channel.</summary>
    public required string Object { get; init; }

    public required string UserName { get; init; }

    public required long Id { get; init; }

    public required long CreatedMs { get; init; }

    public long UpdatedMs { get; set; }

    public long Count { get; set; } = 1;

    public string ClientInfo { get; set; } = "";

    public bool IsLike(AclLogEntry other) =>
        Kind == other.Kind && Context == other.Context && Object == other.Object && UserName == other.UserName;
}

internal sealed class AclLog
{
    private const long GroupingMs = 60_000;

    private readonly LinkedList<AclLogEntry> _entries = new();
    private long _nextId;

    /// <summary>acllog-max-len.</summary>
    public int Limit { get; set; } = 128;

    /// <summary>Denials since the start (INFO acl_access_denied_*), by <see cref="DenialKind"/>.</summary>
    public long[] Totals { get; } = new long[5];

    public void Add(DenialKind kind, string context, string name, string user, string clientInfo, long nowMs)
    {
        Totals[(int)kind]++;
        var entry = new AclLogEntry { Kind = kind, Context = context, Object = name, UserName = user, Id = _nextId, CreatedMs = nowMs };
        var like = _entries.First;
        while (like is not null && !(like.Value.IsLike(entry) && nowMs - like.Value.UpdatedMs <= GroupingMs)) like = like.Next;
        if (like is not null)
        {
            entry = like.Value;
            entry.Count++;
            _entries.Remove(like);
        }
        else _nextId++;
        entry.UpdatedMs = nowMs;
        entry.ClientInfo = clientInfo;
        _entries.AddFirst(entry);
        Trim();
    }

    /// <summary>Drops what is beyond the limit.</summary>
    public void Trim()
    {
        while (_entries.Count > Limit) _entries.RemoveLast();
    }

    public void Reset() => _entries.Clear();

    public void Write(ReplyWriter w, long count, long nowMs)
    {
        var shown = _entries.Take((int)Math.Clamp(count, 0, _entries.Count)).ToList();
        w.Array(shown.Count);
        foreach (var entry in shown)
        {
            w.Map(10);
            w.Bulk("count"u8);
            w.Integer(entry.Count);
            w.Bulk("reason"u8);
            w.Bulk(entry.Kind switch { DenialKind.Command => "command", DenialKind.Key => "key", DenialKind.Channel => "channel", _ => "auth" });
            w.Bulk("context"u8);
            w.Bulk(entry.Context);
            w.Bulk("object"u8);
            AclText.Write(w, entry.Object);
            w.Bulk("username"u8);
            AclText.Write(w, entry.UserName);
            w.Bulk("age-seconds"u8);
            w.Double((nowMs - entry.UpdatedMs) / 1000.0);
            w.Bulk("client-info"u8);
            w.Bulk(entry.ClientInfo);
            w.Bulk("entry-id"u8);
            w.Integer(entry.Id);
            w.Bulk("timestamp-created"u8);
            w.Integer(entry.CreatedMs);
            w.Bulk("timestamp-last-updated"u8);
            w.Integer(entry.UpdatedMs);
        }
    }
}
