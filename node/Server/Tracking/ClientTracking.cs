// What one session asked for with CLIENT TRACKING.
namespace Shoal.Server.Tracking;

/// <summary>Options of CLIENT TRACKING ON.</summary>
[Flags]
public enum TrackingOptions
{
    None = 0,
    /// <summary>BCAST: told of every key under its prefixes, whether it read it or not.</summary>
    Broadcast = 1,
    /// <summary>OPTIN: only keys read behind CLIENT CACHING YES are remembered.</summary>
    OptIn = 2,
    /// <summary>OPTOUT: keys read behind CLIENT CACHING NO are not.</summary>
    OptOut = 4,
    /// <summary>NOLOOP: not told of its own changes.</summary>
    NoLoop = 8,
}

/// <summary>A tracking session's state; a session without one tracks nothing.</summary>
public sealed class ClientTracking
{
    public TrackingOptions Options { get; set; }

    /// <summary>Client that gets the messages instead; 0 = the session itself.</summary>
    public long Redirect { get; set; }

    /// <summary>The client redirected to has gone.</summary>
    public bool IsBroken { get; set; }

    /// <summary>CLIENT CACHING was said: holds for the next command, or the transaction that begins with it.</summary>
    public bool CachingSaid { get; set; }

    /// <summary>Prefixes of BCAST in byte order; the empty one stands for every key.</summary>
    public SortedSet<byte[]> Prefixes { get; } = new(ByteOrder.Comparer);

    public bool Has(TrackingOptions option) => (Options & option) != 0;

    /// <summary>Keys the session reads now are to be remembered.</summary>
    public bool Remembers => !Has(TrackingOptions.Broadcast)
        && (Has(TrackingOptions.OptIn) ? CachingSaid : !Has(TrackingOptions.OptOut) || !CachingSaid);
}

/// <summary>Byte strings in the order Redis lists them.</summary>
internal sealed class ByteOrder : IComparer<byte[]>
{
    public static readonly ByteOrder Comparer = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
}
