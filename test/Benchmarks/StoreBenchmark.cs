// What one operation costs in the store alone, and what a key costs in memory. Counts processor time of this thread rather
// than wall time, so that a busy machine does not blur it. Run: dotnet run -c Release --project test/Benchmarks -- store 3000000
using System.Diagnostics;
using Shoal.Store;

namespace Shoal.Benchmarks;

internal static class StoreBenchmark
{
    private const int Batch = 16;

    public static void Run(string[] args)
    {
        int keys = args.Length > 0 ? int.Parse(args[0]) : 1_000_000;
        bool expiry = args.Contains("expiry");
        using var databases = new Databases(new Arena(), 1, args.Contains("cluster")) { NowMs = 1_700_000_000_000 };
        Keyspace keyspace = databases[0];
        byte[] value = new byte[16];
        value.AsSpan().Fill((byte)'x');
        // Warm up on a small scale, so that tiered compilation is done before anything counts.
        for (int round = 0; round < 30; round++)
        {
            Fill(keyspace, 20_000, value, expiry);
            Read(keyspace, 20_000, 20_000, batched: round % 2 == 0);
            Write(keyspace, 20_000, 20_000, value);
            Increment(keyspace, 20_000);
            keyspace.Clear();
            Process.GetCurrentProcess().Refresh();
            Thread.Yield();
        }
        long before = Resident();
        Report("fill", keys, () => Fill(keyspace, keys, value, expiry));
        long after = Resident();
        Console.WriteLine($"{keys} keys of 16+16 bytes{(expiry ? " with expiry" : "")}: " +
            $"overhead by RSS {(after - before) / (double)keys - 32:F1} B/key, " +
            $"by arena {databases.Arena.UsedBytes / (double)keys - 32:F1} B/key");
        const int operations = 2_000_000;
        Report("(key names alone)", operations, () => NamesAlone(keys, operations));
        Report("get, random", operations, () => Read(keyspace, keys, operations, batched: false));
        Report($"get, random, prefetch of {Batch}", operations, () => Read(keyspace, keys, operations, batched: true));
        Report("set same size, random", operations, () => Write(keyspace, keys, operations, value));
        Report("incr, one key", operations, () => Increment(keyspace, operations));
        var sink = new Sink();
        Report("snapshot", keys, () => databases.Snapshots.Begin(sink).Step(3_600_000_000));
        Report("delete", keys, () =>
        {
            Span<byte> key = stackalloc byte[16];
            for (int i = 0; i < keys; i++) keyspace.Remove(Name(key, i), i);
        });
    }

    private static void Fill(Keyspace keyspace, int keys, ReadOnlySpan<byte> value, bool expiry)
    {
        Span<byte> key = stackalloc byte[16];
        for (int i = 0; i < keys; i++)
            keyspace.SetString(Name(key, i), i, value, expiry ? keyspace.NowMs + 100_000 + i : -1);
    }

    private static void Read(Keyspace keyspace, int keys, int operations, bool batched)
    {
        Span<byte> names = stackalloc byte[16 * Batch];
        Span<ulong> hashes = stackalloc ulong[Batch];
        Span<int> numbers = stackalloc int[Batch];
        var random = new SmallRandom(7);
        long found = 0;
        for (int i = 0; i < operations; i += Batch)
        {
            for (int j = 0; j < Batch; j++) Name(names.Slice(j * 16, 16), numbers[j] = (int)random.Below((uint)keys));
            for (int j = 0; j < Batch; j++) hashes[j] = keyspace.Hash(names.Slice(j * 16, 16));
            if (batched)
            {
                for (int j = 0; j < Batch; j++) keyspace.Prefetch(hashes[j], numbers[j]);
                for (int j = 0; j < Batch; j++) keyspace.PrefetchEntry(hashes[j], numbers[j]);
            }
            for (int j = 0; j < Batch; j++)
                found += keyspace.Find(names.Slice(j * 16, 16), numbers[j], hashes[j]).ValueLength;
        }
        if (found < operations) throw new InvalidOperationException("A key was not found.");
    }

    private static void NamesAlone(int keys, int operations)
    {
        Span<byte> key = stackalloc byte[16];
        var random = new SmallRandom(7);
        for (int i = 0; i < operations; i++) Name(key, (int)random.Below((uint)keys));
    }

    private static void Write(Keyspace keyspace, int keys, int operations, ReadOnlySpan<byte> value)
    {
        Span<byte> key = stackalloc byte[16];
        var random = new SmallRandom(9);
        for (int i = 0; i < operations; i++)
        {
            int number = (int)random.Below((uint)keys);
            keyspace.SetString(Name(key, number), number, value, -2);
        }
    }

    private static unsafe void Increment(Keyspace keyspace, int operations)
    {
        keyspace.SetInteger("counter"u8, 0, 0);
        for (int i = 0; i < operations; i++) ++*(long*)keyspace.FindForWrite("counter"u8, 0).ValuePointer;
    }

    private static ReadOnlySpan<byte> Name(Span<byte> key, int number)
    {
        "key:"u8.CopyTo(key);
        for (int at = 15; at >= 4; at--, number /= 10) key[at] = (byte)('0' + number % 10);
        return key;
    }

    private static void Report(string what, long operations, Action action)
    {
        TimeSpan start = Processor();
        action();
        double nanoseconds = (Processor() - start).TotalNanoseconds / operations;
        Console.WriteLine($"{what,-32} {nanoseconds,8:F1} ns");
    }

    private static TimeSpan Processor() => Process.GetCurrentProcess().TotalProcessorTime;

    private static long Resident()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    private sealed class Sink : ISnapshotSink
    {
        private long _bytes;

        public void Entry(int db, int slot, in EntryRef entry) => _bytes += entry.Key.Length + entry.ValueLength;
    }
}
