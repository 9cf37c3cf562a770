// HyperLogLogs: PFADD, PFCOUNT, PFMERGE and their two debugging commands. The value is a string in Redis's own format.
using System.Runtime.CompilerServices;
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;

namespace Shoal.Server.Commands;

public static class HyperLogLogCommands
{
    private const string NotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    private const string Corrupt = "INVALIDOBJ Corrupted HLL object detected";
    private const int Room = SparseRegisters.LongestText + 4;

    public static void Register(CommandTable t)
    {
        t.Add("pfadd", -2, Write | DenyOom | Fast, Keys.One(1), "hyperloglog", PFAdd);
        t.Add("pfcount", -2, ReadOnly | MayReplicate, Keys.All(), "hyperloglog", PFCount);
        t.Add("pfmerge", -2, Write | DenyOom, Keys.All(), "hyperloglog", PFMerge);
        t.Add("pfdebug", 3, Write | DenyOom | Admin, Keys.One(2), "hyperloglog", PFDebug);
        t.Add("pfselftest", 1, Admin, Keys.None, "hyperloglog", PFSelfTest);
    }

    /// <summary>False, with the error written, when the key is there and is no HyperLogLog.</summary>
    private static bool IsOneOrAbsent(ref CommandContext c, in EntryRef entry)
    {
        if (!StringCommands.IsStringOrAbsent(ref c, entry)) return false;
        if (!entry.Exists || (entry.Encoding != Encoding.Int && HyperLogLog.IsOne(entry.Value))) return true;
        c.Reply.Error(NotOne);
        return false;
    }

