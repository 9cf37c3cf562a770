namespace Shoal.Lua.Syntax;

/// <summary>How a chunk is called in error texts (luaO_chunkid of Lua 5.1).</summary>
internal static class ChunkName
{
    private const int Room = 60;

    /// <summary>"=name" and "@name" show the name (long ones cut), anything else is source: [string "first line..."].</summary>
    public static string ForPeople(string chunk)
    {
        if (chunk.StartsWith('='))
            return chunk.Length - 1 >= Room ? chunk[1..Room] : chunk[1..];
        if (chunk.StartsWith('@'))
        {
            const int most = Room - 8;
            return chunk.Length - 1 > most ? "..." + chunk[(chunk.Length - most)..] : chunk[1..];
        }
        int line = chunk.AsSpan().IndexOfAny('\n', '\r');
        int length = line < 0 ? chunk.Length : line;
        const int room = Room - 17;
        if (length > room) length = room;
        return length < chunk.Length ? $"[string \"{chunk[..length]}...\"]" : $"[string \"{chunk}\"]";
    }
}
