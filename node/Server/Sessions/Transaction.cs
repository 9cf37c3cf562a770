// MULTI: the requests queued until EXEC, copied out of the receive buffer as RESP frames.
using Shoal.Protocol.Resp;

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

    /// <summary>One of the queued requests is a write.</summary>
    public bool HasWrite { get; set; }

    public void Queue(in Request request)
    {
        var frame = request.Frame;
        Frames.Append(frame);
        Count++;
    }

    public void Dispose() => Frames.Dispose();
}
