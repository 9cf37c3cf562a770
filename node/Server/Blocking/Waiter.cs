// Who waits and for what: the two sides BlockedSessions connects.
using Shoal.Protocol.Resp;
using Shoal.Server.Sessions;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Blocking;

/// <summary>A session that waits, and the request it will run again.</summary>
/// <param name="session">The parked session.</param>
/// <param name="type">A key of another type does not wake it.</param>
/// <param name="wakesWhenGone">A removed key or one of another type wakes it, too.</param>
/// <param name="hasTimeout">It gives up at some time.</param>
/// <param name="isWrite">Its command writes.</param>
/// <param name="slot">Slot of its keys.</param>
internal sealed class Waiter(Session session, ValueType type, bool wakesWhenGone, bool hasTimeout, bool isWrite, int slot)
{
    public Session Session { get; } = session;

    public ValueType Type { get; } = type;

    public bool WakesWhenGone { get; } = wakesWhenGone;

    public bool HasTimeout { get; } = hasTimeout;

    public bool IsWrite { get; } = isWrite;

    public int Slot { get; } = slot;

    /// <summary>The request as one RESP array.</summary>
    public NativeBuffer Frame { get; } = new();

    public List<AwaitedKey> Keys { get; } = new(1);

    public ParkToken Token { get; set; } = null!;

    /// <summary>Its request was run again and found nothing.</summary>
    public bool BlocksAgain { get; set; }
}

/// <summary>A key somebody waits for.</summary>
internal sealed class AwaitedKey(int db, byte[] name, int slot)
{
    public int Db { get; } = db;

    public byte[] Name { get; } = name;

    public int Slot { get; } = slot;

    /// <summary>In the order they came.</summary>
    public List<Waiter> Waiters { get; } = new(1);

    /// <summary>How many of them wake when it is removed.</summary>
    public int AwaitedGone { get; set; }

    /// <summary>It changed and its waiters have not been served since.</summary>
    public bool IsReady { get; set; }

    /// <summary>It is ready, but a waiter could not be run; tried again at the end of the turn.</summary>
    public bool IsPostponed { get; set; }
}
