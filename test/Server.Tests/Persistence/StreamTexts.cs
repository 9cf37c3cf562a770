using Text = System.Text.Encoding;
using Shoal.Store;
using Shoal.Store.Values;

namespace Shoal.Server.Tests.Persistence;

/// <summary>Streams for the snapshot tests: random changes of one, and its contents as text.</summary>
internal static class StreamTexts
{
    /// <summary>Entries, groups, consumers and pending entries; what RDB type 19 does not carry is left out.</summary>
    public static string Content(Keyspace keys, in EntryRef e)
    {
        ref var s = ref StreamValue.Header(e);
        var text = new List<string> { $"{s.Length} {s.FirstId} {s.LastId} {s.MaxDeletedId} {s.EntriesAdded}" };
        var walk = StreamValue.Range(keys, e, StreamId.Zero, StreamId.Max, down: false);
        while (walk.MoveNext())
        {
            var fields = new List<string>();
            foreach (var field in walk.Fields) fields.Add(Hex(field.Name) + "=" + Hex(field.Value));
            text.Add($"{walk.Id}:{string.Join(';', fields)}");
        }
        foreach (var group in StreamGroups.Ordered(keys, e))
        {
            text.Add($"group {Text.Latin1.GetString(group.Name)} {group.LastId} {group.EntriesRead}");
            foreach (var consumer in group.OrderedConsumers()) text.Add($"{Text.Latin1.GetString(consumer.Name)} {consumer.SeenMs} {consumer.PendingCount}");
            foreach (var pending in group.PendingFrom(StreamId.Zero))
                text.Add($"{pending.Id} {pending.Entry.DeliveredMs} {pending.Entry.Deliveries} {Text.Latin1.GetString(pending.Entry.Consumer.Name)}");
        }
        return string.Join('|', text);
    }

    public static void Change(Keyspace keys, byte[] key, Random random, int steps)
    {
        var e = keys.FindForWrite(key, 0);
        if (!e.Exists) e = StreamValue.Create(keys, key, 0);
        for (; steps > 0; steps--)
        {
            ref var s = ref StreamValue.Header(e);
            switch (random.Next(8))
            {
                case 0:
                    StreamValue.Remove(keys, e, s.FirstId);
                    StreamValue.SettleFirst(keys, e);
                    break;
                case 1:
                    StreamTrim.Run(keys, e, new TrimRule(true, random.Next(20), default, random.Next(2) == 0, 0));
                    break;
                case 2 or 3:
                    Deliver(keys, e, random);
                    break;
                default:
                    StreamValue.Append(keys, e, new StreamId(s.LastId.Ms + (ulong)random.Next(1, 90), (ulong)random.Next(3)), new Fields(random.Next(1, 4), random.Next()));
                    break;
            }
        }
    }

    private static void Deliver(Keyspace keys, in EntryRef e, Random random)
    {
        byte[] name = [(byte)random.Next('a', 'd')], consumerName = [(byte)random.Next('k', 'p')];
        var group = StreamGroups.Find(keys, e, name);
        if (!group.Exists) group = StreamGroups.Add(keys, e, name, default, random.Next(2) - 1);
        var consumer = group.Consumer(consumerName);
        if (!consumer.Exists) consumer = group.AddConsumer(consumerName, random.Next());
        var id = new StreamId((ulong)random.Next(50), 0);
        if (group.Acknowledge(id)) return;
        var pending = group.Assign(id, consumer);
        pending.DeliveredMs = random.NextInt64(1L << 42);
        pending.Deliveries = random.Next(100_000);
    }

    private static string Hex(in Element element)
    {
        Span<byte> scratch = stackalloc byte[20];
        return Convert.ToHexString(element.Text(scratch));
    }

    private readonly struct Fields(int count, int seed) : IFieldSource
    {
        public int Count => count;

        public ReadOnlySpan<byte> Name(int i) => StoreFixture.Bytes("field" + (seed % 3 == 0 ? seed % 7 : 0) + i);

        public ReadOnlySpan<byte> Value(int i) => StoreFixture.Bytes((seed % 5) switch { 0 => seed.ToString(), 1 => new string('v', seed % 3000), _ => "x" + seed });
    }
}
