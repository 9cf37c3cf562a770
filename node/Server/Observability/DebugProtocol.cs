// DEBUG PROTOCOL: one reply of each RESP type, for the tests of client libraries.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Observability;

internal static class DebugProtocol
{
    public static void Write(ref CommandContext c)
    {
        var reply = c.Reply;
        switch (System.Text.Encoding.Latin1.GetString(c[2]).ToLowerInvariant())
        {
            case "string":
                reply.Bulk("Hello World"u8);
                break;
            case "integer":
                reply.Integer(12345);
                break;
            case "double":
                reply.Double(3.141);
                break;
            case "null":
                reply.Null();
                break;
            case "array":
                reply.Array(3);
                for (int i = 0; i < 3; i++) reply.Integer(i);
                break;
            case "set":
                reply.Set(3);
                for (int i = 0; i < 3; i++) reply.Integer(i);
                break;
            case "map":
                reply.Map(3);
                for (int i = 0; i < 3; i++)
                {
                    reply.Integer(i);
                    reply.Bool(i == 1);
                }
                break;
            case "attrib":
                // Attributes exist in RESP3 only; the reply they describe follows.
                if (reply.Resp > 2) reply.Raw("|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"u8);
                reply.Bulk("Some real reply following the attribute"u8);
                break;
            case "push" when reply.Resp < 3:
                reply.Error("ERR RESP2 is not supported by this command");
                break;
            case "push":
                reply.Push(2);
                reply.Bulk("server-cpu-usage"u8);
                reply.Integer(42);
                break;
            case "verbatim":
                reply.Verbatim("This is a verbatim\nstring");
                break;
            case "bignum":
                reply.BigNumber("1234567999999999999999999999999999999"u8);
                break;
            case "true":
                reply.Bool(true);
                break;
            case "false":
                reply.Bool(false);
                break;
            default:
                reply.Error("ERR Wrong protocol type name. Please use one of the following: " +
                    "string|integer|double|null|array|set|map|attrib|push|verbatim|true|false");
                break;
        }
    }
}
