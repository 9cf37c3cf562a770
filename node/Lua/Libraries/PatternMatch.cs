// Lua patterns (manual 5.4.1) by backtracking. Every attempt at a position counts as a step, so a pattern that explodes can be
// interrupted; the recursion is as deep as the pattern is long and is checked against the host's stack. As in Lua 5.1 a pattern ends
// at its first zero byte (%z stands for one).
using System.Runtime.CompilerServices;

namespace Shoal.Lua.Libraries;

/// <summary>One subject and one pattern, with the captures of the latest match.</summary>
internal ref struct PatternMatch
{
    private const int MostCaptures = 32, Unfinished = -1, Position = -2, NoMatch = -1;

    private readonly LuaState _state;
    private readonly ReadOnlySpan<byte> _s;
    private readonly ReadOnlySpan<byte> _p;
    private readonly Running.LuaThread _thread;
    private CaptureStarts _starts;
    private CaptureStarts _lengths;

    /// <param name="call">The call errors are reported for.</param>
    /// <param name="subject">Where to look.</param>
    /// <param name="pattern">The pattern without its anchor.</param>
    public PatternMatch(ref LuaCall call, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> pattern)
    {
        _state = call.State;
        _s = subject;
        int zero = pattern.IndexOf((byte)0);
        _p = zero < 0 ? pattern : pattern[..zero];
        _thread = call.Thread;
    }

    /// <summary>Captures of the latest match.</summary>
    public int Level { get; private set; }

    /// <summary>The next position from a start where the pattern can begin: it may start with a plain byte.</summary>
    public readonly int Candidate(int start)
    {
        if (_p.Length == 0 || start >= _s.Length || "^$*+?.([%-)"u8.Contains(_p[0])) return start;
        if (_p.Length > 1 && _p[1] is (byte)'*' or (byte)'?' or (byte)'-') return start;
        int found = _s[start..].IndexOf(_p[0]);
        return found < 0 ? _s.Length : start + found;
    }

    /// <summary>Matches at a position; the end of the match or -1.</summary>
    public int At(int start)
    {
        Level = 0;
        return Match(start, 0);
    }

    /// <summary>Pushes the captures, or the whole match when there are none.</summary>
    public int PushCaptures(ref LuaCall call, int start, int end, bool wholeIfNone)
    {
        int count = Level == 0 && wholeIfNone ? 1 : Level;
        for (int i = 0; i < count; i++) call.Push(Capture(i, start, end));
        return count;
    }

    /// <summary>A capture by index from 0; index 0 of a match without captures is the whole.</summary>
    public LuaValue Capture(int index, int start, int end)
    {
        if (index >= Level)
            return index == 0 ? _state.NewString(_s[start..end]) : throw Error("invalid capture index");
        int length = _lengths[index];
        if (length == Unfinished) throw Error("unfinished capture");
        return length == Position ? _starts[index] + 1 : _state.NewString(_s.Slice(_starts[index], length));
    }

    private readonly LuaError Error(string message) => Running.CallSite.RuntimeErrorAt(_thread, 1, message);

    private int Match(int s, int p)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw Error("pattern too complex");
        while (true)
        {
            _state.Tick();
            if (p >= _p.Length) return s;
            switch (_p[p])
            {
                case (byte)'(':
                    return p + 1 < _p.Length && _p[p + 1] == ')' ? StartCapture(s, p + 2, Position) : StartCapture(s, p + 1, Unfinished);
                case (byte)')':
                    return EndCapture(s, p + 1);
                case (byte)'%' when p + 1 < _p.Length && _p[p + 1] == 'b':
                    s = Balance(s, p + 2);
                    if (s == NoMatch) return NoMatch;
                    p += 4;
                    continue;
                case (byte)'%' when p + 1 < _p.Length && _p[p + 1] == 'f':
                    p += 2;
                    if (p >= _p.Length || _p[p] != '[') throw Error("missing '[' after '%f' in pattern");
                    int frontierEnd = ClassEnd(p);
                    byte before = s == 0 ? (byte)0 : _s[s - 1], at = s < _s.Length ? _s[s] : (byte)0;
                    if (InSet(before, p, frontierEnd - 1) || !InSet(at, p, frontierEnd - 1)) return NoMatch;
                    p = frontierEnd;
                    continue;
                case (byte)'%' when p + 1 < _p.Length && _p[p + 1] is >= (byte)'0' and <= (byte)'9':
                    s = BackReference(s, _p[p + 1]);
                    if (s == NoMatch) return NoMatch;
                    p += 2;
                    continue;
                case (byte)'$' when p + 1 == _p.Length:
                    return s == _s.Length ? s : NoMatch;
            }
            int end = ClassEnd(p);
            byte suffix = end < _p.Length ? _p[end] : (byte)0;
            switch (suffix)
            {
                case (byte)'?':
                    if (Single(s, p, end))
                    {
                        int result = Match(s + 1, end + 1);
                        if (result != NoMatch) return result;
                    }
                    p = end + 1;
                    continue;
                case (byte)'*':
                    return MaxExpand(s, p, end);
                case (byte)'+':
                    return Single(s, p, end) ? MaxExpand(s + 1, p, end) : NoMatch;
                case (byte)'-':
                    return MinExpand(s, p, end);
                default:
                    if (!Single(s, p, end)) return NoMatch;
                    s++;
                    p = end;
                    continue;
            }
        }
    }

    private int MaxExpand(int s, int p, int end)
    {
        int i = 0;
        while (Single(s + i, p, end)) i++;
        if (i > 64) _state.Tick(i / 64);
        for (; i >= 0; i--)
        {
            int result = Match(s + i, end + 1);
            if (result != NoMatch) return result;
        }
        return NoMatch;
    }

    private int MinExpand(int s, int p, int end)
    {
        while (true)
        {
            int result = Match(s, end + 1);
            if (result != NoMatch) return result;
            if (!Single(s, p, end)) return NoMatch;
            s++;
        }
    }

    private int StartCapture(int s, int p, int what)
    {
        if (Level >= MostCaptures) throw Error("too many captures");
        _starts[Level] = s;
        _lengths[Level] = what;
        Level++;
        int result = Match(s, p);
        if (result == NoMatch) Level--;
        return result;
    }

    private int EndCapture(int s, int p)
    {
        int open = Level - 1;
        while (open >= 0 && _lengths[open] != Unfinished) open--;
        if (open < 0) throw Error("invalid pattern capture");
        _lengths[open] = s - _starts[open];
        int result = Match(s, p);
        if (result == NoMatch) _lengths[open] = Unfinished;
        return result;
    }

    private readonly int Balance(int s, int p)
    {
        if (p + 1 >= _p.Length) throw Error("unbalanced pattern");
        if (s >= _s.Length || _s[s] != _p[p]) return NoMatch;
        byte open = _p[p], close = _p[p + 1];
        int depth = 1;
        for (int i = s + 1; i < _s.Length; i++)
        {
            if (_s[i] == close)
            {
                if (--depth == 0) return i + 1;
            }
            else if (_s[i] == open)
            {
                depth++;
            }
        }
        return NoMatch;
    }

    private readonly int BackReference(int s, byte digit)
    {
        int index = digit - '1';
        if (index < 0 || index >= Level || _lengths[index] == Unfinished) throw Error("invalid capture index");
        int length = _lengths[index];
        if (length == Position) return NoMatch;   // a position has no text to repeat
        return _s[s..].StartsWith(_s.Slice(_starts[index], length)) ? s + length : NoMatch;
    }

    private readonly int ClassEnd(int p)
    {
        byte b = _p[p++];
        if (b == '%')
        {
            if (p >= _p.Length) throw Error("malformed pattern (ends with '%')");
            return p + 1;
        }
        if (b != '[') return p;
        if (p < _p.Length && _p[p] == '^') p++;
        do
        {
            if (p >= _p.Length) throw Error("malformed pattern (missing ']')");
            if (_p[p++] == '%' && p < _p.Length) p++;
        }
        while (p >= _p.Length || _p[p] != ']');
        return p + 1;
    }

    private readonly bool Single(int s, int p, int end)
    {
        if (s >= _s.Length) return false;
        byte b = _s[s];
        return _p[p] switch
        {
            (byte)'.' => true,
            (byte)'%' => CharacterClass.Matches(b, _p[p + 1]),
            (byte)'[' => InSet(b, p, end - 1),
            var literal => literal == b,
        };
    }

    /// <summary>Whether a byte is in the set from '[' at p to ']' at close.</summary>
    private readonly bool InSet(byte b, int p, int close)
    {
        bool found = true;
        if (_p[p + 1] == '^')
        {
            found = false;
            p++;
        }
        while (++p < close)
        {
            if (_p[p] == '%')
            {
                p++;
                if (CharacterClass.Matches(b, _p[p])) return found;
            }
            else if (_p[p + 1] == '-' && p + 2 < close)
            {
                p += 2;
                if (_p[p - 2] <= b && b <= _p[p]) return found;
            }
            else if (_p[p] == b)
            {
                return found;
            }
        }
        return !found;
    }

    [InlineArray(MostCaptures)]
    private struct CaptureStarts
    {
        private int _first;
    }
}
