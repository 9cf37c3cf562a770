using Shoal.Server.Persistence.Snapshots;
using Shoal.Store;
using static Shoal.Server.Tests.Persistence.StoreFixture;

namespace Shoal.Server.Tests.Persistence;

/// <summary>Values as Redis before 7 packed them, spelled out byte by byte.</summary>
public class OldEncodingTests
{
    // ziplist of "a", "hello", 5, -2, 300, -70000, 2^40
    private static readonly string Ziplist =
        Zip(7, "00" + "0161" + "03" + "0568656C6C6F" + "07" + "F6" + "02" + "FEFE" + "03" + "C02C01" + "04" + "F090EEFE" + "05" + "E00000000000010000");

    [Fact]
    public void A_ziplist_list()
    {
        var (type, content) = Load(SnapshotFormat.TypeListZiplist, Bulk(Ziplist));
        Assert.Equal("List", type);
        Assert.Equal(Hex("a", "hello", "5", "-2", "300", "-70000", "1099511627776"), content);
    }

    [Fact]
    public void A_quicklist_of_ziplists()
    {
        var (_, content) = Load(SnapshotFormat.TypeQuicklist, "02" + Bulk(Ziplist) + Bulk(Zip(1, "00" + "017A")));
        Assert.EndsWith("1099511627776", Decode(content).Split(',')[^2]);
        Assert.EndsWith("z", Decode(content));
    }

    [Fact]
    public void A_ziplist_hash_and_a_ziplist_sorted_set()
    {
        // "a" -> "1", "b" -> "2"
        string pairs = Zip(4, "00" + "0161" + "03" + "F2" + "02" + "0162" + "03" + "F3");
        Assert.Equal(("Hash", "61:31,62:32"), Load(SnapshotFormat.TypeHashZiplist, Bulk(pairs)));
        Assert.Equal(("SortedSet", "61:1,62:2"), Load(SnapshotFormat.TypeSortedSetZiplist, Bulk(pairs)));
    }

    [Fact]
    public void A_zipmap_hash()
    {
        // "foo" -> "bar", "k" -> "v" with one free byte
        string map = "02" + "03" + "666F6F" + "03" + "00" + "626172" + "01" + "6B" + "01" + "01" + "7600" + "FF";
        Assert.Equal(("Hash", "666F6F:626172,6B:76"), Load(SnapshotFormat.TypeHashZipmap, Bulk(map)));
    }

    [Fact]
    public void A_list_set_and_sorted_set_in_plain_form()
    {
        Assert.Equal(("List", "61,62"), Load(SnapshotFormat.TypeList, "02" + "0161" + "0162"));
        Assert.Equal(("Set", "61,62"), Load(SnapshotFormat.TypeSet, "02" + "0161" + "0162"));
        Assert.Equal(("SortedSet", "61:1.5,62:Infinity"), Load(SnapshotFormat.TypeSortedSetText, "02" + "0161" + "03312E35" + "0162" + "FE"));
    }

    [Fact]
    public void A_listpack_set_of_Redis_7_2() =>
        Assert.Equal(("Set", "31,61"), Load(SnapshotFormat.TypeSetListpack, Bulk("0C000000" + "0200" + "0101" + "8161" + "02" + "FF")));

    [Theory]
    [InlineData(SnapshotFormat.TypeModule2, "module")]
    [InlineData(SnapshotFormat.TypeHashExpiry, "expiring fields")]
    [InlineData(77, "unknown type")]
    public void What_cannot_be_loaded_is_named_with_its_key(int type, string reason)
    {
        var bad = Assert.Throws<SnapshotCorruptException>(() => Load((byte)type, "00"));
        Assert.Contains("'the key'", bad.Message);
        Assert.Contains(reason, bad.Message);
    }

    [Fact]
    public void Damaged_old_encodings_are_refused_and_harm_nothing()
    {
        var random = new Random(21);
        var bytes = Convert.FromHexString(Ziplist);
        for (int round = 0; round < 3000; round++)
        {
            var broken = (byte[])bytes.Clone();
            for (int n = random.Next(1, 4); n > 0; n--) broken[random.Next(4, broken.Length)] = (byte)random.Next(256);
            foreach (byte type in new[] { SnapshotFormat.TypeListZiplist, SnapshotFormat.TypeHashZiplist, SnapshotFormat.TypeHashZipmap })
            {
                try
                {
                    Load(type, Bulk(Convert.ToHexString(broken)));
                }
                catch (SnapshotCorruptException)
                {
                    // refused: fine
                }
            }
        }
    }

    private static readonly Lazy<Databases> Shared = new(NewDatabases);

    private static (string Type, string Content) Load(byte type, string hex)
    {
        var databases = Shared.Value;
        databases.Clear();
        using var decoder = new SnapshotDecoder(Convert.FromHexString(hex));
        new EntryDecoder(databases[0]).Read(decoder, type, databases[0], "the key"u8, 0);
        if (databases.TotalKeys == 0) return ("", "");
        var words = Describe(databases)["0:the key"].Split('@', '=');
        return (words[0], words[2]);
    }

    private static string Zip(int count, string entries) =>
        $"{entries.Length / 2 + 11:X2}000000" + "0A000000" + $"{count:X2}00" + entries + "FF";

    private static string Bulk(string hex) => (hex.Length / 2).ToString("X2") + hex;

    private static string Hex(params string[] items) => string.Join(',', items.Select(i => Convert.ToHexString(Bytes(i))));

    private static string Decode(string content) =>
        string.Join(',', content.Split(',').Select(h => System.Text.Encoding.ASCII.GetString(Convert.FromHexString(h))));
}
