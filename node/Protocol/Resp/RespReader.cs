// Bytes -> Request, incrementally: a request that is split anywhere is resumed where it stopped, so a value of 500 MB
// or an MSET of a million keys that arrives in small pieces costs each byte one look. Arguments stay where they were
// received. The state belongs to one unfinished request: a connection that holds half a request keeps the reader that
// read it, and its reactor goes on with another one.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Shoal.Protocol.Resp;

/// <summary>What a read attempt found.</summary>
public enum ReadStatus
{
    /// <summary>A whole request (possibly of 0 arguments, which is skipped silently).</summary>
    Complete,

    /// <summary>More bytes are needed; see <see cref="RespReader.Wanted"/>.</summary>
    Incomplete,

    /// <summary>The bytes break the protocol; see <see cref="RespReader.Error"/>. The connection must be closed.</summary>
    Malformed,
}

/// <summary>Incremental RESP request parser over contiguous bytes. One instance per unfinished request.</summary>
public sealed unsafe class RespReader : IDisposable
{
    private readonly RespLimits _limits;
    private readonly NativeBuffer _inline = new();
    private ArgSlice* _args;
    private int _argsCapacity;
    private int _expected;
    private int _have;
    private int _at;
    private int _bulk = -1;

    public RespReader(RespLimits limits)
    {
        _limits = limits;
        _argsCapacity = 64;
        _args = (ArgSlice*)NativeMemory.Alloc(64, (nuint)sizeof(ArgSlice));
    }

    ~RespReader() => NativeMemory.Free(_args);

    /// <summary>True while the peer has not authenticated: the small limits apply.</summary>
    public bool Unauthenticated { get; set; }

    /// <summary>After <see cref="ReadStatus.Incomplete"/>: bytes from the request's first byte that bring progress.</summary>
    public int Wanted { get; private set; }

    /// <summary>After <see cref="ReadStatus.Malformed"/>: the text behind "-ERR ".</summary>
    public string Error { get; private set; } = "";

    /// <summary>True when nothing of a request has been read yet.</summary>
    public bool IsIdle => _expected == 0;

    /// <summary>
    /// Reads one request whose first byte is at <paramref name="data"/>. After Incomplete call again with the same bytes
    /// plus more (they may have moved). <paramref name="consumed"/> is set when Complete.
    /// </summary>
    public ReadStatus Read(byte* data, int length, out Request request, out int consumed)
    {
        request = default;
        consumed = 0;
        if (_expected == 0)
        {
            if (length == 0) return More(1);
            if (*data != (byte)'*') return ReadInline(data, length, out request, out consumed);
            var header = ReadHeader(data, length, out consumed);
            if (header != ReadStatus.Complete || _expected == 0) return header;
        }
        while (_have < _expected)
        {
            if (_bulk < 0)
            {
                var status = ReadBulkLength(data, length);
                if (status != ReadStatus.Complete) return status;
            }
            int end = _at + _bulk;
            if (length < end + 2 || end < 0) return More(end + 2);
            if (*(ushort*)(data + end) != 0x0A0D) return Fail("Protocol error: expected CRLF after bulk");
            ref var slot = ref _args[_have++];
            slot.Offset = _at;
            slot.Length = _bulk;
            _at = end + 2;
            _bulk = -1;
        }
        consumed = _at;
        request = new Request(data, _args, _have, _at);
        Reset();
        return ReadStatus.Complete;
    }

    /// <summary>Forgets an unfinished request.</summary>
    public void Reset()
    {
        _expected = 0;
        _have = 0;
        _at = 0;
        _bulk = -1;
    }

    public void Dispose()
    {
        NativeMemory.Free(_args);
        _args = null;
        _inline.Dispose();
        GC.SuppressFinalize(this);
    }

