// The SHA1 that names an EVAL script, as a dictionary key: no text is made for a lookup.
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Shoal.Server.Scripting;

/// <summary>20 bytes of SHA1.</summary>
internal readonly record struct ScriptHash(ulong A, ulong B, uint C)
{
    /// <summary>Length of its hexadecimal text.</summary>
    public const int TextLength = 40;

    public static ScriptHash Of(ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[20];
        SHA1.HashData(body, hash);
        return From(hash);
    }

    /// <summary>Reads 40 hexadecimal digits in any case.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out ScriptHash hash)
    {
        hash = default;
        Span<byte> bytes = stackalloc byte[20];
        if (text.Length != TextLength || Convert.FromHexString(text, bytes, out _, out _) != System.Buffers.OperationStatus.Done) return false;
        hash = From(bytes);
        return true;
    }

    /// <summary>40 digits in lower case.</summary>
    public override string ToString() => $"{A:x16}{B:x16}{C:x8}";

    private static ScriptHash From(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]));
}
