// One entry as DUMP gives it and RESTORE takes it: type, value, version, checksum. Byte-compatible with Redis; slot migration
// sends the same.
using System.Buffers.Binary;
using Shoal.Protocol.Resp;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Store;

namespace Shoal.Server.Persistence;

/// <summary>Writes and reads DUMP payloads. Engine thread; one instance per user.</summary>
public sealed class DumpPayload
{
    private const int FooterBytes = 10;
    private readonly NativeBuffer _buffer = new(256);
    private readonly SnapshotEncoder _encoder;
    private readonly Databases _databases;
    private readonly EntryDecoder _decoder;

    public DumpPayload(Databases databases)
    {
        _databases = databases;
        _encoder = new SnapshotEncoder(_buffer);
        _decoder = new EntryDecoder(databases[0]);
    }

    /// <summary>Takes payloads whatever their checksum (DEBUG SET-SKIP-CHECKSUM-VALIDATION).</summary>
    public bool SkipsChecksum { get; set; }

    /// <summary>The payload of an entry; valid until the next call.</summary>
    public ReadOnlySpan<byte> Of(in EntryRef entry)
    {
        _buffer.Truncate(0);
        _encoder.Byte(EntryEncoder.TypeOf(entry));
        EntryEncoder.Value(_encoder, _databases[0], entry);
        _encoder.Raw([SnapshotFormat.WrittenVersion, 0]);
        ulong crc = Crc64.Append(0, _buffer.Written);
        _encoder.Int64((long)crc);
        return _buffer.Written;
    }

    /// <summary>True when version and checksum of <paramref name="payload"/> are right.</summary>
    public bool IsSound(ReadOnlySpan<byte> payload, bool mayBeEmpty = false)
    {
        if (payload.Length < FooterBytes || (payload.Length == FooterBytes && !mayBeEmpty)) return false;
        var footer = payload[^FooterBytes..];
        if (!SnapshotFormat.Reads(BinaryPrimitives.ReadUInt16LittleEndian(footer))) return false;
        return SkipsChecksum || BinaryPrimitives.ReadUInt64LittleEndian(footer[2..]) == Crc64.Append(0, payload[..^8]);
    }

    /// <summary>Creates <paramref name="key"/> (absent before) from a sound payload. Returns null, or why its content cannot be used;
    /// the key is then absent again.</summary>
    public string? Restore(Keyspace keys, ReadOnlySpan<byte> key, int slot, ReadOnlySpan<byte> payload, long expireAtMs)
    {
        using var from = new SnapshotDecoder(payload[..^FooterBytes].ToArray());
        try
        {
            var e = _decoder.Read(from, from.Byte(), keys, key, slot);
            if (!from.AtEnd) throw from.Corrupt("bytes behind the value");
            if (!e.Exists) throw from.Corrupt("empty value");
            if (expireAtMs >= 0) keys.SetExpiry(ref e, expireAtMs);
            return null;
        }
        catch (SnapshotCorruptException bad)
        {
            keys.Remove(key, slot);
            return bad.Message;
        }
    }
}
