// Why: packed lists and integer sets are exchanged with Redis as they are. Here a real Redis and our values get the same
// random edits, and Redis's DUMP must hold our bytes.

using System.Buffers.Binary;
using Shoal.Store.Values;
using Shoal.TestKit;

namespace Shoal.Store.Tests.Values;

public sealed class GoldenBytesTests : IDisposable
{
    private readonly ValueFixture _store = new();
    private readonly Random _random = new(42);

    public void Dispose() => _store.Dispose();

    [FactNeeds("redis-server")]
    public async Task Redis_dumps_the_bytes_our_values_hold()
    {
        await using var redis = await NodeProcess.StartReferenceAsync("redis-server", "--rdbcompression", "no");
        using var client = await redis.ConnectAsync();
        for (int step = 0; step < 600; step++)
        {
            string[] command = step % 4 == 0 ? EditHash() : step % 4 == 1 ? EditSortedSet() : step % 4 == 2 ? EditIntegers() : EditList();
            await client.ExecuteAsync(command);
            if (step % 10 > 3) continue;
            string key = command[1];
            var dump = await client.ExecuteAsync("DUMP", key);
            Assert.Equal(Ours(key), dump.IsNull ? "" : Convert.ToHexString(Payload(dump.Bytes.ToArray(), key == "l")));
        }
    }

    private string Ours(string key)
    {
        var e = _store.Keys.Find(ValueFixture.Bytes(key), 0);
        return e.Exists ? Convert.ToHexString(e.Value) : "";
    }

    // DUMP: type byte, the value, 10 bytes of version and checksum. A list's value: number of nodes, container kind, then the pack.
    private static byte[] Payload(byte[] dump, bool isList)
    {
        int at = isList ? 3 : 1, length = dump[at] >> 6;
        (int size, int head) = length switch
        {
            0 => (dump[at] & 63, 1),
            1 => (((dump[at] & 63) << 8) | dump[at + 1], 2),
            _ => (BinaryPrimitives.ReadInt32BigEndian(dump.AsSpan(at + 1)), 5),
        };
        return dump[(at + head)..(at + head + size)];
    }

    private string Text() => PackedListTests.RandomText(_random) is { Length: <= 64 } text ? text : "short";

    private string[] EditHash()
    {
        string field = "f" + _random.Next(40), value = Text();
        var e = _store.Find("h");
        if (e.Exists && _random.Next(4) == 0)
        {
            HashValue.Remove(_store.Keys, ref e, ValueFixture.Bytes(field));
            if (HashValue.Count(e) == 0) _store.Keys.Remove("h"u8, 0);
            return ["HDEL", "h", field];
        }
        if (e.Exists) HashValue.Set(_store.Keys, ref e, ValueFixture.Bytes(field), ValueFixture.Bytes(value));
        else HashValue.Create(_store.Keys, "h"u8, 0, ValueFixture.Bytes(field), ValueFixture.Bytes(value));
        return ["HSET", "h", field, value];
    }

    // Halves and whole numbers: Redis before 7.2 prints other fractions with 17 digits.
    private string[] EditSortedSet()
    {
        string member = Text();
        double score = _random.Next(-100, 100) / 2.0;
        var e = _store.Find("z");
        if (e.Exists) SortedSetValue.Set(_store.Keys, ref e, ValueFixture.Bytes(member), score);
        else SortedSetValue.Create(_store.Keys, "z"u8, 0, ValueFixture.Bytes(member), score);
        return ["ZADD", "z", score.ToString(System.Globalization.CultureInfo.InvariantCulture), member];
    }

    private string[] EditIntegers()
    {
        string member = (_random.Next(10) == 0 ? _random.NextInt64(-1L << 40, 1L << 40) : _random.Next(-40000, 40000)).ToString();
        var e = _store.Find("s");
        if (e.Exists) SetValue.Add(_store.Keys, ref e, ValueFixture.Bytes(member));
        else SetValue.Create(_store.Keys, "s"u8, 0, ValueFixture.Bytes(member));
        return ["SADD", "s", member];
    }

    private string[] EditList()
    {
        string text = Text();
        bool head = _random.Next(2) == 0;
        var e = _store.Find("l");
        if (!e.Exists) ListValue.Create(_store.Keys, "l"u8, 0, ValueFixture.Bytes(text));
        else if (head) ListValue.PushHead(_store.Keys, ref e, ValueFixture.Bytes(text));
        else ListValue.PushTail(_store.Keys, ref e, ValueFixture.Bytes(text));
        return [head ? "LPUSH" : "RPUSH", "l", text];
    }
}
