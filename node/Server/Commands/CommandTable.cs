// Name bytes -> Command without allocation: names fold to upper case eight bytes at a time and meet one multiply. The
// table is rebuilt when a row is added (at start) so that no two names share a cell; a lookup is one probe.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Server.Commands;

/// <summary>All commands of the node.</summary>
public sealed class CommandTable
{
    private readonly List<Command> _commands = [];
    private Cell[] _cells = new Cell[64];
    private ulong _multiplier = 0x9E3779B97F4A7C15;
    private int _shift = 58;

    private struct Cell
    {
        public ulong Head, Tail;
        public int Length;
        public Command? Command;
    }

    /// <summary>Every command, in order of registration.</summary>
    public IReadOnlyList<Command> All => _commands;

    /// <summary>Adds a row; a second row of the same name replaces the first.</summary>
    public Command Add(string name, int arity, CommandFlags flags, KeyRange keys, string categories, CommandHandler handler) =>
        Add(new Command(name, arity, flags, keys, categories, handler));

    /// <inheritdoc cref="Add(string, int, CommandFlags, KeyRange, string, CommandHandler)"/>
    public Command Add(Command command)
    {
        _commands.RemoveAll(c => c.Name == command.Name);
        _commands.Add(command);
        Rebuild();
        return command;
    }

    /// <summary>Gives every command and sub-command its <see cref="Command.Id"/>; returns how many there are.</summary>
    internal int NumberAll()
    {
        int next = 0;
        foreach (var command in _commands)
        {
            command.Id = next++;
            foreach (var sub in command.Subcommands.Values) sub.Id = next++;
        }
        return next;
    }

    /// <summary>The command of that name in any case, or null.</summary>
    public Command? Find(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > 16) return FindLong(name);
        Fold(name, out ulong head, out ulong tail);
        ref Cell cell = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_cells), Place(head, tail, name.Length));
        return cell.Head == head && cell.Tail == tail && cell.Length == name.Length ? cell.Command : null;
    }

    /// <inheritdoc cref="Find(ReadOnlySpan{byte})"/>
    public Command? Find(string name)
    {
        Span<byte> bytes = stackalloc byte[Math.Min(name.Length, 64)];
        if (name.Length > 64) return null;
        for (int i = 0; i < name.Length; i++) bytes[i] = (byte)name[i];
        return Find(bytes);
    }

    private Command? FindLong(ReadOnlySpan<byte> name)
    {
        foreach (var command in _commands)
        {
            if (command.Name.Length != name.Length || name.Length <= 16) continue;
            int i = 0;
            while (i < name.Length && (name[i] | 0x20) == (command.Name[i] | 0x20)) i++;
            if (i == name.Length) return command;
        }
        return null;
    }

    /// <summary>First and last up-to-8 bytes in upper case; together they cover names of up to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(ReadOnlySpan<byte> name, out ulong head, out ulong tail)
    {
        ref byte start = ref MemoryMarshal.GetReference(name);
        int n = name.Length;
        if (n >= 8)
        {
            head = Unsafe.ReadUnaligned<ulong>(ref start);
            tail = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, n - 8));
        }
        else if (n >= 4)
        {
            head = Unsafe.ReadUnaligned<uint>(ref start);
            tail = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, n - 4));
        }
        else
        {
            head = start | ((ulong)Unsafe.Add(ref start, n >> 1) << 8) | ((ulong)Unsafe.Add(ref start, n - 1) << 16);
            tail = 0;
        }
        // Clearing bit 5 maps letters to upper case and '-' to 0x0D, which no name holds: equal folds mean equal names.
        head &= 0xDFDFDFDFDFDFDFDF;
        tail &= 0xDFDFDFDFDFDFDFDF;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Place(ulong head, ulong tail, int length) =>
        (int)(((head ^ (tail * 31) ^ (ulong)length) * _multiplier) >> _shift);

    private void Rebuild()
    {
        var random = new Random(20240607);
        for (int attempt = 0; ; attempt++)
        {
            if (attempt > 2000)
            {
                attempt = 0;
                _shift--;
            }
            if (TryFill()) return;
            _multiplier = (ulong)random.NextInt64() | 1;
        }
    }

    private bool TryFill()
    {
        var cells = new Cell[1 << (64 - _shift)];
        Span<byte> folded = stackalloc byte[16];
        foreach (var command in _commands)
        {
            if (command.Name.Length > 16) continue;
            var name = folded[..command.Name.Length];
            for (int i = 0; i < name.Length; i++) name[i] = (byte)command.Name[i];
            Fold(name, out ulong head, out ulong tail);
            ref Cell cell = ref cells[Place(head, tail, name.Length)];
            if (cell.Command is not null) return false;
            cell = new Cell { Head = head, Tail = tail, Length = name.Length, Command = command };
        }
        _cells = cells;
        return true;
    }
}
