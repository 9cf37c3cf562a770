// The allocator against a model: blocks never overlap, accounting is exact, memory comes back.
using Shoal.Store;

namespace Shoal.Store.Tests;

public sealed unsafe class ArenaTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void Random_blocks_never_overlap_and_all_comes_back(int seed, bool checkedBuild)
    {
        using var arena = new Arena(new ArenaOptions { Checked = checkedBuild });
        long idle = arena.UsedBytes;
        var random = new Random(seed);
        var blocks = new List<(long At, int Size, byte Mark)>();
        for (int step = 0; step < 20_000; step++)
        {
            if (blocks.Count < 50 || random.Next(100) < (step < 10_000 ? 60 : 40))
            {
                int size = random.Next(8) == 0 ? random.Next(1, 400_000) : random.Next(1, 3000);
                long at = arena.Allocate(size);
                Assert.NotEqual(0, at);
                Assert.Equal(0, at % 8);
                byte mark = (byte)random.Next(256);
                new Span<byte>(arena.At(at), size).Fill(mark);
                blocks.Add((at, size, mark));
            }
            else if (random.Next(4) == 0)
            {
                int i = random.Next(blocks.Count);
                (long at, int size, byte mark) = blocks[i];
                int wanted = size + random.Next(-50_000, 200_000);
                if (wanted <= 0 || !arena.TryResize(at, size, wanted)) continue;
                if (wanted > size) new Span<byte>(arena.At(at) + size, wanted - size).Fill(mark);
                blocks[i] = (at, wanted, mark);
            }
            else
            {
                int i = random.Next(blocks.Count);
                (long at, int size, byte mark) = blocks[i];
                Assert.Equal(-1, new ReadOnlySpan<byte>(arena.At(at), size).IndexOfAnyExcept(mark));
                arena.Free(at, size);
                blocks[i] = blocks[^1];
                blocks.RemoveAt(blocks.Count - 1);
            }
        }
        if (!checkedBuild) Assert.Equal(idle + blocks.Sum(b => (long)Arena.RoundUp(b.Size)), arena.UsedBytes);
        foreach ((long at, int size, byte mark) in blocks)
        {
            Assert.Equal(-1, new ReadOnlySpan<byte>(arena.At(at), size).IndexOfAnyExcept(mark));
            arena.Free(at, size);
        }
        Assert.Equal(idle, arena.UsedBytes);
        // At most one open page per cell size stays.
        Assert.True(arena.ResidentBytes <= 70 * 65536, $"{arena.ResidentBytes} bytes still held");
    }

    [Fact]
    public void Every_size_rounds_to_a_cell_that_holds_it_with_little_waste()
    {
        for (int size = 1; size < 40_000; size++)
        {
            int cell = Arena.RoundUp(size);
            Assert.True(cell >= size && cell % 8 == 0);
            Assert.Equal(cell, Arena.RoundUp(cell));
            if (size > 256 && size <= 4096) Assert.True(cell < size * 1.16 + 8, $"{size} -> {cell}");
        }
    }

    [Fact]
    public void Checked_build_finds_overrun_wrong_size_double_free_and_write_after_free()
    {
        using var arena = new Arena(new ArenaOptions { Checked = true });
        long a = arena.Allocate(40);
        arena.At(a)[40] = 1;
        Assert.Throws<InvalidOperationException>(() => arena.Free(a, 40));

        long b = arena.Allocate(40);
        Assert.Throws<InvalidOperationException>(() => arena.Free(b, 48));
        arena.Free(b, 40);
        Assert.Throws<InvalidOperationException>(() => arena.Free(b, 40));
        arena.At(b)[20] = 7;
        Assert.Throws<InvalidOperationException>(() => arena.Allocate(40));
    }

    [Fact]
    public void A_block_beyond_the_reservation_is_refused_not_given()
    {
        using var arena = new Arena(new ArenaOptions { ReserveBytes = 1 << 24 });
        Assert.Throws<OutOfMemoryException>(() => arena.Allocate(1L << 25));
        long ok = arena.Allocate(1 << 20);
        arena.Free(ok, 1 << 20);
        for (int i = 0; i < 100; i++) arena.Free(arena.Allocate(12 << 20), 12 << 20);
    }
}
