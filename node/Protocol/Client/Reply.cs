// What a node answered, as one immutable tree: links, the operator and tests read replies through this type only.
using System.Globalization;
using System.Text;

namespace Shoal.Protocol.Client;

/// <summary>The RESP2 and RESP3 reply types. RESP2 nulls (<c>$-1</c>, <c>*-1</c>) and the RESP3 null are all <see cref="Null"/>.</summary>
public enum ReplyKind : byte
{
    Simple, Error, Integer, Bulk, Null, Array, Map, Set, Push, Double, Boolean, BigNumber, Verbatim,
}

/// <summary>One reply. Scalars carry <see cref="Bytes"/>; aggregates carry <see cref="Items"/> (a map as key, value, key, value).</summary>
public sealed class Reply
{
    private static readonly Reply[] NoItems = [];

    private Reply(ReplyKind kind, byte[] bytes, long integer, Reply[] items)
    {
        Kind = kind;
        Bytes = bytes;
        Integer = integer;
        Items = items;
    }

    /// <summary>The type the node sent.</summary>
    public ReplyKind Kind { get; }

    /// <summary>The payload of a scalar; empty for nulls and aggregates. A verbatim string keeps its <c>txt:</c> prefix off.</summary>
    public byte[] Bytes { get; }

    /// <summary>The value of an integer or boolean (0/1) reply, else 0.</summary>
    public long Integer { get; }

    /// <summary>The elements of an aggregate, in wire order.</summary>
    public IReadOnlyList<Reply> Items { get; }

    /// <summary>The node refused: <see cref="Text"/> is the error line without the leading minus.</summary>
    public bool IsError => Kind == ReplyKind.Error;

    /// <summary>One of the three null forms.</summary>
    public bool IsNull => Kind == ReplyKind.Null;

    /// <summary>The simple string <c>OK</c>.</summary>
    public bool IsOk => Kind == ReplyKind.Simple && Bytes.AsSpan().SequenceEqual("OK"u8);

    /// <summary>The payload as UTF-8 text; integers in decimal; empty for nulls and aggregates.</summary>
    public string Text => Kind is ReplyKind.Integer or ReplyKind.Boolean
        ? Integer.ToString(CultureInfo.InvariantCulture)
        : Encoding.UTF8.GetString(Bytes);

    /// <summary>The element at <paramref name="index"/> of an aggregate.</summary>
    public Reply this[int index] => Items[index];

    /// <summary>The value beside <paramref name="key"/> in a map, or in the flat array RESP2 sends for one; null when absent.</summary>
    public Reply? Field(string key)
    {
        for (var i = 0; i + 1 < Items.Count; i += 2)
        {
            if (string.Equals(Items[i].Text, key, StringComparison.Ordinal))
            {
                return Items[i + 1];
            }
        }

        return null;
    }

    /// <summary>The integer this reply states, whether sent as an integer or as text.</summary>
    /// <exception cref="RespException">It is an error reply, or not a number.</exception>
    public long AsInteger()
    {
        ThrowIfError();
        if (Kind is ReplyKind.Integer or ReplyKind.Boolean)
        {
            return Integer;
        }

        return long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n)
            ? n
            : throw new RespException($"expected an integer reply, got {this}");
    }

    /// <summary>The number this reply states, for doubles sent as RESP3 doubles or as text.</summary>
    /// <exception cref="RespException">It is an error reply, or not a number.</exception>
    public double AsDouble()
    {
        ThrowIfError();
        return Text switch
        {
            "inf" or "+inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            var t when double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out var d) => d,
            _ => throw new RespException($"expected a number, got {this}"),
        };
    }

    /// <summary>This reply, unless it is an error.</summary>
    /// <exception cref="RespException">The node answered with an error; the message is the node's own.</exception>
    public Reply ThrowIfError() => IsError ? throw new RespException(Text) : this;

    /// <summary>A readable form for logs and assertions: <c>OK</c>, <c>(integer) 3</c>, <c>"bytes"</c>, <c>[a, b]</c>.</summary>
    public override string ToString() => Kind switch
    {
        ReplyKind.Simple => Text,
        ReplyKind.Error => "(error) " + Text,
        ReplyKind.Integer => "(integer) " + Text,
        ReplyKind.Null => "(nil)",
        ReplyKind.Boolean => Integer != 0 ? "(true)" : "(false)",
        ReplyKind.Array or ReplyKind.Map or ReplyKind.Set or ReplyKind.Push => "[" + string.Join(", ", Items) + "]",
        _ => "\"" + Text + "\"",
    };

    internal static Reply Scalar(ReplyKind kind, ReadOnlySpan<byte> bytes) => new(kind, bytes.ToArray(), 0, NoItems);

    internal static Reply Number(ReplyKind kind, long value) => new(kind, [], value, NoItems);

    internal static Reply Aggregate(ReplyKind kind, Reply[] items) => new(kind, [], 0, items);

    internal static readonly Reply NullReply = new(ReplyKind.Null, [], 0, NoItems);
}

/// <summary>A node answered with an error, or with bytes that are not RESP.</summary>
public sealed class RespException : Exception
{
    /// <summary>An error with the node's own text, or a description of what is malformed.</summary>
    public RespException(string message)
        : base(message)
    {
    }

    /// <summary>The first word of the error: <c>ERR</c>, <c>MOVED</c>, <c>NOAUTH</c>...</summary>
    public string Code => Message.Split(' ', 2)[0];
}
