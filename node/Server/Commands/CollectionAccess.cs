// What every handler of a collection begins and ends with: find the key and check its type, write an element, tell watchers.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

internal static class CollectionAccess
{
    /// <summary>Said of the one 64-bit number that has no positive counterpart.</summary>
    public const string BelowLongRange = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

    /// <summary>Finds argument <paramref name="at"/> to read it; the entry may be absent. False with the error written when it is of another type.</summary>
    public static bool TryFind(this ref CommandContext c, int at, ValueType type, out EntryRef e)
    {
        e = c.Keys.Find(c[at], c.Slot);
        return c.IsTypeOrAbsent(e, type);
    }

    /// <summary>Finds argument <paramref name="at"/> to change it; otherwise as <see cref="TryFind"/>.</summary>
    public static bool TryFindForWrite(this ref CommandContext c, int at, ValueType type, out EntryRef e)
    {
        e = c.Keys.FindForWrite(c[at], c.Slot);
        return c.IsTypeOrAbsent(e, type);
    }

    /// <summary>
    /// As <see cref="TryFindForWrite"/>, for a command that looks at the key in argument <paramref name="second"/> as well
    /// while it holds this entry: a due second key is dropped first, since a removal could move what refers to the entry.
    /// </summary>
    public static bool TryFindFirstOfTwo(this ref CommandContext c, int at, int second, ValueType type, out EntryRef e)
    {
        _ = c.Keys.Peek(c[second], c.Slot);
        return c.TryFindForWrite(at, type, out e);
    }

    public static bool IsTypeOrAbsent(this ref CommandContext c, in EntryRef e, ValueType type)
    {
        if (!e.Exists || e.Type == type) return true;
        c.Reply.Error(ErrorReplies.WrongType);
        return false;
    }

    /// <summary>A collection was changed in place: counts the changes and tells who watches the key.</summary>
    public static void Changed(this ref CommandContext c, ReadOnlySpan<byte> key, int count = 1)
    {
        if (count <= 0) return;
        c.Changed(count);
        c.Keys.Events.RaiseChanged(c.Keys, key, c.Slot);
    }

    /// <summary>
    /// Elements were taken out: removes the key if <paramref name="left"/> is 0, reports the change, and publishes it as
    /// <paramref name="name"/>, with "del" behind it when the key went.
    /// </summary>
    public static void Shrunk(
        this ref CommandContext c, ReadOnlySpan<byte> key, long left, int count, KeyEventClass of, scoped ReadOnlySpan<byte> name)
    {
        if (count <= 0) return;
        if (left == 0) c.Keys.Remove(key, c.Slot);
        c.Changed(key, count);
        c.Notify(of, name, key);
        if (left == 0) c.Notify(KeyEventClass.Generic, "del"u8, key);
    }

    /// <summary>A key was removed by a command other than DEL: counts it and publishes "del".</summary>
    public static void Removed(this ref CommandContext c, ReadOnlySpan<byte> key)
    {
        c.Changed();
        c.Notify(KeyEventClass.Generic, "del"u8, key);
    }

    /// <summary>An element as a bulk string.</summary>
    public static void Element(this ReplyWriter reply, scoped Element element)
    {
        if (element.IsNumber) reply.Bulk(element.Number);
        else reply.Bulk(element.RawText);
    }

    /// <summary>A score: a bulk string in RESP2, a double in RESP3.</summary>
    public static void Score(this ReplyWriter reply, double score)
    {
        Span<byte> scratch = stackalloc byte[ScoreText.MaxLength];
        var text = ScoreText.Write(score, scratch);
        if (reply.Resp == 2) { reply.Bulk(text); return; }
        reply.Raw(","u8);
        reply.Raw(text);
        reply.Raw("\r\n"u8);
    }

    /// <summary>A random-choice count: -(2^63-1) .. 2^63-1, or half of that when <paramref name="pairs"/> are to be written.</summary>
    public static bool TryChoiceCount(this ref CommandContext c, int at, bool pairs, out long count)
    {
        if (!c.TryInteger(at, out count)) return false;
        bool fits = !pairs || (count >= -long.MaxValue / 2 && count <= long.MaxValue / 2);
        if (count != long.MinValue && fits) return true;
        c.Reply.Error(count == long.MinValue ? BelowLongRange : ErrorReplies.OutOfRange);
        return false;
    }

    /// <summary>A count that must not be negative.</summary>
    public static bool TryPositiveCount(this ref CommandContext c, int at, out long count)
    {
        if (IntegerText.TryParse(c[at], out count) && count >= 0) return true;
        c.Reply.Error(ErrorReplies.MustBePositive);
        return false;
    }
}
