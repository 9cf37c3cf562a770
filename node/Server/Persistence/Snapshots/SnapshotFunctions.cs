// Function libraries are part of the data set, but neither keys nor known here: Scripting puts in how they are listed, loaded and
// dropped, so that Persistence does not point there.
namespace Shoal.Server.Persistence.Snapshots;

/// <summary>The function libraries as snapshots see them. Engine thread.</summary>
public sealed class SnapshotFunctions
{
    /// <summary>The code of every library, its shebang line included.</summary>
    public Func<IEnumerable<byte[]>> Codes { get; set; } = static () => [];

    /// <summary>Loads a library from its code, in the place of one of that name when it may: null, or why it cannot be.</summary>
    public Func<byte[], bool, string?> Load { get; set; } = static (_, _) => "this node runs no functions";

    /// <summary>Drops all libraries: another data set replaces this one.</summary>
    public Action Clear { get; set; } = static () => { };
}
