// A pipeline tells which keys come next. Looking a key up waits twice for main memory (its bucket, its entry); when a
// receive holds several requests, the waits of the next few are started together before the first of them runs. Only hints
// are given: requests are still read, checked and run one by one, and whatever is not recognised here is merely not hinted.
using System.Runtime.CompilerServices;
using Shoal.Protocol.Slots;
using Shoal.Store;

namespace Shoal.Server.Sessions;

internal static unsafe class Lookahead
{
    /// <summary>Requests looked at in one go.</summary>
    public const int Window = 16;

    /// <summary>With fewer complete requests the look costs more than it gains.</summary>
    private const int FewestRequests = 4;

    /// <summary>A keyspace of fewer keys stays in the processor's caches.</summary>
    private const long FewestKeys = 16 * 1024;

    /// <summary>Shortest request with a key: <c>*2 $3 GET $1 k</c>.</summary>
    private const int ShortestRequest = 4 + 9 + 7;

    /// <summary>True when hints can help requests on <paramref name="keys"/> that fill <paramref name="length"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Helps(Keyspace keys, int length) =>
        length >= FewestRequests * ShortestRequest && keys.Count >= FewestKeys && Keyspace.CanPrefetch;

    /// <summary>
    /// Hints the first arguments, which nearly always are keys, of up to <see cref="Window"/> complete requests at
    /// <paramref name="data"/>. An argument that is no key costs a useless hint and nothing else.
    /// </summary>
    [SkipLocalsInit]
    public static void Hint(Keyspace keys, bool slotted, byte* data, int length)
    {
        ulong* hashes = stackalloc ulong[Window];
        int* slots = stackalloc int[Window];
        int count = 0;
        byte* end = data + length;
        while (count < Window)
        {
            byte* next = FirstKey(data, end, out byte* key, out int keyLength);
            if (next is null) break;
            data = next;
            var name = new ReadOnlySpan<byte>(key, keyLength);
            slots[count] = slotted ? HashSlot.Of(name) : 0;
            hashes[count++] = keys.Hash(name);
        }
        if (count < FewestRequests) return;
        for (int i = 0; i < count; i++) keys.Prefetch(hashes[i], slots[i]);
        for (int i = 0; i < count; i++) keys.PrefetchEntry(hashes[i], slots[i]);
    }

    /// <summary>
    /// The end of the request at <paramref name="p"/>, and its argument 1; null when it is not complete, has no argument,
    /// or is not of the plain form (2 to 9 arguments of up to 99 bytes).
    /// </summary>
    private static byte* FirstKey(byte* p, byte* end, out byte* key, out int keyLength)
    {
        key = null;
        keyLength = 0;
        if (end - p < ShortestRequest || *p != '*' || p[2] != '\r') return null;
        int arguments = p[1] - '0';
        if ((uint)(arguments - 2) > 7) return null;
        p += 4;
        for (int i = 0; i < arguments; i++)
        {
            if (end - p < 6 || *p != '$') return null;
            int length = p[1] - '0';
            if ((uint)length > 9) return null;
            if (p[2] == '\r') p += 4;
            else
            {
                int ones = p[2] - '0';
                if ((uint)ones > 9 || p[3] != '\r') return null;
                length = length * 10 + ones;
                p += 5;
            }
            if (end - p < length + 2) return null;
            if (i == 1)
            {
                key = p;
                keyLength = length;
            }
            p += length + 2;
        }
        return p;
    }
}
