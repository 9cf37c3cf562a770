// Texts of ACL rules are bytes of clients and files. Here they are strings of one char per byte, so that nothing is lost and
// rules can be cut and compared as strings.
using System.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Security;

internal static class AclText
{
    public static string Of(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>The text of a UTF-8 string (a setting's value).</summary>
    public static string OfUtf8(string text) => Of(Encoding.UTF8.GetBytes(text));

    /// <summary>The text for people and logs.</summary>
    public static string ToUtf8(string text) => Encoding.UTF8.GetString(Bytes(text));

    /// <summary>A bulk string of exactly these bytes.</summary>
    public static void Write(ReplyWriter reply, string text) => reply.Bulk(Bytes(text));

    /// <summary>Holds a character no name or pattern may have.</summary>
    public static bool HasSpaces(ReadOnlySpan<char> text) => text.IndexOfAny(" \t\n\v\f\r\0") >= 0;
}
