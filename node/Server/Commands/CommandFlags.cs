// What a command is, as the gates and COMMAND INFO see it.
namespace Shoal.Server.Commands;

[Flags]
public enum CommandFlags
{
    None = 0,
    Write = 1 << 0,
    ReadOnly = 1 << 1,
    /// <summary>May grow memory: refused above maxmemory.</summary>
    DenyOom = 1 << 2,
    Admin = 1 << 3,
    PubSub = 1 << 4,
    NoScript = 1 << 5,
    Blocking = 1 << 6,
    /// <summary>Allowed while the data set is being loaded.</summary>
    Loading = 1 << 7,
    /// <summary>Allowed on a replica whose data is stale.</summary>
    Stale = 1 << 8,
    Fast = 1 << 9,
    /// <summary>Allowed before AUTH.</summary>
    NoAuth = 1 << 10,
    NoMulti = 1 << 11,
    /// <summary>Keys cannot be told from positions alone.</summary>
    MovableKeys = 1 << 12,
    /// <summary>Never delayed by CLIENT PAUSE and never queued by MULTI (EXEC, DISCARD, QUIT, RESET...).</summary>
    Immediate = 1 << 13,
    /// <summary>Counts as ASKING itself (RESTORE-ASKING).</summary>
    Asking = 1 << 14,
    SkipMonitor = 1 << 15,
    SkipSlowLog = 1 << 16,
    /// <summary>May replicate even if it is no write (PUBLISH and the like).</summary>
    MayReplicate = 1 << 17,
    /// <summary>Allowed while a script has been running for too long (SCRIPT KILL, AUTH...).</summary>
    AllowBusy = 1 << 18,
    /// <summary>May be called without any key although it has key positions (EVAL).</summary>
    NoMandatoryKeys = 1 << 19,
}
