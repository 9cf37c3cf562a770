using Shoal.Server.Persistence.Snapshots;

namespace Shoal.Server.Tests.Persistence;

public class Crc64Tests
{
    [Fact]
    public void The_check_value_is_the_one_of_Jones() =>
        Assert.Equal(0xe9c6d914c4b8d9caUL, Crc64.Append(0, "123456789"u8));

    [Fact]
    public void Pieces_sum_to_the_whole()
    {
        var bytes = new byte[1000];
        new Random(1).NextBytes(bytes);
        ulong whole = Crc64.Append(0, bytes);
        for (int cut = 0; cut < 40; cut++)
            Assert.Equal(whole, Crc64.Append(Crc64.Append(0, bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }
}
