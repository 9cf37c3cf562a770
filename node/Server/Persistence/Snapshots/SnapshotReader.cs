// An RDB file -> the keyspace. Reads every version and encoding of the types we hold; what it cannot load it names, with the
// offset, instead of loading half.
using System.Buffers.Text;
using System.Globalization;
using Text = System.Text.Encoding;
using Shoal.Protocol.Slots;
using Shoal.Store;

namespace Shoal.Server.Persistence.Snapshots;

/// <summary>What a load found beside the entries.</summary>
public sealed class SnapshotContents
{
    public long Keys { get; internal set; }

    /// <summary>Entries left out because their time had come.</summary>
    public long Expired { get; internal set; }

    /// <summary>History the snapshot belongs to, or null.</summary>
    public string? ReplicationId { get; internal set; }

    public long ReplicationOffset { get; internal set; } = -1;

    /// <summary>Database the stream behind the snapshot has selected.</summary>
    public int StreamDb { get; internal set; }

    /// <summary>Bytes of the snapshot, its checksum included.</summary>
    public long Length { get; internal set; }
}

/// <summary>Loads snapshots. Engine thread.</summary>
public sealed class SnapshotReader(Databases databases, SnapshotFunctions functions)
{
    private const int TickEvery = 256;
    private readonly EntryDecoder _entries = new(databases[0]);
    private byte[] _key = new byte[256];
    private ulong _clientWord;

    /// <summary>Entries whose time has come are left out (a primary's own file); else they are kept until the journal says so.</summary>
    public bool DropsExpired { get; init; }

    /// <summary>A key that is there already is replaced; else it is damage.</summary>
    public bool Replaces { get; init; }

    /// <summary>Called every few hundred entries with the offset reached: serve sockets, count progress.</summary>
    public Action<long>? Tick { get; init; }

    /// <summary>True when <paramref name="head"/> begins a snapshot.</summary>
    public static bool IsSnapshot(ReadOnlySpan<byte> head) => head.StartsWith("REDIS"u8);

    /// <summary>Loads one snapshot into the databases. Throws <see cref="SnapshotCorruptException"/>; what was loaded before stays.</summary>
    public SnapshotContents Load(SnapshotDecoder from)
    {
        var contents = new SnapshotContents();
        int version = Version(from);
        var keys = databases[0];
        while (true)
        {
            byte op = from.Byte();
            switch (op)
            {
                case SnapshotFormat.OpEnd:
                    Footer(from, version);
                    contents.Length = from.Offset;
                    return contents;
                case SnapshotFormat.OpSelect:
                    long db = from.Length();
                    if (db < 0 || db >= databases.Count || (databases.ClusterMode && db > 0))
                        throw from.Corrupt($"database {db}, and this node has {(databases.ClusterMode ? 1 : databases.Count)}");
                    keys = databases[(int)db];
                    break;
                case SnapshotFormat.OpResize:
                    from.Length();
                    from.Length();
                    break;
                case SnapshotFormat.OpSlotHint:
                    for (int i = 0; i < 3; i++) from.Length();
                    break;
                case SnapshotFormat.OpAux:
                    Aux(from, contents);
                    break;
                case SnapshotFormat.OpFunction:
                    if (functions.Load(from.String().ToArray(), Replaces) is { } error) throw from.Corrupt("Failed creating the library: " + error);
                    break;
                case SnapshotFormat.OpModuleAux:
                    throw from.Corrupt("the file holds data of a module, which this node does not load");
                case SnapshotFormat.OpFunctionPreGa:
                    throw from.Corrupt("functions of a release candidate of Redis 7");
                default:
                    Entry(from, op, keys, contents);
                    break;
            }
        }
    }

    private static int Version(SnapshotDecoder from)
    {
        var head = from.Take(9);
        if (!IsSnapshot(head)) throw new SnapshotCorruptException("wrong signature, not an RDB file", 0);
        if (!Utf8Parser.TryParse(head[5..], out int version, out int used) || used != 4 || !SnapshotFormat.Reads(version))
            throw new SnapshotCorruptException($"RDB version {Text.Latin1.GetString(head[5..])} cannot be read", 5);
        return version;
    }

    private static void Footer(SnapshotDecoder from, int version)
    {
        if (version < 5) return;
        ulong expected = from.Checksum;
        long at = from.Offset;
        ulong found = (ulong)from.Int64();
        if (found != 0 && found != expected)
            throw new SnapshotCorruptException($"wrong checksum: the file says {found:x16}, its bytes sum to {expected:x16}", at);
    }

    private void Entry(SnapshotDecoder from, byte op, Keyspace keys, SnapshotContents contents)
    {
        long expireAt = -1, idle = -1;
        int frequency = -1;
        byte type = op;
        while (type is >= SnapshotFormat.OpIdle and not SnapshotFormat.OpAux)
        {
            switch (type)
            {
                case SnapshotFormat.OpExpirySeconds:
                    expireAt = from.Int32() * 1000L;
                    break;
                case SnapshotFormat.OpExpiryMs:
                    expireAt = from.Int64();
                    break;
                case SnapshotFormat.OpIdle:
                    idle = from.Length();
                    break;
                case SnapshotFormat.OpFrequency:
                    frequency = from.Byte();
                    break;
                default:
                    throw from.Corrupt($"opcode 0x{type:x2} between an expiry and its entry");
            }
            type = from.Byte();
        }
        var name = from.String();
        if (_key.Length < name.Length) _key = new byte[name.Length * 2];
        name.CopyTo(_key);
        var key = _key.AsSpan(0, name.Length);
        int slot = databases.ClusterMode ? HashSlot.Of(key) : 0;
        if (Replaces) keys.Remove(key, slot);
        else if (keys.Peek(key, slot).Exists) throw from.Corrupt($"key '{EntryDecoder.Printable(key)}' appears twice");
        var e = _entries.Read(from, type, keys, key, slot);
        if (!e.Exists) return;
        if (DropsExpired && expireAt >= 0 && expireAt <= databases.NowMs)
        {
            contents.Expired++;
            keys.Remove(key, slot);
            return;
        }
        contents.Keys++;
        if (_clientWord != 0 && e.Type == Store.ValueType.String) keys.SetClientWord(ref e, _clientWord);
        _clientWord = 0;
        if (expireAt >= 0) keys.SetExpiry(ref e, expireAt);
        if (frequency >= 0 && databases.Clock.CountsFrequency) databases.Clock.SetFrequency(e, frequency);
        else if (idle >= 0 && !databases.Clock.CountsFrequency) databases.Clock.SetIdle(e, idle);
        if (contents.Keys % TickEvery == 0) Tick?.Invoke(from.Offset);
    }

    private void Aux(SnapshotDecoder from, SnapshotContents contents)
    {
        string name = Text.Latin1.GetString(from.String());
        if (name == "lua")
        {
            from.SkipString(); // scripts of Redis 6: not part of the data set
            return;
        }
        string value = Text.Latin1.GetString(from.String());
        if (name == SnapshotFormat.ClientWordAux && long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out long word))
            _clientWord = (ulong)word;
        else if (name == "repl-id" && value.Length == 40) contents.ReplicationId = value;
        else if (name == "repl-offset" && long.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out long offset))
            contents.ReplicationOffset = offset;
        else if (name == "repl-stream-db" && int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out int db))
            contents.StreamDb = db;
    }
}
