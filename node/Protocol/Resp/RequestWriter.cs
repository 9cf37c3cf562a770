// Arguments -> a RESP array of bulk strings: the journal's form of a command, and what links send.
using System.Buffers.Text;

namespace Shoal.Protocol.Resp;

/// <summary>Writes requests into native buffers.</summary>
public static unsafe class RequestWriter
{
    /// <summary>"*count\r\n"; follow with <paramref name="count"/> bulks.</summary>
    public static void Header(NativeBuffer into, int count) => Prefix(into, (byte)'*', count);

    /// <summary>One argument.</summary>
    public static void Bulk(NativeBuffer into, ReadOnlySpan<byte> argument)
    {
        Prefix(into, (byte)'$', argument.Length);
        byte* p = into.Reserve(argument.Length + 2);
        argument.CopyTo(new Span<byte>(p, argument.Length));
        p[argument.Length] = (byte)'\r';
        p[argument.Length + 1] = (byte)'\n';
        into.Advance(argument.Length + 2);
    }

    /// <summary>One decimal argument.</summary>
    public static void Bulk(NativeBuffer into, long number)
    {
        Span<byte> text = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, text, out int length);
        Bulk(into, text[..length]);
    }

    private static void Prefix(NativeBuffer into, byte kind, int number)
    {
        byte* p = into.Reserve(16);
        *p = kind;
        Utf8Formatter.TryFormat(number, new Span<byte>(p + 1, 11), out int digits);
        p[digits + 1] = (byte)'\r';
        p[digits + 2] = (byte)'\n';
        into.Advance(digits + 3);
    }
}
