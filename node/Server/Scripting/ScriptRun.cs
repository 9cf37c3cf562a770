// The script that runs now. Only one does at a time, so there is one object for all runs.
using System.Diagnostics;
using Shoal.Protocol.Resp;
using Shoal.Server.Sessions;

namespace Shoal.Server.Scripting;

/// <summary>State of the running script. Engine thread.</summary>
internal sealed unsafe class ScriptRun
{
    private byte* _request;
    private int _requestLength;
    private long _started;

    /// <summary>Who called: user, tracking, redirects are its.</summary>
    public Session Session { get; private set; } = null!;

    /// <summary>SHA1 of a script, name of a function.</summary>
    public string Name { get; private set; } = "";

    /// <summary>EVAL, not FCALL.</summary>
    public bool IsEval { get; private set; }

    /// <summary>The call came by the primary's stream or the append-only file: its commands are not checked.</summary>
    public bool IsReplay { get; private set; }

    public bool IsReadOnly { get; private set; }

    public bool MayExceedMemory { get; private set; }

    public bool MayCrossSlots { get; private set; }

    /// <summary>There was no memory left when it began.</summary>
    public bool IsOutOfMemory { get; private set; }

    /// <summary>Slot of the declared keys, then of the first key used; -1 before.</summary>
    public int Slot { get; set; }

    /// <summary>It has called a write: it can no longer be refused or killed without leaving half of its work.</summary>
    public bool HasWritten { get; set; }

    /// <summary>Version of RESP its commands answer in (redis.setresp).</summary>
    public int Resp { get; set; }

    /// <summary>It ends at its next step.</summary>
    public bool IsKilled { get; set; }

    /// <summary>Set once it has run beyond the threshold.</summary>
    public BusyScript? Busy { get; set; }

    /// <summary>The call as it came: valid while it runs.</summary>
    public ReadOnlySpan<byte> Request => new(_request, _requestLength);

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    /// <summary>Begins anew.</summary>
    /// <param name="request">In memory that does not move while the script runs, as that of every running request.</param>
    public void Begin(Session session, in Request request, string name, bool isEval, ScriptFlags flags, bool readOnlyCall, bool isReplay, bool outOfMemory, int slot)
    {
        fixed (byte* start = request.Frame) _request = start;
        _requestLength = request.Frame.Length;
        _started = Stopwatch.GetTimestamp();
        Session = session;
        Name = name;
        IsEval = isEval;
        IsReplay = isReplay;
        bool declared = (flags & ScriptFlags.Undeclared) == 0;
        IsReadOnly = readOnlyCall || (declared && (flags & ScriptFlags.NoWrites) != 0);
        MayExceedMemory = declared && (flags & ScriptFlags.AllowOom) != 0;
        MayCrossSlots = !declared || (flags & ScriptFlags.AllowCrossSlotKeys) != 0;
        IsOutOfMemory = outOfMemory;
        Slot = slot;
        HasWritten = IsKilled = false;
        Resp = 2;
        Busy = null;
    }
}
