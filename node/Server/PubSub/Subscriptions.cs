// What one session is subscribed to, and the three kinds of names there are.
namespace Shoal.Server.PubSub;

/// <summary>What a subscription names.</summary>
public enum Scope
{
    /// <summary>SUBSCRIBE: a channel of the whole cluster.</summary>
    Channel,

    /// <summary>PSUBSCRIBE: a glob pattern over channels.</summary>
    Pattern,

    /// <summary>SSUBSCRIBE: a channel of the shard that owns its slot.</summary>
    Shard,
}

/// <summary>The subscriptions of one session, in order of subscription.</summary>
public sealed class Subscriptions
{
    private readonly HashSet<byte[]>[] _names = [new(ByteText.Comparer), new(ByteText.Comparer), new(ByteText.Comparer)];

    /// <summary>Subscriptions of every kind.</summary>
    public int Total => _names[0].Count + _names[1].Count + _names[2].Count;

    public HashSet<byte[]> Of(Scope scope) => _names[(int)scope];

    /// <summary>The count confirmations carry: channels and patterns together, shard channels by themselves.</summary>
    public int CountFor(Scope scope) => scope == Scope.Shard ? _names[2].Count : _names[0].Count + _names[1].Count;
}
