// Snapshot cuts against an oracle: whatever happens after a cut, the sink sees each key exactly once, as it was at the cut.
using Shoal.Store;

namespace Shoal.Store.Tests;

public sealed class SnapshotTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [InlineData(6, true)]
    public void A_cut_shows_the_moment_it_was_made_whatever_comes_after(int seed, bool clustered)
    {
        using var databases = new Databases(new Arena(new ArenaOptions { Checked = true }), 2, clustered) { NowMs = 1_700_000_000_000 };
        databases.Eviction.Policy = EvictionPolicy.AllKeysRandom;
        var random = new Random(seed);
        var running = new List<(SnapshotCut Cut, Sink Sink, Dictionary<string, string> Oracle)>();
        int finished = 0;
        for (int step = 0; step < 20_000; step++)
        {
            // Waves of growth and shrinking, so that buckets split and merge under the cuts.
            Change(databases, random, growing: step / 2500 % 2 == 0);
            if (random.Next(700) == 0 && running.Count < 4)
            {
                SlotFilter? filter = clustered && random.Next(2) == 0 ? new SlotFilter() : null;
                filter?.AddRange(2, 5);
                var sink = new Sink();
                Dictionary<string, string> oracle = Contents(databases, filter);
                running.Add((databases.Snapshots.Begin(sink, filter), sink, oracle));
            }
            if (random.Next(100) != 0 || running.Count == 0) continue;
            int i = random.Next(running.Count);
            if (random.Next(60) == 0)
            {
                running[i].Cut.Cancel();
                int heard = running[i].Sink.Seen.Count;
                Change(databases, random, true);
                Assert.Equal(heard, running[i].Sink.Seen.Count);
                running.RemoveAt(i);
            }
            else if (running[i].Cut.Step(random.Next(20)))
            {
                Dictionary<string, string> oracle = running[i].Oracle, seen = running[i].Sink.Seen;
                Assert.Equal(oracle.Count, seen.Count);
                foreach ((string key, string value) in oracle) Assert.True(seen[key] == value, $"{key}: {seen[key]}, not {value}");
                running.RemoveAt(i);
                finished++;
            }
        }
        Assert.True(finished > 3, $"{finished} cuts finished");
    }

    private static void Change(Databases databases, Random random, bool growing)
    {
        Keyspace keys = databases[random.Next(5) == 0 ? 1 : 0];
        string name = "k" + random.Next(4000);
        byte[] key = Bytes(name);
        int slot = name[^1] % 8;
        int what = random.Next(100);
        if (what < (growing ? 60 : 20))
        {
            keys.SetString(key, slot, Bytes("v" + random.Next(1_000_000)), random.Next(4) == 0 ? databases.NowMs + random.Next(3000) : -1);
        }
        else if (what < 80)
        {
            keys.Remove(key, slot);
        }
        else if (what < 85)
        {
            EntryRef entry = keys.FindForWrite(key, slot);
            if (entry.Exists && entry.Encoding != Encoding.Int) entry.Value.Fill((byte)'z');
        }
        else if (what < 88)
        {
            EntryRef entry = keys.FindForWrite(key, slot);
            if (entry.Exists) keys.SetExpiry(ref entry, databases.NowMs + random.Next(3000));
        }
        else if (what < 92)
        {
            string other = "k" + random.Next(4000);
            if (other == name || other[^1] % 8 != slot || !keys.Peek(key, slot).Exists) return;
            keys.Remove(Bytes(other), slot);
            keys.Transfer(keys.FindForWrite(key, slot), keys, Bytes(other), slot);
        }
        else if (what < 98)
        {
            databases.NowMs += random.Next(30);
            databases.ExpiryCycle.Run(100_000);
        }
        else if (what == 98)
        {
            databases.Memory.MaxMemory = databases.Memory.UsedBytes - 200;
            databases.Eviction.MakeRoom();
            databases.Memory.MaxMemory = 0;
        }
        else if (random.Next(100) == 0)
        {
            if (random.Next(2) == 0) databases[1].Clear();
            else if (!databases.ClusterMode) databases.Swap(0, 1);
        }
    }

    private static Dictionary<string, string> Contents(Databases databases, SlotFilter? filter)
    {
        var contents = new Dictionary<string, string>();
        // A cut run to its end at once, before anything can change, is the oracle; its size is checked against the count.
        var all = new Sink();
        SnapshotCut cut = databases.Snapshots.Begin(all);
        Assert.True(cut.Step(long.MaxValue / 10_000_000_000));
        foreach ((string key, string value) in all.Seen)
        {
            if (filter is null || filter.Contains(all.Slots[key])) contents.Add(key, value);
        }
        Assert.Equal(databases.TotalKeys, all.Seen.Count);
        return contents;
    }

    private static byte[] Bytes(string s) => System.Text.Encoding.UTF8.GetBytes(s);

    private sealed class Sink : ISnapshotSink
    {
        public Dictionary<string, string> Seen { get; } = [];

        public Dictionary<string, int> Slots { get; } = [];

        public void Entry(int db, int slot, in EntryRef entry)
        {
            string key = $"{db}/{System.Text.Encoding.UTF8.GetString(entry.Key)}";
            string value = $"{System.Text.Encoding.UTF8.GetString(entry.Text(stackalloc byte[20]))} until {entry.ExpireAtMs}";
            Assert.True(Seen.TryAdd(key, value), $"{key} delivered twice");
            Slots[key] = slot;
        }
    }
}
