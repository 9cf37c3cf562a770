// DEBUG DIGEST: one number for what a data set holds, whatever the order and encoding it is kept in. The algorithm is that of
// Redis (debug.c), so that a node of ours and a real one can be compared. Parts whose order has no meaning are XORed
// together, parts whose order matters are hashed in one after the other.
using System.Globalization;
using System.Security.Cryptography;
using Shoal.Store;
using Shoal.Store.Values;
using Text = System.Text.Encoding;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Observability;

/// <summary>A digest under construction: 20 bytes.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5350", Justification = "the digest Redis defines; nothing is secured by it")]
public sealed class DataDigest
{
    private const int Bytes = 20;

    private readonly byte[] _sum = new byte[Bytes];

    private DataDigest()
    {
    }

    /// <summary>Digest of all databases, in hexadecimal. Keys that are due count like the others.</summary>
    public static string OfAll(Databases databases)
    {
        var mode = databases.ExpiryMode;
        databases.ExpiryMode = ExpiryMode.Ignore; // a lookup must not change the table that is being walked
        var all = new DataDigest();
        for (int db = 0; db < databases.Count; db++)
        {
            if (databases[db].Count == 0) continue;
            all.MixNumber(db);
            var keys = databases[db];
            for (int slot = 0; slot < (databases.ClusterMode ? Databases.SlotCount : 1); slot++)
                keys.Walk.KeysInSlot(slot, int.MaxValue, key => all.AddKey(keys, key, slot));
        }
        databases.ExpiryMode = mode;
        return Convert.ToHexStringLower(all._sum);
    }

    /// <summary>Digest of one value with its expiry; zeros when there is none.</summary>
    public static string OfValue(Keyspace keys, in EntryRef entry)
    {
        var digest = new DataDigest();
        if (entry.Exists) digest.AddValue(keys, entry);
        return Convert.ToHexStringLower(digest._sum);
    }

    /// <summary>Adds a part whose order does not matter.</summary>
    public void Add(scoped ReadOnlySpan<byte> part)
    {
        Span<byte> hash = stackalloc byte[Bytes];
        SHA1.HashData(part, hash);
        for (int i = 0; i < Bytes; i++) _sum[i] ^= hash[i];
    }

    /// <summary>Adds a part whose order matters.</summary>
    public void Mix(scoped ReadOnlySpan<byte> part)
    {
        Add(part);
        Span<byte> hash = stackalloc byte[Bytes];
        SHA1.HashData(_sum, hash);
        hash.CopyTo(_sum);
    }

    private void MixNumber(int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        Mix(bytes);
    }

    private void AddKey(Keyspace keys, ReadOnlySpan<byte> key, int slot)
    {
        var one = new DataDigest();
        one.Mix(key);
        one.AddValue(keys, keys.Peek(key, slot));
        Add(one._sum);
    }

    private void AddValue(Keyspace keys, in EntryRef e)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        MixNumber(TypeNumber(e.Type));
        switch (e.Type)
        {
            case ValueType.String:
                Mix(e.Text(scratch));
                break;
            case ValueType.List:
                foreach (var element in ListValue.Enumerate(keys, e)) Mix(element.Element.Text(scratch));
                break;
            case ValueType.Set:
                foreach (var member in SetValue.Enumerate(keys, e)) Add(member.Text(scratch));
                break;
            case ValueType.SortedSet:
                foreach (var item in SortedSetValue.Enumerate(keys, e)) AddPair(item.Member.Text(scratch), ScoreDigits(item.Score));
                break;
            case ValueType.Hash:
                Span<byte> second = stackalloc byte[IntegerText.MaxLength];
                foreach (var pair in HashValue.Enumerate(keys, e)) AddPair(pair.Field.Text(scratch), pair.Value.Text(second));
                break;
            case ValueType.Stream:
                AddEntries(keys, e);
                break;
        }
        if (e.ExpireAtMs >= 0) Add("!!expire!!"u8);
    }

    private void AddEntries(Keyspace keys, in EntryRef e)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        var walk = StreamValue.Range(keys, e, StreamId.Zero, StreamId.Max, down: false);
        while (walk.MoveNext())
        {
            Mix(Text.ASCII.GetBytes($"{walk.Id.Ms}.{walk.Id.Seq}"));
            foreach (var field in walk.Fields)
            {
                Mix(field.Name.Text(scratch));
                Mix(field.Value.Text(scratch));
            }
        }
    }

    private void AddPair(scoped ReadOnlySpan<byte> first, scoped ReadOnlySpan<byte> second)
    {
        var pair = new DataDigest();
        pair.Mix(first);
        pair.Mix(second);
        Add(pair._sum);
    }

    private static int TypeNumber(ValueType type) => type switch
    {
        ValueType.String => 0, ValueType.List => 1, ValueType.Set => 2, ValueType.SortedSet => 3, ValueType.Hash => 4, _ => 6,
    };

    /// <summary>The score as C's "%.17g" prints it.</summary>
    private static byte[] ScoreDigits(double score)
    {
        if (double.IsInfinity(score)) return score > 0 ? "inf"u8.ToArray() : "-inf"u8.ToArray();
        if (score == 0) return double.IsNegative(score) ? "-0"u8.ToArray() : "0"u8.ToArray();
        string digits = score.ToString("E16", CultureInfo.InvariantCulture);
        int e = digits.IndexOf('E', StringComparison.Ordinal), exponent = int.Parse(digits[(e + 1)..], CultureInfo.InvariantCulture);
        string sign = digits[0] == '-' ? "-" : "";
        string mantissa = (digits[sign.Length..e][..1] + digits[(sign.Length + 2)..e]).TrimEnd('0');
        string text = exponent switch
        {
            < -4 or >= 17 => Point(mantissa, 1) + string.Create(CultureInfo.InvariantCulture, $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}"),
            < 0 => "0." + new string('0', -exponent - 1) + mantissa,
            _ => Point(mantissa.PadRight(exponent + 1, '0'), exponent + 1),
        };
        return Text.ASCII.GetBytes(sign + text);
    }

    private static string Point(string digits, int at) => at >= digits.Length ? digits : digits[..at] + "." + digits[at..];
}
