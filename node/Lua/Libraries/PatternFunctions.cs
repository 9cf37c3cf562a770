using Shoal.Lua.Running;

namespace Shoal.Lua.Libraries;

/// <summary>string.find, match, gmatch, gsub.</summary>
internal static class PatternFunctions
{
    public static int Find(ref LuaCall call) => FindOrMatch(ref call, isFind: true);

    public static int Match(ref LuaCall call) => FindOrMatch(ref call, isFind: false);

    public static int GlobalMatch(ref LuaCall call)
    {
        var subject = call.CheckString(1);
        var pattern = call.CheckString(2);
        int next = 0;
        return call.Return(new LuaFunction("gmatch_aux", (ref LuaCall step) =>
        {
            var match = new PatternMatch(ref step, subject.Bytes, pattern.Bytes);
            for (int at = next; at <= subject.Length; at++)
            {
                int end = match.At(at);
                if (end < 0) continue;
                next = end == at ? end + 1 : end;
                return match.PushCaptures(ref step, at, end, wholeIfNone: true);
            }
            next = subject.Length + 1;
            return 0;
        }));
    }

    public static int GlobalSubstitute(ref LuaCall call)
    {
        var subject = call.CheckString(1);
        var pattern = call.CheckString(2);
        var replacement = call[3];
        if (replacement.ToLuaString() is { } text) replacement = text;
        else if (!replacement.IsTable && !replacement.IsFunction) throw call.ArgumentError(3, "string/function/table expected");
        int most = call.OptionalInt(4, subject.Length + 1);
        bool anchored = pattern.Length > 0 && pattern.Bytes[0] == '^';
        var match = new PatternMatch(ref call, subject.Bytes, anchored ? pattern.Bytes[1..] : pattern.Bytes);
        var result = new ByteBuffer(call.State);
        int at = 0, count = 0;
        while (count < most)
        {
            int candidate = anchored ? at : match.Candidate(at);
            if (candidate > at) result.Append(subject.Bytes[at..candidate]);
            at = candidate;
            int end = match.At(at);
            if (end >= 0)
            {
                count++;
                Replace(ref call, ref match, result, replacement, subject, at, end);
            }
            if (end > at) at = end;
            else if (at < subject.Length) result.Append(subject.Bytes[at++]);
            else break;
            if (anchored) break;
        }
        if (at < subject.Length) result.Append(subject.Bytes[at..]);
        return call.Return(result.ToLuaString(), count);
    }

    private static int FindOrMatch(ref LuaCall call, bool isFind)
    {
        var subject = call.CheckString(1);
        var pattern = call.CheckString(2).Bytes;
        long start = StringLibrary.Position(call.OptionalLong(3, 1), subject.Length) - 1;
        if (start < 0) start = 0;
        else if (start > subject.Length) start = subject.Length;
        int init = (int)start;
        if (isFind && (call[4].IsTruthy || IsPlain(pattern)))
        {
            int found = subject.Bytes[init..].IndexOf(pattern);
            call.State.Tick(1 + (subject.Length - init) / 1024);
            return found < 0 ? call.Return(default(LuaValue)) : call.Return(init + found + 1, init + found + pattern.Length);
        }
        bool anchored = pattern.Length > 0 && pattern[0] == '^';
        var match = new PatternMatch(ref call, subject.Bytes, anchored ? pattern[1..] : pattern);
        for (int at = init; at <= subject.Length; at++)
        {
            if (!anchored) at = match.Candidate(at);
            int end = match.At(at);
            if (end >= 0)
            {
                if (!isFind) return match.PushCaptures(ref call, at, end, wholeIfNone: true);
                call.Push(at + 1);
                call.Push(end);
                return 2 + match.PushCaptures(ref call, at, end, wholeIfNone: false);
            }
            if (anchored) break;
        }
        return call.Return(default(LuaValue));
    }

    private static bool IsPlain(ReadOnlySpan<byte> pattern)
    {
        int zero = pattern.IndexOf((byte)0);
        return (zero < 0 ? pattern : pattern[..zero]).IndexOfAny("^$*+?.([%-"u8) < 0;
    }

    private static void Replace(
        ref LuaCall call, ref PatternMatch match, ByteBuffer result, in LuaValue replacement, LuaString subject, int start, int end)
    {
        LuaValue value;
        switch (replacement.Ref)
        {
            case LuaString text:
                Expand(ref match, result, text.Bytes, subject, start, end);
                return;
            case LuaTable table:
                value = Metamethods.Index(call.Thread, table, match.Capture(0, start, end), -1);
                break;
            default:
                value = CallReplacement(ref call, ref match, replacement, start, end);
                break;
        }
        if (!value.IsTruthy) result.Append(subject.Bytes[start..end]);
        else if (value.ToLuaString() is { } made) result.Append(made.Bytes);
        else throw call.Error($"invalid replacement value (a {LuaTypeNames.Of(value.Type)})");
    }

    private static LuaValue CallReplacement(ref LuaCall call, ref PatternMatch match, in LuaValue function, int start, int end)
    {
        var thread = call.Thread;
        int at = thread.Top;
        thread.Push(function);
        int count = match.PushCaptures(ref call, start, end, wholeIfNone: true);
        thread.Invoke(at, count, 1);
        thread.Top = at;
        return thread.Stack[at];
    }

    private static void Expand(ref PatternMatch match, ByteBuffer result, ReadOnlySpan<byte> text, LuaString subject, int start, int end)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                result.Append(text[i]);
                continue;
            }
            i++;
            byte b = i < text.Length ? text[i] : (byte)0;
            if (b is < (byte)'0' or > (byte)'9') result.Append(b);
            else if (b == '0') result.Append(subject.Bytes[start..end]);
            else result.Append(match.Capture(b - '1', start, end).ToLuaString()!.Bytes);
        }
    }
}
