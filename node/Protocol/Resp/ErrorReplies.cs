// Every error text a client may match on, in one list. Texts are Redis 7.2's.
namespace Shoal.Protocol.Resp;

/// <summary>Error replies without the leading '-' and the CRLF; pass to <see cref="ReplyWriter.Error(string)"/>.</summary>
public static class ErrorReplies
{
    public const string Syntax = "ERR syntax error";
    public const string WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    public const string NotInteger = "ERR value is not an integer or out of range";
    public const string NotFloat = "ERR value is not a valid float";
    public const string MinMaxNotFloat = "ERR min or max is not a float";
    public const string MinMaxNotString = "ERR min or max not valid string range item";
    public const string IncrementOverflow = "ERR increment or decrement would overflow";
    public const string IncrementNaN = "ERR increment would produce NaN or Infinity";
    public const string NoSuchKey = "ERR no such key";
    public const string IndexOutOfRange = "ERR index out of range";
    public const string OffsetOutOfRange = "ERR offset is out of range";
    public const string OutOfRange = "ERR value is out of range";
    public const string MustBePositive = "ERR value is out of range, must be positive";
    public const string StringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    public const string SameObject = "ERR source and destination objects are the same";
    public const string InvalidCursor = "ERR invalid cursor";
    public const string InvalidDatabase = "ERR invalid DB index";
    public const string DatabaseOutOfRange = "ERR DB index is out of range";
    public const string SelectInCluster = "ERR SELECT is not allowed in cluster mode";
    public const string HashNotInteger = "ERR hash value is not an integer";
    public const string HashNotFloat = "ERR hash value is not a float";
    public const string BusyKey = "BUSYKEY Target key name already exists.";
    public const string BadDump = "ERR DUMP payload version or checksum are wrong";
    public const string BadFormat = "ERR Bad data format";
    public const string NumKeys = "ERR numkeys should be greater than 0";
    public const string TimeoutNegative = "ERR timeout is negative";
    public const string TimeoutOutOfRange = "ERR timeout is out of range";
    public const string TimeoutNotFloat = "ERR timeout is not a float or out of range";
    public const string ExpireOptionsWithNx = "ERR NX and XX, GT or LT options at the same time are not compatible";
    public const string ExpireGtAndLt = "ERR GT and LT options at the same time are not compatible";
    public const string DecrementOverflow = "ERR decrement would overflow";
    public const string FrequencyNotTracked = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    public const string IdleTimeNotTracked = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    public const string MoveInCluster = "ERR MOVE is not allowed in cluster mode";
    public const string SwapDbInCluster = "ERR SWAPDB is not allowed in cluster mode";
    public const string CopyDbInCluster = "ERR Copying to another database is not allowed in cluster mode";
    public const string InvalidFirstDb = "ERR invalid first DB index";
    public const string InvalidSecondDb = "ERR invalid second DB index";
    public const string LcsNotStrings = "ERR The specified keys must contain string values";
    public const string LcsLenAndIdx = "ERR If you want both the length and indexes, please just use IDX.";
    public const string LcsTooLong = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    public const string NoAuth = "NOAUTH Authentication required.";
    public const string WrongPass = "WRONGPASS invalid username-password pair or user is disabled.";
    public const string AuthWithoutPassword = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    public const string NoProto = "NOPROTO unsupported protocol version";
    public const string OutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
    public const string Loading = "LOADING Redis is loading the dataset in memory";
    public const string ReadOnlyReplica = "READONLY You can't write against a read only replica.";
    public const string PrimaryDown = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    public const string Unblocked = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

    public const string NoReplicas = "NOREPLICAS Not enough good replicas to write.";
    public const string MisconfSnapshot = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
    public const string CrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";
    public const string TryAgain = "TRYAGAIN Multiple keys request during rehashing of slot";
    public const string ClusterDown = "CLUSTERDOWN The cluster is down";
    public const string ClusterSlotUnserved = "CLUSTERDOWN Hash slot not served";
    public const string ClusterDisabled = "ERR This instance has cluster support disabled";
    public const string ExecAbort = "EXECABORT Transaction discarded because of previous errors.";
    public const string ExecWithoutMulti = "ERR EXEC without MULTI";
    public const string DiscardWithoutMulti = "ERR DISCARD without MULTI";
    public const string NestedMulti = "ERR MULTI calls can not be nested";
    public const string WatchInMulti = "ERR WATCH inside MULTI is not allowed";
    public const string NoReplyForCommand = "NOGOODSLAVE No suitable replica";
    public const string BackgroundSave = "ERR Background save already in progress";
    public const string ShutdownFailed = "ERR Errors trying to SHUTDOWN. Check logs.";

    public static string ExecAbortedBy(string reason) => "EXECABORT Transaction discarded because of: " + reason;

    public static string UnknownCommand(string name, string args) => $"ERR unknown command '{name}', with args beginning with: {args}";

    public static string UnknownSubcommand(string sub, string container) =>
        $"ERR unknown subcommand '{sub}'. Try {container.ToUpperInvariant()} HELP.";

    public static string SubscriberMode(string name) =>
        $"ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

    /// <summary>For containers that take their sub-commands apart themselves (DEBUG).</summary>
    public static string UnknownSubcommandOrArity(string sub, string container) =>
        $"ERR unknown subcommand or wrong number of arguments for '{sub}'. Try {container} HELP.";

    public static string WrongArity(string name) => $"ERR wrong number of arguments for '{name}' command";

    public static string InvalidExpire(string name) => $"ERR invalid expire time in '{name}' command";

    public static string NotAllowedInMulti(string name) => $"ERR {name.ToUpperInvariant()} is not allowed in transactions";
}
