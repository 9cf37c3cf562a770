// Why: a packed list is read without bounds checks and shipped to Redis as it is, so its every byte is checked here:
// against a plain List of texts under random edits, and against bytes written down from the format.

using Shoal.Store.Values;
using Texts = System.Text.Encoding;

namespace Shoal.Store.Tests.Values;

public sealed unsafe class PackedListTests
{
    private readonly byte[] _memory = new byte[1 << 20];

    [Theory]
    [InlineData("0", "00 01")]
    [InlineData("127", "7F 01")]
    [InlineData("128", "C0 80 02")]
    [InlineData("-1", "DF FF 02")]
    [InlineData("4095", "CF FF 02")]
    [InlineData("-4096", "D0 00 02")]
    [InlineData("4096", "F1 00 10 03")]
    [InlineData("-32768", "F1 00 80 03")]
    [InlineData("32768", "F2 00 80 00 04")]
    [InlineData("-8388608", "F2 00 00 80 04")]
    [InlineData("8388608", "F3 00 00 80 00 05")]
    [InlineData("2147483648", "F4 00 00 00 80 00 00 00 00 09")]
    [InlineData("-9223372036854775808", "F4 00 00 00 00 00 00 00 80 09")]
    [InlineData("a", "81 61 02")]
    [InlineData("", "80 01")]
    [InlineData("-0", "82 2D 30 03")]
    [InlineData("01", "82 30 31 03")]
    [InlineData("+1", "82 2B 31 03")]
    [InlineData("9223372036854775808", "93 39 32 32 33 33 37 32 30 33 36 38 35 34 37 37 35 38 30 38 14")]
    public void An_element_has_the_bytes_of_the_format(string text, string expected)
    {
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            PackedEdit.Append(list, new Piece(Texts.UTF8.GetBytes(text)));
            var body = new ReadOnlySpan<byte>(list + 6, PackedList.TotalBytes(list) - 7);
            Assert.Equal(expected, string.Join(' ', body.ToArray().Select(b => b.ToString("X2"))));
            Assert.Equal(text, TextsOf(list).Single());
        }
    }

    [Theory]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(127 - 2, 2)]
    [InlineData(4095, 2)]
    [InlineData(4096, 5)]
    [InlineData(16382 - 5, 5)]
    [InlineData(16383 - 5, 5)]
    [InlineData(70000, 5)]
    public void Long_texts_take_the_longer_heads_and_back_lengths(int length, int head)
    {
        var text = new string('x', length);
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            PackedEdit.Append(list, new Piece(Texts.UTF8.GetBytes(text)));
            PackedEdit.Append(list, new Piece("tail"u8));
            int body = length + head;
            int back = body <= 127 ? 1 : body < 16383 ? 2 : 3;
            Assert.Equal(7 + body + back + 6, PackedList.TotalBytes(list));
            Assert.Equal([text, "tail"], TextsOf(list));
            Assert.Equal(["tail", text], Backwards(list));
            Assert.True(PackedListCheck.IsValid(new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list)), out int count));
            Assert.Equal(2, count);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_edits_agree_with_a_plain_list(int seed)
    {
        var random = new Random(seed);
        var model = new List<string>();
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            for (int step = 0; step < 3000; step++)
            {
                string text = RandomText(random);
                var piece = new Piece(Texts.Latin1.GetBytes(text));
                int place = model.Count == 0 ? 0 : random.Next(model.Count);
                switch (random.Next(model.Count > 200 ? 6 : 4))
                {
                    case 0: PackedEdit.Append(list, piece); model.Add(text); break;
                    case 1: PackedEdit.Insert(list, PackedList.HeaderBytes, piece); model.Insert(0, text); break;
                    case 2:
                        int at = model.Count == 0 ? PackedList.HeaderBytes : PackedList.Seek(list, place);
                        PackedEdit.Insert(list, at, piece);
                        model.Insert(place, text);
                        break;
                    case 3 when model.Count > 0:
                        PackedEdit.Replace(list, PackedList.Seek(list, place - model.Count), piece);
                        model[place] = text;
                        break;
                    case 4 or 5:
                        int many = random.Next(1, 4);
                        PackedEdit.Remove(list, PackedList.Seek(list, place), many);
                        model.RemoveRange(place, Math.Min(many, model.Count - place));
                        break;
                }
                Assert.Equal(model.Count, PackedList.Count(list));
                if (model.Count > 0)
                {
                    string wanted = model[random.Next(model.Count)];
                    int found = PackedList.Find(list, PackedList.First(list), new Piece(Texts.Latin1.GetBytes(wanted)), 0);
                    Assert.Equal(PackedList.Seek(list, model.IndexOf(wanted)), found);
                }
                if (step % 50 != 0) continue;
                Assert.Equal(model, TextsOf(list));
                Assert.Equal(Enumerable.Reverse(model), Backwards(list));
                Assert.True(PackedListCheck.IsValid(new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list)), out _));
            }
        }
    }

    [Fact]
    public void Searching_fields_skips_values()
    {
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            foreach (string text in new[] { "a", "b", "b", "7", "7", "a" }) PackedEdit.Append(list, new Piece(Texts.UTF8.GetBytes(text)));
            Assert.Equal(PackedList.Seek(list, 2), PackedList.Find(list, 6, new Piece("b"u8), 1));
            Assert.Equal(PackedList.Seek(list, 4), PackedList.Find(list, 6, new Piece("7"u8), 1));
            Assert.Equal(-1, PackedList.Find(list, 6, new Piece("c"u8), 1));
        }
    }

    [Fact]
    public void Beyond_65534_elements_the_header_stops_counting_but_Count_does_not()
    {
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            for (int i = 0; i < 65540; i++) PackedEdit.Append(list, new Piece(i % 100));
            Assert.Equal(0xFFFF, list[4] | (list[5] << 8));
            Assert.Equal(65540, PackedList.Count(list));
            Assert.Equal(39, PackedList.Read(list, PackedList.Seek(list, -1)).Number);
            Assert.Equal(-1, PackedList.Seek(list, 65540));
            Assert.True(PackedListCheck.IsValid(new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list)), out int count));
            Assert.Equal(65540, count);
        }
    }

    [Fact]
    public void Damaged_bytes_are_refused_or_still_a_whole_list()
    {
        var random = new Random(7);
        byte[] good;
        fixed (byte* list = _memory)
        {
            PackedList.WriteEmpty(list);
            for (int i = 0; i < 30; i++) PackedEdit.Append(list, new Piece(Texts.Latin1.GetBytes(RandomText(random))));
            good = new ReadOnlySpan<byte>(list, PackedList.TotalBytes(list)).ToArray();
        }
        for (int cut = 0; cut < good.Length; cut++) Assert.False(PackedListCheck.IsValid(good.AsSpan(0, cut), out _));
        for (int i = 0; i < 20000; i++)
        {
            byte[] bad = (byte[])good.Clone();
            for (int hits = random.Next(1, 4); hits > 0; hits--) bad[random.Next(bad.Length)] = (byte)random.Next(256);
            if (!PackedListCheck.IsValid(bad, out int count)) continue;
            fixed (byte* list = bad)
            {
                Assert.Equal(count, TextsOf(list).Count);
                Assert.Equal(count, Backwards(list).Count);
            }
        }
    }

    internal static string RandomText(Random random) => random.Next(8) switch
    {
        0 => random.Next(0, 200).ToString(),
        1 => random.Next(-5000, 5000).ToString(),
        2 => random.NextInt64(long.MinValue, long.MaxValue).ToString(),
        3 => random.Next(int.MinValue, int.MaxValue).ToString(),
        4 => new string((char)('a' + random.Next(26)), random.Next(60, 140)),
        5 => "",
        _ => "f" + random.Next(300),
    };

    private static List<string> TextsOf(byte* list)
    {
        var texts = new List<string>();
        var scratch = new byte[20];
        for (int at = PackedList.First(list); at >= 0; at = PackedList.Next(list, at))
            texts.Add(Texts.Latin1.GetString(PackedList.Read(list, at).Text(scratch)));
        return texts;
    }

    private static List<string> Backwards(byte* list)
    {
        var texts = new List<string>();
        var scratch = new byte[20];
        for (int at = PackedList.Last(list); at >= 0; at = PackedList.Prev(list, at))
            texts.Add(Texts.Latin1.GetString(PackedList.Read(list, at).Text(scratch)));
        return texts;
    }
}
