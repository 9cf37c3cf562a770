// What other parts tell the gates: may this node serve, may it write. One word each, written on the engine thread.
namespace Shoal.Server.Sessions;

/// <summary>The state the dispatcher's gates read. Refusals are whole error texts; null lets pass.</summary>
public sealed class ServingState
{
    private volatile bool _loading;
    private volatile string? _notReady;
    private volatile BusyScript? _busy;

    /// <summary>The data set is being loaded: commands without the Loading flag answer LOADING. Read from any thread.</summary>
    public bool IsLoading
    {
        get => _loading;
        set => _loading = value;
    }

    /// <summary>This node replicates another one: HELLO and CLUSTER report the role, expired keys hide but stay.</summary>
    public bool IsReplica { get; set; }

    /// <summary>Why writes are refused (READONLY, NOREPLICAS, MISCONF), or null. Asked for each write of a client.</summary>
    public List<Func<string?>> WriteRefusals { get; } = [];

    /// <summary>Why reads without the Stale flag are refused (MASTERDOWN), or null.</summary>
    public Func<string?>? StaleRefusal { get; set; }

    /// <summary>Why /readyz answers 503 beside loading (cluster state), or null. Any thread.</summary>
    public string? NotReady
    {
        get => _notReady;
        set => _notReady = value;
    }

    /// <summary>The script that has run for so long that clients are told BUSY, or null. Any thread.</summary>
    public BusyScript? Busy
    {
        get => _busy;
        set => _busy = value;
    }

    /// <summary>Changes since the last snapshot (rdb_changes_since_last_save); counted by handlers, reset by the saver.</summary>
    public long Dirty { get; set; }

    /// <summary>CLIENT PAUSE: until this time (Unix ms) ...</summary>
    public long PausedUntilMs { get; set; }

    /// <summary>... everything (true) or writes only (false) wait.</summary>
    public bool PauseAll { get; set; }

    /// <summary>FAILOVER holds clients' writes until it has ended, beside any CLIENT PAUSE.</summary>
    public bool WritesHeld { get; set; }

    /// <summary>Some commands have to wait.</summary>
    public bool IsPausing => PausedUntilMs > 0 || WritesHeld;

    /// <summary>Scripts may call commands marked noscript (DEBUG SET-DISABLE-DENY-SCRIPTS).</summary>
    public bool ScriptsMayCallAll { get; set; }

    /// <summary>Keys whose time has come hide but stay: their removal is the primary's business, or has to wait for the pause to end.</summary>
    public bool HidesExpired => IsReplica || IsPausing;

    /// <summary>Expiry cycle runs (DEBUG SET-ACTIVE-EXPIRE).</summary>
    public bool ActiveExpire { get; set; } = true;
}
