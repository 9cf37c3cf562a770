// The one place where libraries build strings: growth is counted by the meter before it happens, and large appends count as steps
// towards the interrupt.
namespace Shoal.Lua.Libraries;

/// <summary>A growing run of bytes.</summary>
internal sealed class ByteBuffer(LuaState state)
{
    private const int BytesPerStep = 1024;

    private byte[] _bytes = new byte[64];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Append(byte b)
    {
        if (Length == _bytes.Length) Grow(1);
        _bytes[Length++] = b;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Take(bytes.Length));
        if (bytes.Length > BytesPerStep) state.Tick(bytes.Length / BytesPerStep);
    }

    /// <summary>The next bytes, for the caller to fill.</summary>
    public Span<byte> Take(int count)
    {
        if (count > _bytes.Length - Length) Grow(count);
        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }

    /// <summary>Gives back the last bytes taken.</summary>
    public void Drop(int count) => Length -= count;

    public LuaString ToLuaString() => state.NewString(Bytes);

    private void Grow(int count)
    {
        long needed = (long)Length + count;
        if (needed > LibraryLimits.MaxString) throw new LuaError("not enough memory");
        long size = Math.Min(LibraryLimits.MaxString, Math.Max(needed, _bytes.Length * 2L));
        state.Meter.Charge(size);
        Array.Resize(ref _bytes, (int)size);
    }
}
