// Encodes our OpenAPI v2 document as the protobuf message openapi.v2.Document (field numbers from gnostic's OpenAPIv2.proto),
// the only form kubectl up to 1.26 asks for. Only what the document contains is encoded.
//
//   Document  swagger=1 info=2{title=1 version=2} paths=8{path=2*{name=1 value=2}} definitions=9{1*{name=1 value=2}}
//   PathItem  patch=8{operation_id=5 parameters=8*{1{2{3{in=2 name=4}}}} vendor_extension=13*}
//   Schema    format=2 description=4 multiple_of=6 maximum=7 exclusive_maximum=8 minimum=9 exclusive_minimum=10 max_length=11
//             min_length=12 pattern=13 max_items=14 min_items=15 required=19* enum=20*{yaml=2} additional_properties=21{1|2}
//             type=22{value=1*} items=23{schema=1*} properties=25{1*{name=1 value=2}} vendor_extension=31*
//   NamedAny  name=1 value=2{yaml=2}
using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Http;

internal static class OpenApiProtobuf
{
    public static byte[] Encode(JsonObject document)
    {
        var message = new Message();
        message.Text(1, document.Str("swagger"));
        message.Nested(2, info =>
        {
            info.Text(1, document.Str("info", "title"));
            info.Text(2, document.Str("info", "version"));
        });
        message.Nested(8, paths =>
        {
            foreach (var (path, item) in document.Obj("paths") ?? []) paths.Named(2, path, value => value.Nested(8, patch => Operation(patch, item.Obj("patch"))));
        });
        message.Nested(9, definitions =>
        {
            foreach (var (name, schema) in document.Obj("definitions") ?? []) definitions.Named(1, name, value => Schema(value, schema as JsonObject));
        });
        return message.ToArray();
    }

    private static void Operation(Message message, JsonObject? operation)
    {
        message.Text(5, operation.Str("operationId"));
        foreach (var parameter in operation.Arr("parameters") ?? [])
        {
            message.Nested(8, item => item.Nested(1, p => p.Nested(2, nonBody => nonBody.Nested(3, query =>
            {
                query.Text(2, "query");
                query.Text(4, parameter.Str("name"));
            }))));
        }
        Extensions(message, 13, operation);
    }

    private static void Schema(Message message, JsonObject? schema)
    {
        message.Text(2, schema.Str("format"));
        message.Text(4, schema.Str("description"));
        message.Double(6, schema.At("multipleOf").AsNumber());
        message.Double(7, schema.At("maximum").AsNumber());
        message.Bool(8, schema.IsTrue("exclusiveMaximum"));
        message.Double(9, schema.At("minimum").AsNumber());
        message.Bool(10, schema.IsTrue("exclusiveMinimum"));
        message.Integer(11, schema.Long("maxLength"));
        message.Integer(12, schema.Long("minLength"));
        message.Text(13, schema.Str("pattern"));
        message.Integer(14, schema.Long("maxItems"));
        message.Integer(15, schema.Long("minItems"));
        foreach (var name in schema.Arr("required") ?? []) message.Text(19, name.AsString());
        foreach (var value in schema.Arr("enum") ?? []) message.Nested(20, any => any.Text(2, JsonTree.ToText(value)));
        if (schema.At("additionalProperties") is JsonObject additional) message.Nested(21, item => item.Nested(1, s => Schema(s, additional)));
        else if (schema.IsTrue("additionalProperties")) message.Nested(21, item => item.Bool(2, true));
        if (schema.Str("type") is { } type) message.Nested(22, item => item.Text(1, type));
        if (schema.Obj("items") is { } items) message.Nested(23, item => item.Nested(1, s => Schema(s, items)));
        if (schema.Obj("properties") is { } properties)
        {
            message.Nested(25, map =>
            {
                foreach (var (name, property) in properties) map.Named(1, name, value => Schema(value, property as JsonObject));
            });
        }
        Extensions(message, 31, schema);
    }

    private static void Extensions(Message message, int field, JsonObject? owner)
    {
        foreach (var (name, value) in owner ?? [])
            if (name.StartsWith("x-", StringComparison.Ordinal)) message.Named(field, name, any => any.Text(2, JsonTree.ToText(value)));
    }

    /// <summary>A protobuf message being written.</summary>
    private sealed class Message
    {
        private const int Varint = 0;
        private const int Fixed64 = 1;
        private const int Bytes = 2;
        private readonly MemoryStream stream = new();

        public byte[] ToArray() => stream.ToArray();

        public void Text(int field, string? value)
        {
            if (string.IsNullOrEmpty(value)) return;
            var bytes = Encoding.UTF8.GetBytes(value);
            Tag(field, Bytes);
            Number((ulong)bytes.Length);
            stream.Write(bytes);
        }

        public void Bool(int field, bool value)
        {
            if (!value) return;
            Tag(field, Varint);
            Number(1);
        }

        public void Integer(int field, long? value)
        {
            if (value is not { } number || number == 0) return;
            Tag(field, Varint);
            Number((ulong)number);
        }

        public void Double(int field, double? value)
        {
            if (value is not { } number || number == 0) return;
            Tag(field, Fixed64);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, number);
            stream.Write(bytes);
        }

        public void Nested(int field, Action<Message> fill)
        {
            var inner = new Message();
            fill(inner);
            Tag(field, Bytes);
            Number((ulong)inner.stream.Length);
            inner.stream.WriteTo(stream);
        }

        public void Named(int field, string name, Action<Message> fill) => Nested(field, entry =>
        {
            entry.Text(1, name);
            entry.Nested(2, fill);
        });

        private void Tag(int field, int wireType) => Number((ulong)((field << 3) | wireType));

        private void Number(ulong value)
        {
            for (; value >= 0x80; value >>= 7) stream.WriteByte((byte)(value | 0x80));
            stream.WriteByte((byte)value);
        }
    }
}
