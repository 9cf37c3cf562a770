// The error texts of scripting, Redis 7.2's. Those without a code get "ERR" when they reach a client.
namespace Shoal.Server.Scripting;

internal static class ScriptErrors
{
    public const string NoScript = "NOSCRIPT No matching script. Please use EVAL.";
    public const string BusyScript = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    public const string BusyFunction = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    public const string NotBusy = "NOTBUSY No scripts in execution right now.";
    public const string UnkillableReplay = "UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be killed.";
    public const string UnkillableWrite = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
    public const string Killed = "Script killed by user with SCRIPT KILL...";
    public const string TooManyKeys = "ERR Number of keys can't be greater than number of args";
    public const string NegativeKeys = "ERR Number of keys can't be negative";
    public const string BadKeyCount = "ERR Bad number of keys provided";
    public const string NoFunction = "ERR Function not found";
    public const string NoLibrary = "ERR Library not found";
    public const string NotInCluster = "ERR Can not run script on cluster, 'no-cluster' flag is set.";
    public const string StaleScript = "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.";
    public const string WriteFlagInReadOnlyCall = "ERR Can not execute a script with write flag using *_ro command.";

    public const string UnknownCommand = "Unknown Redis command called from script";
    public const string NotPermitted = "ACL failure in script: ";
    public const string WrongArity = "Wrong number of args calling Redis command from script";
    public const string NotFromScript = "This Redis command is not allowed from script";
    public const string StaleReplica = "Can not execute the command on a stale replica";
    public const string WriteInReadOnly = "Write commands are not allowed from read-only scripts.";
    public const string ClusterDown = "Script attempted to execute a command while the cluster is down";
    public const string ForeignKey = "Script attempted to access a non local key in a cluster node";
    public const string OtherSlot = "Script attempted to access keys that do not hash to the same slot";
}
