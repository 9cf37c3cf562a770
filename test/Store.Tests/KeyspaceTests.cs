// The keyspace against a plain model: strings, expiry in all modes, transfer, slots, events, and no allocation per operation.
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Store.Tests;

public sealed unsafe class KeyspaceTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Random_commands_agree_with_a_dictionary(int seed, bool clustered)
    {
        using var databases = new Databases(new Arena(new ArenaOptions { Checked = true }), 2, clustered) { NowMs = 1_700_000_000_000 };
        long idle = databases.Arena.UsedBytes;
        Keyspace keys = databases[0];
        var model = new Dictionary<string, (string Value, long ExpireAt)>();
        var random = new Random(seed);
        for (int step = 0; step < 60_000; step++)
        {
            string key = "key:" + random.Next(3000);
            byte[] name = Bytes(key);
            int slot = Slot(key);
            if (model.TryGetValue(key, out var held) && held.ExpireAt >= 0 && held.ExpireAt < databases.NowMs) model.Remove(key);
            switch (random.Next(9))
            {
                case 0 or 1 or 2:
                    string value = random.Next(3) switch
                    {
                        0 => random.NextInt64(-5000, 5000).ToString(),
                        1 => new string('v', random.Next(100)),
                        _ => new string('w', random.Next(30) == 0 ? random.Next(100_000) : random.Next(60)),
                    };
                    long expireAt = random.Next(3) switch { 0 => databases.NowMs + random.Next(5000), 1 => -2, _ => -1 };
                    keys.SetString(name, slot, Bytes(value), expireAt);
                    long kept = model.TryGetValue(key, out held) ? held.ExpireAt : -1;
                    model[key] = (value, expireAt == -2 ? kept : expireAt);
                    break;
                case 3:
                    Assert.Equal(model.Remove(key), keys.Remove(name, slot));
                    break;
                case 4:
                    EntryRef found = keys.FindForWrite(name, slot);
                    Assert.Equal(model.ContainsKey(key), found.Exists);
                    if (!found.Exists) break;
                    long at = random.Next(2) == 0 ? -1 : databases.NowMs + random.Next(5000);
                    keys.SetExpiry(ref found, at);
                    model[key] = (model[key].Value, at);
                    break;
                case 5:
                    string other = "key:" + random.Next(3000);
                    if (other == key || clustered && Slot(other) != slot || !model.ContainsKey(key)) break;
                    keys.Remove(Bytes(other), Slot(other));
                    keys.Transfer(keys.FindForWrite(name, slot), keys, Bytes(other), Slot(other));
                    model[other] = model[key];
                    model.Remove(key);
                    break;
                case 6:
                    databases.NowMs += random.Next(20);
                    if (random.Next(10) == 0) databases.ExpiryCycle.Run(1_000_000);
                    break;
                default:
                    EntryRef entry = keys.Find(name, slot);
                    Assert.Equal(model.TryGetValue(key, out held), entry.Exists);
                    if (!entry.Exists) break;
                    Assert.Equal(held.Value, Text(entry.Text(new byte[20])));
                    Assert.Equal(held.ExpireAt, entry.ExpireAtMs);
                    bool integer = IntegerText.TryParse(Bytes(held.Value), out _);
                    Assert.Equal(integer ? Encoding.Int : held.Value.Length <= 44 ? Encoding.Embedded : Encoding.Raw, entry.Encoding);
                    break;
            }
        }
        databases.NowMs += 10_000;
        databases.ExpiryCycle.Run(10_000_000);
        foreach (var gone in model.Where(p => p.Value.ExpireAt >= 0).Select(p => p.Key).ToList()) model.Remove(gone);
        Assert.Equal(model.Count, keys.Count);
        Assert.Equal(0, keys.ExpireCount);
        if (clustered)
        {
            for (int slot = 0; slot < 8; slot++)
                Assert.Equal(model.Keys.Count(k => Slot(k) == slot), keys.CountInSlot(slot));
            long total = Enumerable.Range(0, Databases.SlotCount).Sum(keys.BytesInSlot);
            Assert.Equal(databases.Arena.UsedBytes - idle, total);
        }
        foreach (string key in model.Keys) Assert.True(keys.Walk.RandomEntry(out EntryRef e) && model.ContainsKey(Text(e.Key)), key);
        databases.Clear();
        Assert.Equal(0, keys.Count);
        Assert.Equal(idle, databases.Arena.UsedBytes);
    }

    [Fact]
    public void The_expiry_cycle_finds_every_due_key_and_no_other_within_its_bound()
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1_700_000_000_000 };
        Keyspace keys = databases[0];
        var random = new Random(5);
        var ends = new List<long>();
        int told = 0;
        databases.Events.Expired = (_, _, _) => told++;
        for (int i = 0; i < 30_000; i++)
        {
            long at = random.Next(4) == 0 ? -1 : databases.NowMs + random.Next(20_000);
            keys.SetString(Bytes("k" + i), 0, "v"u8, at);
            if (at >= 0) ends.Add(at);
        }
        for (int turn = 0; turn < 220; turn++)
        {
            databases.NowMs += 100;
            databases.ExpiryCycle.Run(1_000_000);
            int mustBeGone = ends.Count(e => e + 500 < databases.NowMs), mayBeGone = ends.Count(e => e < databases.NowMs);
            Assert.InRange(told, mustBeGone, mayBeGone);
        }
        Assert.Equal(ends.Count, told);
        Assert.Equal(30_000 - ends.Count, keys.Count);
        Assert.Equal(told, databases.Counters.Expired);
    }

    [Fact]
    public void A_replica_hides_due_keys_and_a_replay_sees_them()
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1000 };
        Keyspace keys = databases[0];
        keys.SetString("k"u8, 0, "v"u8, 2000);
        databases.NowMs = 3000;
        databases.ExpiryMode = ExpiryMode.Hide;
        Assert.False(keys.Find("k"u8, 0).Exists);
        Assert.Equal(1, keys.Count);
        databases.ExpiryMode = ExpiryMode.Ignore;
        Assert.True(keys.FindForWrite("k"u8, 0).Exists);
        databases.ExpiryMode = ExpiryMode.Remove;
        Assert.False(keys.Find("k"u8, 0).Exists);
        Assert.Equal(0, keys.Count);
    }

    [Fact]
    public void Operations_on_the_hot_path_allocate_nothing()
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1_700_000_000_000 };
        Keyspace keys = databases[0];
        Span<byte> key = stackalloc byte[16];
        "key:000000000000"u8.CopyTo(key);
        for (int round = 0; round < 2; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20_000; i++)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(key[12..], i);
                keys.SetString(key, 0, "some value of 24 letters"u8, i % 3 == 0 ? databases.NowMs + i % 50 : -1);
                keys.SetInteger(key, 0, i);
                if (keys.Find(key, 0).Exists) keys.FindForWrite(key, 0);
                if (i % 4 == 0) keys.Remove(key, 0);
                if (i % 100 == 0)
                {
                    databases.NowMs += 100;
                    databases.ExpiryCycle.Run(1000);
                    keys.Walk.RandomEntry(out _);
                }
            }
            keys.Clear();
            if (round == 1) Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Theory]
    [InlineData(EvictionPolicy.AllKeysLru)]
    [InlineData(EvictionPolicy.AllKeysLfu)]
    [InlineData(EvictionPolicy.AllKeysRandom)]
    [InlineData(EvictionPolicy.VolatileLru)]
    [InlineData(EvictionPolicy.VolatileTtl)]
    public void Eviction_keeps_the_data_within_maxmemory_and_spares_what_the_policy_spares(EvictionPolicy policy)
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1_700_000_000_000 };
        Keyspace keys = databases[0];
        databases.Eviction.Policy = policy;
        for (int i = 0; i < 500; i++) keys.SetString(Bytes("permanent" + i), 0, Bytes(new string('p', 100)));
        databases.Memory.MaxMemory = databases.Memory.UsedBytes + 1_000_000;
        bool isVolatile = policy >= EvictionPolicy.VolatileLru;
        for (int i = 0; i < 30_000; i++)
        {
            databases.NowMs += 50;
            Assert.True(databases.Eviction.MakeRoom());
            keys.SetString(Bytes("key" + i), 0, Bytes(new string('v', 100)), isVolatile ? databases.NowMs + 1_000_000_000 + i : -1);
            for (int hot = 0; hot < 3; hot++) keys.Find(Bytes("permanent" + (i * 3 + hot) % 500), 0);
        }
        Assert.True(databases.Eviction.MakeRoom());
        Assert.True(databases.Memory.Excess <= 0);
        Assert.True(databases.Counters.Evicted > 20_000);
        int kept = Enumerable.Range(0, 500).Count(i => keys.Peek(Bytes("permanent" + i), 0).Exists);
        if (isVolatile) Assert.Equal(500, kept);
        else if (policy is EvictionPolicy.AllKeysLru or EvictionPolicy.AllKeysLfu) Assert.True(kept > 450, $"{kept} of 500 hot keys kept");
        if (policy == EvictionPolicy.VolatileTtl)
        {
            int late = Enumerable.Range(29_000, 1000).Count(i => keys.Peek(Bytes("key" + i), 0).Exists);
            int early = Enumerable.Range(0, 1000).Count(i => keys.Peek(Bytes("key" + i), 0).Exists);
            Assert.True(late > early);
        }
    }

    [Fact]
    public void Slots_being_imported_do_not_show_and_are_left_alone()
    {
        using var databases = new Databases(new Arena(), 1, clusterMode: true) { NowMs = 1_700_000_000_000 };
        Keyspace keys = databases[0];
        for (int i = 0; i < 100; i++) keys.SetString(Bytes("k" + i), i % 2 == 0 ? 0 : 77, "v"u8, databases.NowMs + 1000);
        keys.Walk.Hidden = new SlotFilter();
        Assert.True(keys.Walk.Hidden.IsEmpty);
        keys.Walk.Hidden.Add(77);
        Assert.Equal(50, keys.Walk.VisibleCount);
        Assert.Equal(100, keys.Count);
        var seen = new Count();
        ulong cursor = 0;
        do cursor = keys.Walk.ScanStep(cursor, ref seen);
        while (cursor != 0);
        Assert.Equal(50, seen.Entries);
        for (int i = 0; i < 200; i++) Assert.True(keys.Walk.RandomEntry(out EntryRef e) && e.Slot == 0);
        databases.NowMs += 5000;
        databases.ExpiryCycle.Run(1_000_000);
        Assert.Equal(0, keys.CountInSlot(0));
        Assert.Equal(50, keys.CountInSlot(77));
        Assert.False(keys.Walk.RandomEntry(out _));
        databases.Eviction.Policy = EvictionPolicy.AllKeysLru;
        databases.Memory.MaxMemory = 1;
        Assert.False(databases.Eviction.MakeRoom());
        keys.Walk.Hidden = null;
        databases.ExpiryCycle.Run(1_000_000);
        databases.NowMs += 1000;
        databases.ExpiryCycle.Run(1_000_000);
        Assert.Equal(0, keys.Count);
    }

    [Fact]
    public void Without_a_policy_or_without_candidates_memory_is_refused()
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1_700_000_000_000 };
        databases[0].SetString("k"u8, 0, "v"u8);
        databases.Memory.MaxMemory = 1;
        Assert.False(databases.Eviction.MakeRoom());
        databases.Eviction.Policy = EvictionPolicy.VolatileLru;
        Assert.False(databases.Eviction.MakeRoom());
        Assert.Equal(1, databases[0].Count);
    }

    [Fact]
    public void A_volatile_policy_finds_the_few_keys_that_may_go()
    {
        using var databases = new Databases(new Arena(), 1) { NowMs = 1_700_000_000_000 };
        Keyspace keys = databases[0];
        for (int i = 0; i < 20_000; i++) keys.SetString(Bytes("k" + i), 0, "v"u8, i % 5000 == 77 ? databases.NowMs + 1_000_000 : -1);
        databases.Eviction.Policy = EvictionPolicy.VolatileLru;
        databases.Memory.MaxMemory = 1;
        Assert.False(databases.Eviction.MakeRoom());
        Assert.Equal(4, databases.Counters.Evicted);
        Assert.Equal(0, keys.ExpireCount);
        Assert.Equal(19_996, keys.Count);
    }

    private struct Count : IEntryVisitor
    {
        public int Entries;

        public void Visit(byte* entry) => Entries++;
    }

    private static int Slot(string key) => key[^1] % 8;

    private static byte[] Bytes(string s) => System.Text.Encoding.UTF8.GetBytes(s);

    private static string Text(ReadOnlySpan<byte> s) => System.Text.Encoding.UTF8.GetString(s);
}