    [SkipLocalsInit]
    private static void PFAdd(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!IsOneOrAbsent(ref c, entry)) return;
        int updated = entry.Exists ? 0 : 1;
        Span<byte> text = stackalloc byte[Room];
        int length = Load(entry, text);
        if (length < 0)
        {
            c.Reply.Error(Corrupt);
            return;
        }
        for (int i = 2; i < c.ArgCount; i++)
        {
            var (register, value) = HyperLogLog.Place(c[i]);
            if (!TryRaise(ref c, text, ref length, register, value, out bool changed)) return;
            if (changed) updated++;
        }
        if (updated > 0)
        {
            Store(ref c, ref entry, text[..length]);
            c.Changed(c[1], updated);
            c.Notify(KeyEventClass.String, "pfadd"u8, c[1]);
        }
        c.Reply.Integer(updated > 0 ? 1 : 0);
    }

    /// <summary>Copies the value, or an empty one, to where it may grow; its length, or -1 when it is longer than any can be.</summary>
    private static int Load(in EntryRef entry, scoped Span<byte> text)
    {
        ReadOnlySpan<byte> from = entry.Exists ? entry.Value : HyperLogLog.Empty;
        if (from.Length > SparseRegisters.LongestText) return -1;
        from.CopyTo(text);
        return from.Length;
    }

    private static void Store(ref CommandContext c, ref EntryRef entry, scoped Span<byte> text)
    {
        HyperLogLog.Invalidate(text);
        if (!entry.Exists) entry = c.Keys.Create(c[1], c.Slot, Shoal.Store.ValueType.String, Encoding.Raw, text.Length);
        c.Keys.SetEncoding(ref entry, Encoding.Raw, text.Length);
        text.CopyTo(entry.Value);
    }

    /// <summary>Raises a register of either form, converting when it must; false with the error written when the value is corrupt.</summary>
    private static bool TryRaise(ref CommandContext c, scoped Span<byte> text, ref int length, int register, byte value, out bool changed)
    {
        changed = true;
        if (!HyperLogLog.IsDense(text))
        {
            var raised = SparseRegisters.Raise(text, ref length, register, value, c.Keys.Limits.SparseHyperLogLog);
            changed = raised == Raised.Changed;
            if (raised is Raised.Changed or Raised.Unchanged) return true;
            if (raised == Raised.Corrupt || !TryDensify(text, ref length))
            {
                c.Reply.Error(Corrupt);
                return false;
            }
        }
        changed = HyperLogLog.Raise(text, register, value);
        return true;
    }

    [SkipLocalsInit]
    private static bool TryDensify(scoped Span<byte> text, ref int length)
    {
        Span<byte> registers = stackalloc byte[HyperLogLog.Registers];
        registers.Clear();
        if (!HyperLogLog.TryRead(text[..length], registers)) return false;
        HyperLogLog.WriteDense(registers, text);
        length = HyperLogLog.DenseSize;
        return true;
    }

    [SkipLocalsInit]
    private static void PFCount(ref CommandContext c)
    {
        Span<byte> registers = stackalloc byte[HyperLogLog.Registers];
        registers.Clear();
        for (int i = 1; i < c.ArgCount; i++)
        {
            EntryRef entry = c.Keys.Find(c[i], c.Slot);
            if (!IsOneOrAbsent(ref c, entry)) return;
            if (!entry.Exists) continue;
            long cached = c.ArgCount == 2 ? HyperLogLog.Cached(entry.Value) : -1;
            if (cached >= 0)
            {
                c.Reply.Integer(cached);
                return;
            }
            if (HyperLogLog.TryRead(entry.Value, registers)) continue;
            c.Reply.Error(Corrupt);
            return;
        }
        long count = HyperLogLog.Estimate(registers);
        // A replica's bytes are its primary's.
        if (c.ArgCount == 2 && (c.IsReplay || !c.Node.Serving.IsReplica)) Remember(ref c, count);
        c.Reply.Integer(count);
    }

    /// <summary>Keeps a count in the value; replicas and the append-only file get it too, or the bytes would differ.</summary>
    private static void Remember(ref CommandContext c, long count)
    {
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        if (!entry.Exists) return;
        HyperLogLog.Cache(entry.Value, count);
        c.Changed(c[1]);
    }

    [SkipLocalsInit]
    private static void PFMerge(ref CommandContext c)
    {
        Span<byte> registers = stackalloc byte[HyperLogLog.Registers];
        registers.Clear();
        bool dense = false;
        for (int i = 1; i < c.ArgCount; i++)
        {
            EntryRef source = c.Keys.Find(c[i], c.Slot);
            if (!IsOneOrAbsent(ref c, source)) return;
            if (!source.Exists) continue;
            dense |= HyperLogLog.IsDense(source.Value);
            if (HyperLogLog.TryRead(source.Value, registers)) continue;
            c.Reply.Error(Corrupt);
            return;
        }
        EntryRef entry = c.Keys.FindForWrite(c[1], c.Slot);
        Span<byte> text = stackalloc byte[Room];
        int length = Load(entry, text);
        if (length < 0 || (dense && !HyperLogLog.IsDense(text) && !TryDensify(text, ref length)))
        {
            c.Reply.Error(Corrupt);
            return;
        }
        for (int i = 0; i < registers.Length; i++)
            if (registers[i] > 0 && !TryRaise(ref c, text, ref length, i, registers[i], out _)) return;
        Store(ref c, ref entry, text[..length]);
        c.Changed(c[1]);
        c.Notify(KeyEventClass.String, "pfadd"u8, c[1]);
        c.Reply.Ok();
    }

    [SkipLocalsInit]
    private static void PFDebug(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindForWrite(c[2], c.Slot);
        if (!entry.Exists)
        {
            c.Reply.Error("ERR The specified key does not exist");
            return;
        }
        if (!IsOneOrAbsent(ref c, entry)) return;
        bool dense = HyperLogLog.IsDense(entry.Value);
        if (c[1].Is("ENCODING"u8)) c.Reply.Simple(dense ? "dense" : "sparse");
        else if (c[1].Is("DECODE"u8))
        {
            if (dense) c.Reply.Error("ERR HLL encoding is not sparse");
            else c.Reply.Bulk(SparseRegisters.Describe(entry.Value));
        }
        else if (c[1].Is("GETREG"u8) || c[1].Is("TODENSE"u8))
        {
            if (!dense && !TryMakeDense(ref c, ref entry)) return;
            if (c[1].Is("TODENSE"u8))
            {
                c.Reply.Integer(dense ? 0 : 1);
                return;
            }
            c.Reply.Array(HyperLogLog.Registers);
            for (int i = 0; i < HyperLogLog.Registers; i++) c.Reply.Integer(HyperLogLog.Get(entry.Value, i));
        }
        else c.Reply.Error($"ERR Unknown PFDEBUG subcommand '{System.Text.Encoding.Latin1.GetString(c[1])}'");
    }

    private static bool TryMakeDense(ref CommandContext c, ref EntryRef entry)
    {
        Span<byte> text = stackalloc byte[Room];
        int length = Load(entry, text);
        if (length < 0 || !TryDensify(text, ref length))
        {
            c.Reply.Error(Corrupt);
            return false;
        }
        c.Keys.SetEncoding(ref entry, Encoding.Raw, length);
        text[..length].CopyTo(entry.Value);
        c.Changed(c[2]);
        return true;
    }

    /// <summary>Registers keep what is put into them, and estimates stay within the expected error.</summary>
    private static void PFSelfTest(ref CommandContext c)
    {
        var dense = new byte[HyperLogLog.DenseSize];
        var registers = new byte[HyperLogLog.Registers];
        for (int i = 0; i < registers.Length; i++) registers[i] = (byte)c.Keys.Random.Below(64);
        HyperLogLog.WriteDense(registers, dense);
        for (int i = 0; i < registers.Length; i++)
        {
            if (HyperLogLog.Get(dense, i) == registers[i]) continue;
            c.Reply.Error("ERR TESTFAILED Register " + i);
            return;
        }
        Array.Clear(registers);
        ulong seed = c.Keys.Random.Next();
        const double expectedError = 1.04 / 128;
        for (int n = 1, check = 1; n <= 100_000; n++)
        {
            var (register, value) = HyperLogLog.Place(BitConverter.GetBytes(seed ^ (ulong)n));
            registers[register] = Math.Max(registers[register], value);
            if (n != check) continue;
            check *= 10;
            // As Redis: six standard errors, and small counts may be a little off.
            if (Math.Abs(HyperLogLog.Estimate(registers) - n) <= Math.Max(n * 6 * expectedError, n == 10 ? 1 : 0)) continue;
            c.Reply.Error("ERR TESTFAILED Too big error for " + n);
            return;
        }
        c.Reply.Ok();
    }
}