    private ReadStatus ReadHeader(byte* data, int length, out int consumed)
    {
        consumed = 0;
        if (length >= 4 && data[2] == '\r' && data[3] == '\n' && (uint)(data[1] - '1') < 9)
        {
            _expected = data[1] - '0';
            _at = 4;
        }
        else
        {
            int line = LineLength(data, 1, length);
            if (line < 0)
                return length > RespLimits.MaxInline ? Fail("Protocol error: too big mbulk count string") : More(length + 1);
            if (!ParseLong(data + 1, line, out long count) || count > _limits.MaxArguments)
                return Fail("Protocol error: invalid multibulk length");
            if (Unauthenticated && count > RespLimits.MaxArgumentsUnauthenticated)
                return Fail("Protocol error: unauthenticated multibulk length");
            _at = 1 + line + 2;
            if (count <= 0)
            {
                consumed = _at;
                _at = 0;
                return ReadStatus.Complete;
            }
            _expected = (int)count;
        }
        // Memory follows the arguments that really arrive: a header alone must not reserve megabytes.
        return ReadStatus.Complete;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadStatus ReadBulkLength(byte* data, int length)
    {
        byte* p = data + _at;
        int left = length - _at;
        if (left >= 5 && *p == '$' && (uint)(p[1] - '0') < 10)
        {
            if (p[2] == '\r' && p[3] == '\n')
            {
                _bulk = p[1] - '0';
                _at += 4;
                return _have < _argsCapacity ? ReadStatus.Complete : GrowArgs();
            }
            if (p[3] == '\r' && p[4] == '\n' && (uint)(p[2] - '0') < 10 && p[1] != '0')
            {
                _bulk = (p[1] - '0') * 10 + (p[2] - '0');
                _at += 5;
                return _have < _argsCapacity ? ReadStatus.Complete : GrowArgs();
            }
        }
        return ReadBulkLengthSlow(data, length);
    }

    private ReadStatus ReadBulkLengthSlow(byte* data, int length)
    {
        if (_at >= length) return More(_at + 1);
        int line = LineLength(data, _at + 1, length);
        if (line < 0)
        {
            if (data[_at] != '$') return Fail(Expected(data[_at]));
            return length - _at > RespLimits.MaxInline ? Fail("Protocol error: too big bulk count string") : More(length + 1);
        }
        if (data[_at] != '$') return Fail(Expected(data[_at]));
        if (!ParseLong(data + _at + 1, line, out long bulk) || bulk < 0 || bulk > _limits.MaxBulkLength)
            return Fail("Protocol error: invalid bulk length");
        if (Unauthenticated && bulk > RespLimits.MaxBulkUnauthenticated)
            return Fail("Protocol error: unauthenticated bulk length");
        if (_at + (long)bulk + line + 5 > int.MaxValue) return Fail("Protocol error: request beyond 2 GB");
        _bulk = (int)bulk;
        _at += line + 3;
        return _have < _argsCapacity ? ReadStatus.Complete : GrowArgs();
    }

    private ReadStatus ReadInline(byte* data, int length, out Request request, out int consumed)
    {
        request = default;
        consumed = 0;
        int newline = new ReadOnlySpan<byte>(data, length).IndexOf((byte)'\n');
        if (newline < 0)
            return length > RespLimits.MaxInline ? Fail("Protocol error: too big inline request") : More(length + 1);
        int end = newline > 0 && data[newline - 1] == '\r' ? newline - 1 : newline;
        int count = InlineRequest.Split(new ReadOnlySpan<byte>(data, end), _inline);
        if (count < 0) return Fail("Protocol error: unbalanced quotes in request");
        consumed = newline + 1;
        if (count == 0) return ReadStatus.Complete;
        // The inline form was re-encoded as a RESP array: read that, so that everything behind sees one form only.
        var status = Read(_inline.Start, _inline.Length, out request, out _);
        consumed = newline + 1;
        return status;
    }

    private ReadStatus GrowArgs()
    {
        _argsCapacity *= 2;
        _args = (ArgSlice*)NativeMemory.Realloc(_args, (nuint)_argsCapacity * (nuint)sizeof(ArgSlice));
        return ReadStatus.Complete;
    }

    private ReadStatus More(int wanted)
    {
        Wanted = wanted;
        return ReadStatus.Incomplete;
    }

    private ReadStatus Fail(string error)
    {
        Error = error;
        Reset();
        return ReadStatus.Malformed;
    }

    private static string Expected(byte got) => $"Protocol error: expected '$', got '{(char)got}'";

    /// <summary>Length of the line that starts at <paramref name="from"/>, or -1 while its CRLF is not there.</summary>
    private static int LineLength(byte* data, int from, int length)
    {
        if (from >= length) return -1;
        int end = new ReadOnlySpan<byte>(data + from, length - from).IndexOf((byte)'\r');
        return end < 0 || from + end + 1 >= length ? -1 : end;
    }

    /// <summary>Strict decimal: no sign but '-', no leading zeros, no spaces.</summary>
    private static bool ParseLong(byte* text, int length, out long value)
    {
        value = 0;
        bool negative = length > 0 && *text == '-';
        int i = negative ? 1 : 0;
        if (length - i is < 1 or > 18) return false;
        if (text[i] == '0') return length - i == 1 && !negative;
        for (; i < length; i++)
        {
            int digit = text[i] - '0';
            if ((uint)digit > 9) return false;
            value = value * 10 + digit;
        }
        if (negative) value = -value;
        return true;
    }
}
