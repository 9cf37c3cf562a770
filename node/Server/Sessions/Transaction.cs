// MULTI: the requests queued until EXEC, copied out of the receive buffer as RESP frames.
using Shoal.Protocol.Resp;
using Shoal.Server.Commands;

namespace Shoal.Server.Sessions;

/// <summary>A session's open transaction.</summary>
internal sealed class Transaction : IDisposable
{
    /// <summary>Queued requests, one RESP frame behind the other.</summary>
    public NativeBuffer Frames { get; } = new(256);

    /// <summary>Number of queued requests.</summary>
    public int Count { get; private set; }

    /// <summary>A request was refused while queueing: EXEC answers EXECABORT.</summary>
    public bool Aborted { get; set; }

    /// <summary>Keys of all queued requests lie in this slot; -1 while none has keys.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Flags that any of the queued commands has.</summary>
    public CommandFlags AnyFlags { get; private set; }

    /// <summary>Flags that all of the queued commands have.</summary>
    public CommandFlags AllFlags { get; private set; } = (CommandFlags)(-1);

    /// <summary>One of the queued requests is a write, or may be replicated like one.</summary>
    public bool HasWrite => (AnyFlags & (CommandFlags.Write | CommandFlags.MayReplicate)) != 0;

    public void Queue(in Request request, CommandFlags flags)
    {
        AnyFlags |= flags;
        AllFlags &= flags;
        var frame = request.Frame;
        Frames.Append(frame);
        Count++;
    }

    public void Dispose() => Frames.Dispose();
}
