// Keyspace notifications: what happened to a key, published on __keyspace@<db>__:<key> and __keyevent@<db>__:<event> of this
// node only (never over the cluster bus, never to replicas, which emit their own).
using System.Buffers.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Server.PubSub;

/// <summary>Classes of events, by the letters of notify-keyspace-events.</summary>
[Flags]
public enum KeyEventClass
{
    None = 0,
    /// <summary>K: publish on the key's channel.</summary>
    Keyspace = 1 << 0,
    /// <summary>E: publish on the event's channel.</summary>
    KeyEvent = 1 << 1,
    /// <summary>g: del, expire, rename, copy...</summary>
    Generic = 1 << 2,
    /// <summary>$</summary>
    String = 1 << 3,
    /// <summary>l</summary>
    List = 1 << 4,
    /// <summary>s</summary>
    Set = 1 << 5,
    /// <summary>h</summary>
    Hash = 1 << 6,
    /// <summary>z</summary>
    SortedSet = 1 << 7,
    /// <summary>x</summary>
    Expired = 1 << 8,
    /// <summary>e</summary>
    Evicted = 1 << 9,
    /// <summary>t</summary>
    Stream = 1 << 10,
    /// <summary>m; not in A.</summary>
    KeyMiss = 1 << 11,
    /// <summary>d: events of module types, of which there are none here.</summary>
    Module = 1 << 12,
    /// <summary>n: a key was created; not in A.</summary>
    New = 1 << 13,
    /// <summary>A.</summary>
    All = Generic | String | List | Set | Hash | SortedSet | Expired | Evicted | Stream | Module,
}

/// <summary>Publishes the events that are asked for.</summary>
public sealed class KeyspaceEvents(Channels channels)
{
    private static readonly (char Letter, KeyEventClass Class)[] Letters =
    [
        ('A', KeyEventClass.All), ('g', KeyEventClass.Generic), ('$', KeyEventClass.String), ('l', KeyEventClass.List), ('s', KeyEventClass.Set),
        ('h', KeyEventClass.Hash), ('z', KeyEventClass.SortedSet), ('x', KeyEventClass.Expired), ('e', KeyEventClass.Evicted),
        ('t', KeyEventClass.Stream), ('d', KeyEventClass.Module), ('n', KeyEventClass.New), ('K', KeyEventClass.Keyspace),
        ('E', KeyEventClass.KeyEvent), ('m', KeyEventClass.KeyMiss),
    ];

    private readonly NativeBuffer _channel = new(256);
    private KeyEventClass _classes;

    /// <summary>Some class is to be published somewhere.</summary>
    public bool IsOn { get; private set; }

    /// <summary>What is published; K or E and at least one class, or nothing is.</summary>
    public KeyEventClass Classes
    {
        get => _classes;
        set
        {
            _classes = value;
            const KeyEventClass where = KeyEventClass.Keyspace | KeyEventClass.KeyEvent;
            IsOn = (value & where) != 0 && (value & ~where) != 0;
        }
    }

    /// <summary>True when events of this class are published.</summary>
    public bool Wants(KeyEventClass of) => IsOn && (_classes & of) != 0;

    /// <summary>Publishes an event about a key if its class is asked for.</summary>
    public void Raise(KeyEventClass of, ReadOnlySpan<byte> name, ReadOnlySpan<byte> key, int db)
    {
        if ((_classes & of) == 0 || !channels.AnyListens) return;
        if ((_classes & KeyEventClass.Keyspace) != 0) channels.Publish(Channel("__keyspace@"u8, db, key), name);
        if ((_classes & KeyEventClass.KeyEvent) != 0) channels.Publish(Channel("__keyevent@"u8, db, name), key);
    }

    /// <summary>Letters of a setting to classes; null when one of them is none.</summary>
    public static KeyEventClass? Parse(string letters)
    {
        var classes = KeyEventClass.None;
        foreach (char letter in letters)
        {
            var known = Array.Find(Letters, l => l.Letter == letter);
            if (known.Letter == 0) return null;
            classes |= known.Class;
        }
        return classes;
    }

    /// <summary>The canonical spelling Redis gives back: A instead of all it stands for (which swallows n), K, E and m last.</summary>
    public static string Format(KeyEventClass classes)
    {
        bool all = (classes & KeyEventClass.All) == KeyEventClass.All;
        const KeyEventClass last = KeyEventClass.Keyspace | KeyEventClass.KeyEvent | KeyEventClass.KeyMiss;
        var text = new System.Text.StringBuilder(all ? "A" : "");
        foreach (var (letter, of) in Letters)
            if (letter != 'A' && (classes & of) != 0 && (!all || (of & last) != 0)) text.Append(letter);
        return text.ToString();
    }

    private ReadOnlySpan<byte> Channel(ReadOnlySpan<byte> prefix, int db, ReadOnlySpan<byte> rest)
    {
        Span<byte> number = stackalloc byte[11];
        Utf8Formatter.TryFormat(db, number, out int digits);
        _channel.Clear(64 * 1024);
        _channel.Append(prefix);
        _channel.Append(number[..digits]);
        _channel.Append("__:"u8);
        _channel.Append(rest);
        return _channel.Written;
    }
}
