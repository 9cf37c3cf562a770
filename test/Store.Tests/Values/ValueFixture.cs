// Why: the value tests share a keyspace over a checking arena (guards behind every block, freed memory poisoned) and the
// claim that nothing is left allocated once the keys are gone.

using Shoal.Store.Values;
using Texts = System.Text.Encoding;

namespace Shoal.Store.Tests.Values;

public sealed class ValueFixture : IDisposable
{
    private readonly long _usedAtStart;

    public ValueFixture(bool checkedArena = true)
    {
        Databases = new Databases(new Arena(new ArenaOptions { ReserveBytes = 1L << 30, Checked = checkedArena }));
        Keys.SetString("warm"u8, 0, "x"u8);
        Keys.Remove("warm"u8, 0);
        _usedAtStart = Databases.Arena.UsedBytes;
    }

    public Databases Databases { get; }

    public Keyspace Keys => Databases[0];

    public ValueLimits Limits => Databases.Limits;

    public static byte[] Bytes(string text) => Texts.Latin1.GetBytes(text);

    public static string Text(Element element) => Texts.Latin1.GetString(element.Text(new byte[20]));

    public EntryRef Find(string key) => Keys.FindForWrite(Bytes(key), 0);

    /// <summary>Removes the key and asserts that the arena is as empty as at the start.</summary>
    public void AssertNothingLeft(params string[] keys)
    {
        foreach (string key in keys) Keys.Remove(Bytes(key), 0);
        Assert.Equal(0, Keys.Count);
        Assert.Equal(_usedAtStart, Databases.Arena.UsedBytes);
    }

    public void Dispose() => Databases.Dispose();
}
