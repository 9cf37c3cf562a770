// A subsystem as the host composes it. NodeHost holds them in one visible list; each gets the same calls in that order,
// and Stop in the reverse one.
using Shoal.Server.Commands;

namespace Shoal.Server.Hosting;

/// <summary>A subsystem of the node: server core, journal and persistence, replication, cluster.</summary>
public interface INodePart
{
    /// <summary>Registers settings and commands. Nothing else exists yet.</summary>
    void Register(NodeConfig config, CommandTable commands);

    /// <summary>Settings are read: create objects, publish them with <see cref="NodeServices.Add{T}"/>, hook INFO sections, turn tasks and shutdown steps.</summary>
    void Build(NodeServices node);

    /// <summary>Engine thread, sockets listen, gates answer LOADING while <c>Serving.IsLoading</c>: recover, then go.</summary>
    void Start(NodeServices node)
    {
    }

    /// <summary>Engine has stopped: release threads and files. Shutdown steps ran before.</summary>
    void Stop(NodeServices node)
    {
    }
}
