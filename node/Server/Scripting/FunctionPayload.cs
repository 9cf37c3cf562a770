// What FUNCTION DUMP gives and FUNCTION RESTORE takes, byte-compatible with Redis: the function part of a snapshot, its version and a
// checksum.
using Shoal.Protocol.Resp;
using Shoal.Server.Persistence;
using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Scripting;

internal static class FunctionPayload
{
    private const int FooterBytes = 10;

    public static byte[] Of(FunctionSet set)
    {
        using var buffer = new NativeBuffer(1024);
        var encoder = new SnapshotEncoder(buffer);
        foreach (var library in set.Libraries)
        {
            encoder.Byte(SnapshotFormat.OpFunction);
            encoder.String(library.Code);
        }
        encoder.Raw([SnapshotFormat.WrittenVersion, 0]);
        encoder.Int64((long)Crc64.Append(0, buffer.Written));
        return buffer.Written.ToArray();
    }

    /// <summary>Reads a payload into <paramref name="set"/>: null, or why it cannot be (Redis's text without its code).</summary>
    public static string? Read(ReadOnlySpan<byte> payload, DumpPayload format, FunctionStore store, FunctionSet set)
    {
        // A dump of no libraries is a footer only.
        if (!format.IsSound(payload, mayBeEmpty: true)) return "DUMP payload version or checksum are wrong";
        using var from = new SnapshotDecoder(payload[..^FooterBytes].ToArray());
        try
        {
            while (!from.AtEnd)
            {
                byte type = from.Byte();
                if (type == SnapshotFormat.OpFunctionPreGa) return "Pre-GA function format not supported";
                if (type != SnapshotFormat.OpFunction) return "given type is not a function";
                if (store.Load(set, from.String().ToArray(), replaces: false, mayTakeLong: true, out _) is { } error) return error;
            }
            return null;
        }
        catch (SnapshotCorruptException)
        {
            return "failed loading the given functions payload";
        }
    }
}
