// What a handler sees of one command: its arguments, the keyspace, the reply, and how its effect reaches the journal.
// It lives on the engine's stack and is reused for every command of a batch.
using Shoal.Protocol.Resp;
using Shoal.Server.Hosting;
using Shoal.Server.Journal;
using Shoal.Server.PubSub;
using Shoal.Server.Sessions;
using Shoal.Store;

namespace Shoal.Server.Commands;

/// <summary>How the effect of the running command is journalled.</summary>
public enum Propagation : byte
{
    /// <summary>Nothing changed (yet).</summary>
    None,

    /// <summary>The request as it came.</summary>
    Verbatim,

    /// <summary>The handler gave the effective form.</summary>
    Effective,

    /// <summary>The handler asked for silence.</summary>
    Suppressed,
}

/// <summary>The running command. Passed by reference, never stored.</summary>
public ref struct CommandContext
{
    /// <summary>The request as it came; argument 0 is the name.</summary>
    public Request Request;

    /// <summary>The database the session selected.</summary>
    public Keyspace Keys;

    public ReplyWriter Reply;

    public Session Session;

    public NodeServices Node;

    /// <summary>The row being run (the sub-command's row, if it has one).</summary>
    public Command Command;

    /// <summary>Slot of the request's keys; 0 outside cluster mode. In cluster mode all keys of a request share it.</summary>
    public int Slot;

    /// <summary>The engine's clock, fixed for the turn: Unix milliseconds.</summary>
    public long NowMs;

    /// <summary>Running from the AOF or the primary's stream: no client waits for the reply.</summary>
    public bool IsReplay;

    /// <summary>A script called it: it must answer at once, and MONITOR shows it as lua's.</summary>
    public bool IsScript;

    /// <summary>A waiting session's request runs once more because a key it waits for has changed.</summary>
    public bool IsRerun;

    /// <summary>Running inside EXEC, whose end it cannot hold up.</summary>
    public bool IsInner;

    internal Propagation Propagation;

    /// <summary>Number of arguments, the name included.</summary>
    public readonly int ArgCount => Request.Count;

    /// <summary>Argument <paramref name="i"/>; 0 is the command name.</summary>
    public readonly ReadOnlySpan<byte> this[int i] => Request[i];

    /// <summary>Index of the selected database.</summary>
    public readonly int Db => Session.Db;

    /// <summary>The client may be made to wait; otherwise a blocking command answers at once what it would on timeout.</summary>
    public readonly bool MayBlock => !IsReplay && !IsInner && !IsScript;

    /// <summary>All databases.</summary>
    public readonly Databases Databases => Node.Databases;

    /// <summary>
    /// The command had <paramref name="count"/> effects: the request is journalled verbatim after the handler, unless the
    /// handler gives another form. 0 is no effect.
    /// </summary>
    public void Changed(int count = 1)
    {
        if (count <= 0) return;
        Node.Serving.Dirty += count;
        if (Propagation == Propagation.None) Propagation = Propagation.Verbatim;
    }

    /// <summary>
    /// Publishes a keyspace event (notify-keyspace-events) about a key of the selected database. Call it in the order Redis emits
    /// them: after the change, "del" of an emptied collection last. One test when events are off.
    /// </summary>
    public readonly void Notify(KeyEventClass of, scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> key)
    {
        if (Node.KeyspaceEvents.IsOn) Node.KeyspaceEvents.Raise(of, name, key, Session.Db);
    }

    /// <summary>As <see cref="Notify(KeyEventClass, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/> about another database (MOVE, COPY).</summary>
    public readonly void Notify(KeyEventClass of, scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> key, int db)
    {
        if (Node.KeyspaceEvents.IsOn) Node.KeyspaceEvents.Raise(of, name, key, db);
    }

    /// <summary>The handler has reported an effect.</summary>
    public readonly bool HasChanged => Propagation != Propagation.None;

    /// <summary>Journal the request as it came, whatever was said before.</summary>
    public void PropagateVerbatim() => Propagation = Propagation.Verbatim;

    /// <summary>Journal nothing for this command.</summary>
    public void DontPropagate() => Propagation = Propagation.Suppressed;

    /// <summary>
    /// Journals an effective form instead of the request, now: absolute expiries, what was popped, what was summed. May be
    /// called several times for several effects. Follow with <c>.Arg(...)</c> per argument and <c>.End()</c>.
    /// </summary>
    public EffectiveForm Propagate(int argCount)
    {
        Propagation = Propagation.Effective;
        return new EffectiveForm(IsReplay ? null : Node.Journal, Db, Slot, argCount);
    }

    /// <summary>Journals an effective form of two arguments.</summary>
    public void Propagate(scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b) => Propagate(2).Arg(a).Arg(b).End();

    /// <summary>Journals an effective form of three arguments.</summary>
    public void Propagate(scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b, scoped ReadOnlySpan<byte> c) =>
        Propagate(3).Arg(a).Arg(b).Arg(c).End();

    /// <summary>Journals an effective form of four arguments.</summary>
    public void Propagate(scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b, scoped ReadOnlySpan<byte> c, scoped ReadOnlySpan<byte> d) =>
        Propagate(4).Arg(a).Arg(b).Arg(c).Arg(d).End();

    /// <summary>Journals an effective form of five arguments.</summary>
    public void Propagate(
        scoped ReadOnlySpan<byte> a, scoped ReadOnlySpan<byte> b, scoped ReadOnlySpan<byte> c, scoped ReadOnlySpan<byte> d, scoped ReadOnlySpan<byte> e) =>
        Propagate(5).Arg(a).Arg(b).Arg(c).Arg(d).Arg(e).End();

    /// <summary>The arity error of this command.</summary>
    public readonly void WrongArity() => Reply.Error(ErrorReplies.WrongArity(Command.FullName));
}

/// <summary>An effective write being spelled out for the journal.</summary>
public readonly ref struct EffectiveForm
{
    private readonly WriteJournal? _journal;
    private readonly int _db;
    private readonly int _slot;

    internal EffectiveForm(WriteJournal? journal, int db, int slot, int argCount)
    {
        _journal = journal;
        _db = db;
        _slot = slot;
        journal?.Begin(argCount);
    }

    public EffectiveForm Arg(scoped ReadOnlySpan<byte> argument)
    {
        _journal?.Arg(argument);
        return this;
    }

    public EffectiveForm Arg(long number)
    {
        _journal?.Arg(number);
        return this;
    }

    /// <summary>Appends it.</summary>
    public void End() => _journal?.End(_db, _slot);
}
