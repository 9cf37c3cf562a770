// Names of histories: 40 hex digits, random.
using System.Security.Cryptography;

namespace Shoal.Server.Replication;

/// <summary>Creates and names replication ids.</summary>
public static class ReplicationId
{
    /// <summary>No second history.</summary>
    public const string None = "0000000000000000000000000000000000000000";

    public static string Create() => RandomNumberGenerator.GetHexString(40, lowercase: true);
}
