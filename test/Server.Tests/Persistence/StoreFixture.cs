using System.Globalization;
using Text = System.Text.Encoding;
using Shoal.Protocol.Resp;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Tests.Persistence;

/// <summary>Databases without a node, and their contents as text.</summary>
internal static class StoreFixture
{
    public const long Now = 1_700_000_000_000;

    public static Databases NewDatabases()
    {
        var databases = new Databases(new Arena(new ArenaOptions { ReserveBytes = 1L << 30 })) { NowMs = Now };
        CollectionLifetimes.Register(databases);
        return databases;
    }

    public static byte[] Bytes(string text) => Text.UTF8.GetBytes(text);

    /// <summary>Every key with its type, expiry and contents, sorted: equal texts are equal data sets.</summary>
    public static SortedDictionary<string, string> Describe(Databases databases)
    {
        var sink = new Describer(databases);
        var cut = databases.Snapshots.Begin(sink);
        while (!cut.Step(1_000_000))
        {
        }
        return sink.Seen;
    }

    /// <summary>A target that keeps the snapshot in memory.</summary>
    public sealed class MemoryTarget : ISnapshotTarget
    {
        private readonly MemoryStream _bytes = new();

        public bool IsFull { get; set; }

        public bool IsComplete { get; private set; }

        public byte[] Bytes => _bytes.ToArray();

        public void Take(NativeBuffer chunk)
        {
            _bytes.Write(chunk.Written);
            chunk.Dispose();
        }

        public void Complete()
        {
            _bytes.Write(BitConverter.GetBytes(Crc64.Append(0, _bytes.ToArray())));
            IsComplete = true;
        }

        public void Abandon()
        {
        }
    }

    private sealed class Describer(Databases databases) : ISnapshotSink
    {
        public SortedDictionary<string, string> Seen { get; } = new(StringComparer.Ordinal);

        public void Entry(int db, int slot, in EntryRef e) =>
            Seen.Add($"{db}:{Text.UTF8.GetString(e.Key)}", $"{e.Type}@{e.ExpireAtMs}={Content(databases[0], e)}");

        private static string Content(Keyspace keys, in EntryRef e)
        {
            var parts = new List<string>();
            Span<byte> scratch = stackalloc byte[40];
            switch (e.Type)
            {
                case ValueType.String:
                    return Convert.ToHexString(e.Text(scratch));
                case ValueType.List:
                    foreach (var item in ListValue.Enumerate(keys, e)) parts.Add(Hex(item.Element));
                    return string.Join(',', parts);
                case ValueType.Set:
                    foreach (var member in SetValue.Enumerate(keys, e)) parts.Add(Hex(member));
                    break;
                case ValueType.Hash:
                    foreach (var pair in HashValue.Enumerate(keys, e)) parts.Add(Hex(pair.Field) + ":" + Hex(pair.Value));
                    break;
                case ValueType.Stream:
                    return StreamTexts.Content(keys, e);
                default:
                    foreach (var item in SortedSetValue.Enumerate(keys, e)) parts.Add(Hex(item.Member) + ":" + item.Score.ToString("R", CultureInfo.InvariantCulture));
                    break;
            }
            parts.Sort(StringComparer.Ordinal);
            return string.Join(',', parts);
        }

        private static string Hex(in Element element)
        {
            Span<byte> scratch = stackalloc byte[20];
            return Convert.ToHexString(element.Text(scratch));
        }
    }
}
