// kubectl 1.32 and later sends the bodies of its own create commands in Kubernetes's protobuf, without asking. We answer in JSON
// always, but read that form for the kinds such commands make: namespaces, config maps, secrets, service accounts, evictions, access
// reviews and delete options. Everything else answers 415 and names what is accepted.
//
//   body: "k8s\0" then Unknown { typeMeta=1 { apiVersion=1 kind=2 } raw=2 }
//   raw is the object; field numbers below are those of the generated.proto files of k8s.io/api.
using System.Text;
using System.Text.Json.Nodes;
using Shoal.Sandbox.Api.Json;

namespace Shoal.Sandbox.Api.Http;

internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";
    private static readonly byte[] Magic = [(byte)'k', (byte)'8', (byte)'s', 0];

    private enum Form { Text, Bytes, Flag, Number, Nested, TextMap, BytesMap }

    private sealed record Field(string Name, Form Form, bool Repeated = false, IReadOnlyDictionary<int, Field>? Of = null);

    private static readonly Dictionary<int, Field> Owner = new()
    {
        [1] = new("kind", Form.Text), [3] = new("name", Form.Text), [4] = new("uid", Form.Text), [5] = new("apiVersion", Form.Text),
        [6] = new("controller", Form.Flag), [7] = new("blockOwnerDeletion", Form.Flag),
    };

    private static readonly Field Metadata = new("metadata", Form.Nested, Of: new Dictionary<int, Field>
    {
        [1] = new("name", Form.Text), [2] = new("generateName", Form.Text), [3] = new("namespace", Form.Text), [5] = new("uid", Form.Text),
        [6] = new("resourceVersion", Form.Text), [11] = new("labels", Form.TextMap), [12] = new("annotations", Form.TextMap),
        [13] = new("ownerReferences", Form.Nested, Repeated: true, Of: Owner), [14] = new("finalizers", Form.Text, Repeated: true),
    });

    private static readonly Dictionary<int, Field> Attributes = new()
    {
        [1] = new("namespace", Form.Text), [2] = new("verb", Form.Text), [3] = new("group", Form.Text), [4] = new("version", Form.Text),
        [5] = new("resource", Form.Text), [6] = new("subresource", Form.Text), [7] = new("name", Form.Text),
    };

    private static readonly Dictionary<int, Field> DeleteOptions = new()
    {
        [1] = new("gracePeriodSeconds", Form.Number), [3] = new("orphanDependents", Form.Flag), [4] = new("propagationPolicy", Form.Text),
        [2] = new("preconditions", Form.Nested, Of: new Dictionary<int, Field> { [1] = new("uid", Form.Text), [2] = new("resourceVersion", Form.Text) }),
        [5] = new("dryRun", Form.Text, Repeated: true),
    };

    private static readonly Dictionary<string, IReadOnlyDictionary<int, Field>> Kinds = new()
    {
        ["Namespace"] = new Dictionary<int, Field> { [1] = Metadata },
        ["ConfigMap"] = new Dictionary<int, Field>
        {
            [1] = Metadata, [2] = new("data", Form.TextMap), [3] = new("binaryData", Form.BytesMap), [4] = new("immutable", Form.Flag),
        },
        ["Secret"] = new Dictionary<int, Field>
        {
            [1] = Metadata, [2] = new("data", Form.BytesMap), [3] = new("type", Form.Text), [4] = new("stringData", Form.TextMap), [5] = new("immutable", Form.Flag),
        },
        ["ServiceAccount"] = new Dictionary<int, Field> { [1] = Metadata, [4] = new("automountServiceAccountToken", Form.Flag) },
        ["Eviction"] = new Dictionary<int, Field> { [1] = Metadata, [2] = new("deleteOptions", Form.Nested, Of: DeleteOptions) },
        ["DeleteOptions"] = DeleteOptions,
        ["SelfSubjectAccessReview"] = new Dictionary<int, Field>
        {
            [1] = Metadata,
            [2] = new("spec", Form.Nested, Of: new Dictionary<int, Field> { [1] = new("resourceAttributes", Form.Nested, Of: Attributes) }),
        },
        ["SelfSubjectRulesReview"] = new Dictionary<int, Field>
        {
            [1] = Metadata, [2] = new("spec", Form.Nested, Of: new Dictionary<int, Field> { [1] = new("namespace", Form.Text) }),
        },
    };

    /// <summary>The body as JSON. Throws 415 for kinds not listed above, 400 for bytes that are no such message.</summary>
    public static JsonObject Read(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic)) throw Malformed();
        var (apiVersion, kind) = ("", "");
        ReadOnlySpan<byte> raw = default;
        var unknown = new Reader(body[Magic.Length..]);
        while (unknown.Next(out var number))
        {
            if (number == 1)
            {
                var meta = new Reader(unknown.Bytes());
                while (meta.Next(out var part))
                {
                    if (part == 1) apiVersion = Encoding.UTF8.GetString(meta.Bytes());
                    else if (part == 2) kind = Encoding.UTF8.GetString(meta.Bytes());
                    else meta.Skip();
                }
            }
            else if (number == 2) raw = unknown.Bytes();
            else unknown.Skip();
        }
        if (!Kinds.TryGetValue(kind, out var fields)) throw ApiError.UnsupportedMediaType("application/json, application/yaml");
        var tree = ReadMessage(raw, fields);
        tree["apiVersion"] = apiVersion;
        tree["kind"] = kind;
        return tree;
    }

    private static JsonObject ReadMessage(ReadOnlySpan<byte> bytes, IReadOnlyDictionary<int, Field> fields)
    {
        var tree = new JsonObject();
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (!fields.TryGetValue(number, out var field))
            {
                reader.Skip();
                continue;
            }
            if (field.Form is Form.TextMap or Form.BytesMap) ReadEntry(tree.Ensure(field.Name), reader.Bytes(), field.Form);
            else if (!field.Repeated) tree[field.Name] = ReadValue(ref reader, field);
            else
            {
                if (tree[field.Name] is not JsonArray list) tree[field.Name] = list = [];
                list.Add(ReadValue(ref reader, field));
            }
        }
        return tree;
    }

    private static JsonNode? ReadValue(ref Reader reader, Field field) => field.Form switch
    {
        Form.Flag => reader.Number() != 0,
        Form.Number => (long)reader.Number(),
        Form.Bytes => Convert.ToBase64String(reader.Bytes()),
        Form.Nested => ReadMessage(reader.Bytes(), field.Of!),
        _ => Encoding.UTF8.GetString(reader.Bytes()),
    };

    private static void ReadEntry(JsonObject map, ReadOnlySpan<byte> bytes, Form form)
    {
        var (key, value) = ("", "");
        var entry = new Reader(bytes);
        while (entry.Next(out var number))
        {
            if (number == 1) key = Encoding.UTF8.GetString(entry.Bytes());
            else if (number == 2) value = form == Form.BytesMap ? Convert.ToBase64String(entry.Bytes()) : Encoding.UTF8.GetString(entry.Bytes());
            else entry.Skip();
        }
        map[key] = value;
    }

    private static ApiError Malformed() => ApiError.BadRequest("the protobuf body is malformed");

    /// <summary>Reads tags and values off a message.</summary>
    private ref struct Reader(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> rest = rest;
        private int wireType;

        public bool Next(out int number)
        {
            number = 0;
            if (rest.IsEmpty) return false;
            var tag = Varint();
            (number, wireType) = ((int)(tag >> 3), (int)(tag & 7));
            return true;
        }

        public ulong Number() => wireType == 0 ? Varint() : throw Malformed();

        public ReadOnlySpan<byte> Bytes()
        {
            if (wireType != 2) throw Malformed();
            var length = Varint();
            if (length > (ulong)rest.Length) throw Malformed();
            var bytes = rest[..(int)length];
            rest = rest[(int)length..];
            return bytes;
        }

        public void Skip()
        {
            switch (wireType)
            {
                case 0: Varint(); break;
                case 1: Drop(8); break;
                case 2: Bytes(); break;
                case 5: Drop(4); break;
                default: throw Malformed();
            }
        }

        private void Drop(int count) => rest = count <= rest.Length ? rest[count..] : throw Malformed();

        private ulong Varint()
        {
            var value = 0UL;
            for (var shift = 0; shift < 64; shift += 7)
            {
                if (rest.IsEmpty) throw Malformed();
                var b = rest[0];
                rest = rest[1..];
                value |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80) return value;
            }
            throw Malformed();
        }
    }
}
