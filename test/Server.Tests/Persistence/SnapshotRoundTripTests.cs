using Shoal.Server.Persistence;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Tests.Persistence.StoreFixture;

namespace Shoal.Server.Tests.Persistence;

public class SnapshotRoundTripTests
{
    private static readonly SnapshotOrigin Nowhere = new(false, null, 0, 0);

    [Fact]
    public void Every_type_and_encoding_comes_back()
    {
        using var from = NewDatabases();
        Fill(from, new Random(1), 600);
        using var to = NewDatabases();
        var contents = Load(to, Save(from));
        Assert.Equal(from.TotalKeys, contents.Keys);
        Assert.Equal(Describe(from), Describe(to));
    }

    [Fact]
    public void A_cut_shows_the_moment_it_was_made_whatever_is_written_meanwhile()
    {
        for (int seed = 0; seed < 5; seed++)
        {
            using var from = NewDatabases();
            var random = new Random(seed);
            Fill(from, random, 400);
            var before = Describe(from);
            var target = new MemoryTarget();
            var writer = new SnapshotWriter(from, new SnapshotFunctions(), target, compresses: seed % 2 == 0);
            writer.Begin(Nowhere, TimeProvider.System, "noeviction");
            while (!writer.Step(5)) Change(from, random, 20);
            Assert.True(target.IsComplete);
            using var to = NewDatabases();
            Load(to, target.Bytes);
            Assert.Equal(before, Describe(to));
        }
    }

    [Fact]
    public void A_full_target_pauses_the_walker_but_not_the_cut()
    {
        using var from = NewDatabases();
        Fill(from, new Random(3), 300);
        var before = Describe(from);
        var target = new MemoryTarget { IsFull = true };
        var writer = new SnapshotWriter(from, new SnapshotFunctions(), target, compresses: true);
        writer.Begin(Nowhere, TimeProvider.System, "noeviction");
        Assert.False(writer.Step(1_000_000));
        Assert.True(writer.IsWaiting);
        from.Clear();
        target.IsFull = false;
        Assert.True(writer.Step(1_000_000));
        using var to = NewDatabases();
        Load(to, target.Bytes);
        Assert.Equal(before, Describe(to));
    }

    [Fact]
    public void The_head_carries_the_history()
    {
        using var from = NewDatabases();
        using var to = NewDatabases();
        var id = new string('a', 40);
        var contents = Load(to, Save(from, new SnapshotOrigin(false, id, 12345, 7)));
        Assert.Equal((id, 12345L, 7), (contents.ReplicationId, contents.ReplicationOffset, contents.StreamDb));
    }

    [Fact]
    public void Expired_entries_are_dropped_only_when_asked()
    {
        using var from = NewDatabases();
        var e = from[0].SetString("old"u8, 0, "1"u8, -1);
        from[0].SetExpiry(ref e, Now + 10);
        from[0].SetString("young"u8, 0, "1"u8, Now + 1_000_000);
        var bytes = Save(from);
        using var dropped = NewDatabases();
        dropped.NowMs = Now + 20;
        var contents = new SnapshotReader(dropped, new SnapshotFunctions()) { DropsExpired = true }.Load(new SnapshotDecoder(bytes));
        Assert.Equal((1L, 1L), (contents.Keys, contents.Expired));
        using var kept = NewDatabases();
        kept.NowMs = Now + 20;
        kept.ExpiryMode = ExpiryMode.Ignore;
        Assert.Equal(2, new SnapshotReader(kept, new SnapshotFunctions()).Load(new SnapshotDecoder(bytes)).Keys);
    }

    [Fact]
    public void Cut_short_anywhere_it_says_so_with_an_offset()
    {
        using var from = NewDatabases();
        Fill(from, new Random(9), 30);
        var bytes = Save(from);
        for (int length = 0; length < bytes.Length; length += Math.Max(1, bytes.Length / 80))
        {
            using var to = NewDatabases();
            var bad = Assert.Throws<SnapshotCorruptException>(() => Load(to, bytes[..length]));
            Assert.InRange(bad.Offset, 0, length);
        }
    }

    [Fact]
    public void A_flipped_bit_never_passes_and_never_harms()
    {
        using var from = NewDatabases();
        Fill(from, new Random(10), 60);
        var bytes = Save(from);
        var random = new Random(11);
        for (int round = 0; round < 120; round++)
        {
            var broken = (byte[])bytes.Clone();
            broken[random.Next(9, broken.Length - 8)] ^= (byte)(1 << random.Next(8));
            using var to = NewDatabases();
            Assert.Throws<SnapshotCorruptException>(() => Load(to, broken));
            to.Clear();
        }
    }

    [Fact]
    public void Golden_bytes_of_a_small_value()
    {
        using var databases = NewDatabases();
        var payload = new DumpPayload(databases);
        databases[0].SetString("k"u8, 0, "hello"u8);
        // What `DUMP` of Redis 7.0 answers for the same value.
        Assert.Equal("000568656C6C6F0A", Convert.ToHexString(payload.Of(databases[0].Find("k"u8, 0)))[..16]);
        var list = ListValue.Create(databases[0], "l"u8, 0, "a"u8);
        Assert.Equal("120102" + "0A" + "0A00000001008161" + "02FF" + "0A00", Convert.ToHexString(payload.Of(list))[..^16]);
    }

