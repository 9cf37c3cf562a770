// The patterns of SORT's BY and GET: "weight_*" names a key for each element, "object_*->field" a field of a hash, "#" the
// element itself.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

internal static class SortPattern
{
    [ThreadStatic]
    private static NativeBuffer? t_text;

    /// <summary>The value <paramref name="pattern"/> names for <paramref name="element"/>, valid until the next call. False when there is
    /// none, or it is of another type.</summary>
    public static bool TryResolve(scoped ref CommandContext c, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> element, out ReadOnlySpan<byte> value)
    {
        value = element;
        if (pattern.SequenceEqual("#"u8)) return true;
        int star = pattern.IndexOf((byte)'*');
        if (star < 0) return false;
        int arrow = pattern[(star + 1)..].IndexOf("->"u8);
        var field = arrow < 0 ? default : pattern[(star + 1 + arrow + 2)..];
        var behind = field.IsEmpty ? pattern[(star + 1)..] : pattern.Slice(star + 1, arrow);
        var text = t_text ??= new NativeBuffer(256);
        text.Clear(64 * 1024);
        text.Append(pattern[..star]);
        text.Append(element);
        text.Append(behind);
        var e = c.Keys.Find(text.Written, c.Slot);
        if (!e.Exists || e.Type != (field.IsEmpty ? ValueType.String : ValueType.Hash)) return false;
        text.Clear(64 * 1024);
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        if (field.IsEmpty) text.Append(e.Text(scratch));
        else if (HashValue.TryGet(c.Keys, e, field, out var found)) text.Append(found.Text(scratch));
        else return false;
        value = text.Written;
        return true;
    }
}
