// A command line of the memcached protocol, word by word.
using System.Buffers.Text;

namespace Shoal.Server.Memcached;

/// <summary>The words of a line, separated by spaces.</summary>
internal ref struct LineReader(ReadOnlySpan<byte> line)
{
    private ReadOnlySpan<byte> _rest = line;

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest.TrimStart((byte)' ');

    public readonly bool AtEnd => Rest.IsEmpty;

    /// <summary>The next word; empty at the end.</summary>
    public ReadOnlySpan<byte> Next()
    {
        _rest = _rest.TrimStart((byte)' ');
        int space = _rest.IndexOf((byte)' ');
        var word = space < 0 ? _rest : _rest[..space];
        _rest = _rest[word.Length..];
        return word;
    }

    /// <summary>The next word as a number; false when it is none.</summary>
    public bool TryNext(out long number) => TryNumber(Next(), out number);

    /// <inheritdoc cref="TryNext(out long)"/>
    public bool TryNext(out ulong number)
    {
        var word = Next();
        return Utf8Parser.TryParse(word, out number, out int used) && used == word.Length && word.Length > 0;
    }

    /// <summary>True when the rest of the line is "noreply" or nothing.</summary>
    public bool TryEnd(out bool noReply)
    {
        noReply = Rest.SequenceEqual("noreply"u8);
        return noReply || AtEnd;
    }

    public static bool TryNumber(ReadOnlySpan<byte> word, out long number) =>
        Utf8Parser.TryParse(word, out number, out int used) && used == word.Length && word.Length > 0;
}
