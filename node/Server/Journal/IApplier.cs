// One way in for every write that does not come from a client: recovery, the link to the primary and slot import call
// this, the dispatcher implements it.
using Shoal.Protocol.Resp;

namespace Shoal.Server.Journal;

/// <summary>Runs one effective write without client gates, without a reply and without journaling it again.</summary>
public interface IApplier
{
    /// <summary>Runs <paramref name="request"/> in database <paramref name="db"/>. Engine thread. Returns null, or why the command could not
    /// even be tried (unknown name, wrong arity); an error reply of the handler itself is not a reason to stop.</summary>
    string? Apply(int db, in Request request);
}
