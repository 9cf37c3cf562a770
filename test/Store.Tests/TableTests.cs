// The hash table against a Dictionary, and SCAN's promise under growth and shrinking.
using Shoal.Store;

namespace Shoal.Store.Tests;

public sealed unsafe class TableTests
{
    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 5_000)]
    [InlineData(3, 40_000)]
    public void Behaves_as_a_dictionary_while_growing_and_shrinking(int seed, int keys)
    {
        using var arena = new Arena(new ArenaOptions { Checked = seed == 2 });
        long idle = arena.UsedBytes;
        TableHeader header = default;
        TableHeader* table = &header;
        var model = new Dictionary<string, string>();
        var random = new Random(seed);
        for (int phase = 0; phase < 4; phase++)
        {
            for (int step = 0; step < keys; step++)
            {
                string key = Key(random.Next(keys));
                int what = random.Next(100);
                TablePosition at = Table.Find(arena, table, Bytes(key));
                Assert.Equal(model.ContainsKey(key), at.Exists);
                if (what < (phase % 2 == 0 ? 80 : 15))
                {
                    string value = new((char)('a' + random.Next(26)), random.Next(0, random.Next(20) == 0 ? 70_000 : 60));
                    if (at.Exists) Table.ResizeValue(arena, ref at, value.Length);
                    else at = Table.Add(arena, table, Bytes(key), value.Length);
                    Bytes(value).CopyTo(Entry.Value(at.Entry));
                    model[key] = value;
                }
                else
                {
                    Assert.Equal(model.Remove(key), Table.Remove(arena, table, Bytes(key)));
                }
            }
            Assert.Equal(model.Count, table->Count);
            var seen = new Dictionary<string, string>();
            foreach (TablePosition at in new TableEntries(arena, table))
                seen.Add(Text(Entry.Key(at.Entry)), Text(Entry.Value(at.Entry)));
            Assert.Equal(model.OrderBy(p => p.Key, StringComparer.Ordinal), seen.OrderBy(p => p.Key, StringComparer.Ordinal));
        }
        Table.Free(arena, table);
        Assert.Equal(idle, arena.UsedBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_scan_sees_every_key_that_stays_whatever_comes_and_goes(int seed)
    {
        using var arena = new Arena();
        TableHeader header = default;
        TableHeader* table = &header;
        var random = new Random(seed);
        int staying = random.Next(1, 2000), others = 0;
        for (int i = 0; i < staying; i++) Table.Add(arena, table, Bytes("stay" + i), 0);
        for (int round = 0; round < 10; round++)
        {
            var seen = new Collect { Keys = [] };
            ulong cursor = 0;
            bool growing = round % 2 == 0;
            int steps = 0;
            do
            {
                cursor = TableScan.Step(arena, table, cursor, ref seen);
                Assert.True(++steps < 100_000, "the scan does not end");
                int change = random.Next(40);
                for (int i = 0; i < change; i++)
                {
                    if (growing && others < 20_000) Table.Add(arena, table, Bytes("other" + others++), 0);
                    else if (!growing && others > 0) Table.Remove(arena, table, Bytes("other" + --others));
                }
            } while (cursor != 0);
            for (int i = 0; i < staying; i++) Assert.Contains("stay" + i, seen.Keys);
        }
    }

    [Fact]
    public void A_quiet_scan_sees_each_key_exactly_once()
    {
        using var arena = new Arena();
        TableHeader header = default;
        for (int n = 1; n < 700; n++)
        {
            Table.Add(arena, &header, Bytes(Key(n)), 0);
            var seen = new Collect { Keys = [] };
            ulong cursor = 0;
            do cursor = TableScan.Step(arena, &header, cursor, ref seen);
            while (cursor != 0);
            Assert.Equal(n, seen.Keys.Count);
            Assert.Equal(n, seen.Visits);
        }
    }

    [Fact]
    public void Random_choice_is_fair()
    {
        using var arena = new Arena();
        TableHeader header = default;
        const int Keys = 200, Draws = 200_000;
        for (int i = 0; i < Keys; i++) Table.Add(arena, &header, Bytes("k" + i), 0);
        var counts = new Dictionary<string, int>();
        var random = new SmallRandom(42);
        for (int i = 0; i < Draws; i++)
        {
            string key = Text(Entry.Key(TableScan.Random(arena, &header, ref random).Entry));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        Assert.Equal(Keys, counts.Count);
        Assert.All(counts.Values, c => Assert.InRange(c, Draws / Keys / 2, Draws / Keys * 2));
    }

    [Fact]
    public void The_index_costs_about_ten_bytes_a_key()
    {
        using var arena = new Arena();
        TableHeader header = default;
        for (int n = 1; n <= 60_000; n++)
        {
            Table.Add(arena, &header, Bytes(Key(n)), 0);
            if (n > 1000 && n % 500 == 0)
                Assert.InRange(TableGeometry.StorageBytes(&header) / (double)n, 8, 11.5);
        }
    }

    private static string Key(int i) => i % 50 == 0 ? new string('k', 250 + i % 20) + i : "key:" + i;

    private static byte[] Bytes(string s) => System.Text.Encoding.UTF8.GetBytes(s);

    private static string Text(ReadOnlySpan<byte> s) => System.Text.Encoding.UTF8.GetString(s);

    private struct Collect : IEntryVisitor
    {
        public HashSet<string> Keys;
        public int Visits;

        public void Visit(byte* entry)
        {
            Visits++;
            Keys.Add(Text(Entry.Key(entry)));
        }
    }
}