    [Fact]
    public void A_payload_comes_back_and_a_broken_one_leaves_nothing()
    {
        using var databases = NewDatabases();
        Fill(databases, new Random(4), 100);
        var payload = new DumpPayload(databases);
        var keys = databases[1];
        var random = new Random(5);
        foreach (var (name, content) in Describe(databases).Where(k => k.Key.StartsWith("0:", StringComparison.Ordinal)))
        {
            var key = Bytes(name[2..]);
            var dump = payload.Of(databases[0].Find(key, 0)).ToArray();
            Assert.True(payload.IsSound(dump));
            keys.Remove(key, 0);
            Assert.Null(payload.Restore(keys, key, 0, dump, -1));
            Assert.Equal(content.Split('=', 2)[1], Describe(databases)["1:" + name[2..]].Split('=', 2)[1]);
            dump[random.Next(dump.Length - 10)] ^= 0x10;
            Assert.False(payload.IsSound(dump));
            keys.Remove(key, 0);
            if (payload.Restore(keys, key, 0, dump, -1) is not null) Assert.False(keys.Find(key, 0).Exists);
        }
    }

    /// <summary>All types, small and large, in several databases.</summary>
    internal static void Fill(Databases databases, Random random, int count) => Change(databases, random, count);

    private static void Change(Databases databases, Random random, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var keys = databases[random.Next(4) == 0 ? 3 : 0];
            int kind = random.Next(6);
            var key = Bytes($"{"slhzex"[kind]}{random.Next(150)}");
            if (random.Next(10) == 0)
            {
                keys.Remove(key, 0);
                continue;
            }
            int elements = random.Next(40) == 0 ? random.Next(800) : random.Next(1, 20);
            switch (kind)
            {
                case 0:
                    keys.SetString(key, 0, Word(random));
                    break;
                case 1:
                    Append(keys, key, random, elements);
                    break;
                case 5:
                    StreamTexts.Change(keys, key, random, elements);
                    break;
                default:
                    AddMembers(keys, key, random, kind, elements);
                    break;
            }
            var e = keys.FindForWrite(key, 0);
            if (e.Exists && random.Next(5) == 0) keys.SetExpiry(ref e, Now + random.Next(1, 1_000_000));
        }
    }

    private static void Append(Keyspace keys, byte[] key, Random random, int elements)
    {
        var e = keys.FindForWrite(key, 0);
        for (int n = 0; n < elements; n++)
        {
            if (e.Exists) ListValue.PushTail(keys, ref e, Word(random));
            else e = ListValue.Create(keys, key, 0, Word(random));
        }
    }

    private static void AddMembers(Keyspace keys, byte[] key, Random random, int kind, int elements)
    {
        bool integers = random.Next(2) == 0;
        var e = keys.FindForWrite(key, 0);
        for (int n = 0; n < elements; n++)
        {
            byte[] member = integers ? Bytes(random.NextInt64(-5_000_000_000, 5_000_000_000).ToString()) : Word(random);
            double score = random.Next(3) == 0 ? random.NextDouble() * 1e10 : random.Next(100);
            if (kind == 2) e = e.Exists ? Set(keys, e, member) : SetValue.Create(keys, key, 0, member);
            else if (kind == 3)
            {
                if (e.Exists) SortedSetValue.Set(keys, ref e, member, score);
                else e = SortedSetValue.Create(keys, key, 0, member, score);
            }
            else if (e.Exists) HashValue.Set(keys, ref e, member, Word(random));
            else e = HashValue.Create(keys, key, 0, member, Word(random));
        }
    }

    private static EntryRef Set(Keyspace keys, EntryRef e, byte[] member)
    {
        SetValue.Add(keys, ref e, member);
        return e;
    }

    private static byte[] Word(Random random)
    {
        switch (random.Next(6))
        {
            case 0: return Bytes(random.NextInt64(long.MinValue, long.MaxValue).ToString());
            case 1: return Bytes(random.Next(-200, 200).ToString());
            case 2: return Bytes(string.Concat(Enumerable.Repeat("shoal ", random.Next(1, 200))));
            case 3: return new byte[random.Next(0, 10)];
            default:
                var word = new byte[random.Next(1, random.Next(30) == 0 ? 20_000 : 40)];
                random.NextBytes(word);
                return word;
        }
    }

    private static byte[] Save(Databases from, SnapshotOrigin? origin = null)
    {
        var target = new MemoryTarget();
        var writer = new SnapshotWriter(from, new SnapshotFunctions(), target, compresses: true);
        writer.Begin(origin ?? Nowhere, TimeProvider.System, "noeviction");
        while (!writer.Step(1_000_000))
        {
        }
        return target.Bytes;
    }

    private static SnapshotContents Load(Databases to, byte[] bytes) =>
        new SnapshotReader(to, new SnapshotFunctions()).Load(new SnapshotDecoder(new MemoryStream(bytes)));
}
