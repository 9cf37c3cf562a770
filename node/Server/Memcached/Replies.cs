// Answers both memcached protocols share.
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Memcached;

internal static class Replies
{
    public const string BadLine = "CLIENT_ERROR bad command line format";
    public const string BadChunk = "CLIENT_ERROR bad data chunk";
    public const string NotNumeric = "CLIENT_ERROR cannot increment or decrement non-numeric value";
    public const string TooLarge = "SERVER_ERROR object too large for cache";

    public static void Line(this ReplyWriter to, ReadOnlySpan<byte> text)
    {
        to.Raw(text);
        to.Raw("\r\n"u8);
    }

    public static void Line(this ReplyWriter to, string text) => Line(to, System.Text.Encoding.UTF8.GetBytes(text));

    public static void Number(this ReplyWriter to, ulong value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out int n);
        to.Raw(digits[..n]);
    }

    public static void Number(this ReplyWriter to, long value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out int n);
        to.Raw(digits[..n]);
    }

    /// <summary>A RESP error in this protocol's words.</summary>
    public static void Refused(this ReplyWriter to, string refusal)
    {
        to.Raw("SERVER_ERROR "u8);
        Line(to, refusal.StartsWith("OOM", StringComparison.Ordinal) ? "out of memory storing object" : refusal);
    }
}
