// Lua objects live on the managed heap, where nobody says when one dies. So allocations are only added up, and when the sum reaches
// the mark a walk over everything reachable finds the true size (LiveSize). Above the limit the allocation fails; otherwise the mark
// is set so that the next walk comes after at least a quarter of the limit has been allocated anew.
namespace Shoal.Lua;

/// <summary>Counts the memory of one interpreter.</summary>
internal sealed class MemoryMeter
{
    private readonly long _limit;
    private long _mark;

    public MemoryMeter(long limit) => _limit = _mark = limit;

    /// <summary>Measures everything reachable; set by the state once its roots exist.</summary>
    public Func<long>? MeasureLive { get; set; }

    /// <summary>Bytes in use: live at the last walk plus allocated since.</summary>
    public long Used { get; private set; }

    /// <summary>Counts an allocation before it is made.</summary>
    /// <exception cref="LuaError">"not enough memory"</exception>
    public void Charge(long bytes)
    {
        if ((Used += bytes) > _mark) MakeRoom(bytes);
    }

    public void Collect()
    {
        if (MeasureLive is null) return;
        Used = MeasureLive();
        _mark = Math.Max(_limit, Used);
    }

    private void MakeRoom(long bytes)
    {
        long live = bytes > _limit ? long.MaxValue : MeasureLive?.Invoke() ?? Used;
        if (live > _limit - bytes)
        {
            Used -= bytes;
            throw new LuaError("not enough memory");
        }
        Used = live + bytes;
        _mark = Math.Max(_limit, Used + _limit / 4);
    }
}
