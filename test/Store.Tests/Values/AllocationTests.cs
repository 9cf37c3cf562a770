// Why: nothing on the path of a command may allocate on the managed heap; each collection's everyday operations are held to it.

using Shoal.Store.Values;

namespace Shoal.Store.Tests.Values;

public sealed class AllocationTests : IDisposable
{
    private readonly ValueFixture _store = new(checkedArena: false);
    private readonly byte[] _text = "member:000000"u8.ToArray();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(50)]
    [InlineData(3000)]
    public void Everyday_operations_allocate_nothing(int members)
    {
        Run(members); // tables grow, methods are compiled
        Run(members);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(members);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
    }

    private ReadOnlySpan<byte> Member(int i)
    {
        for (int at = 12; at >= 7; at--, i /= 10) _text[at] = (byte)('0' + i % 10);
        return _text;
    }

    private long Run(int members)
    {
        var keys = _store.Keys;
        long sum = 0;
        for (int i = 0; i < members; i++)
        {
            var member = Member(i);
            var h = keys.FindForWrite("h"u8, 0);
            if (h.Exists) HashValue.Set(keys, ref h, member, member); else HashValue.Create(keys, "h"u8, 0, member, member);
            var s = keys.FindForWrite("s"u8, 0);
            if (s.Exists) SetValue.Add(keys, ref s, member); else SetValue.Create(keys, "s"u8, 0, member);
            var z = keys.FindForWrite("z"u8, 0);
            if (z.Exists) SortedSetValue.Set(keys, ref z, member, i * 0.7); else SortedSetValue.Create(keys, "z"u8, 0, member, i);
            var l = keys.FindForWrite("l"u8, 0);
            if (l.Exists) ListValue.PushTail(keys, ref l, member); else ListValue.Create(keys, "l"u8, 0, member);
            if (HashValue.TryGet(keys, keys.Find("h"u8, 0), member, out var value)) sum += value.TextLength;
            sum += SortedSetValue.Rank(keys, keys.Find("z"u8, 0), member, out _);
        }
        foreach (var here in SortedSetValue.Enumerate(keys, keys.Find("z"u8, 0))) sum += (long)here.Score;
        foreach (var here in HashValue.Enumerate(keys, keys.Find("h"u8, 0))) sum += here.Field.TextLength;
        foreach (var here in ListValue.Enumerate(keys, keys.Find("l"u8, 0))) sum += here.Element.TextLength;
        var list = keys.FindForWrite("l"u8, 0);
        ListValue.RemoveRange(keys, ref list, 0, members / 2);
        keys.Remove("h"u8, 0);
        keys.Remove("s"u8, 0);
        keys.Remove("z"u8, 0);
        keys.Remove("l"u8, 0);
        return sum;
    }
}
