using System.Text;
using Shoal.Protocol.Resp;
using Shoal.Server.Journal;

namespace Shoal.Server.Tests.Journal;

public class StreamApplierTests
{
    private const string Set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    private const string Multi = "*1\r\n$5\r\nMULTI\r\n";
    private const string Exec = "*1\r\n$4\r\nexec\r\n";
    private const string Select = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
    private const string Ping = "*1\r\n$4\r\nPING\r\n";

    [Fact]
    public void Every_way_of_cutting_the_stream_gives_the_same_writes()
    {
        string stream = Set + Select + Set + Ping + Multi + Set + Set + Exec + Set;
        for (int cut = 1; cut < stream.Length; cut++)
        {
            var seen = Run(stream, cut, isFile: false, out int consumed, out var status);
            Assert.Equal(StreamStatus.NeedsMore, status);
            Assert.Equal(stream.Length, consumed);
            Assert.Equal(["0 SET a 1", "3 SET a 1", "3 SET a 1", "3 SET a 1", "3 SET a 1"], seen);
        }
    }

    [Fact]
    public void Half_a_transaction_is_not_run()
    {
        string stream = Set + Multi + Set + Set;
        for (int cut = 1; cut < stream.Length; cut++)
        {
            var seen = Run(stream, cut, isFile: true, out int consumed, out _);
            Assert.Equal(["0 SET a 1"], seen);
            Assert.Equal(Set.Length, consumed);
        }
    }

    [Fact]
    public void Annotations_of_files_are_read_over_and_told()
    {
        var told = new List<string>();
        var seen = Run("#TS:1\r\n" + Set + Multi + "#TS:2\r\n" + Set + Exec + "#x\r\n", 7, isFile: true, out _, out _, told);
        Assert.Equal(2, seen.Count);
        Assert.Equal(["#TS:1", "#x"], told);
    }

    [Theory]
    [InlineData("SET a 1\r\n")]
    [InlineData("\r\n")]
    [InlineData("*1\r\n+PING\r\n")]
    public void A_file_holds_nothing_but_arrays(string bad)
    {
        Run(Set + bad, 1000, isFile: true, out int consumed, out var status);
        Assert.Equal(StreamStatus.Malformed, status);
        Assert.Equal(Set.Length, consumed);
    }

    [Fact]
    public void A_write_that_cannot_be_run_stops_a_file_where_it_stands()
    {
        Run(Set + "*1\r\n$4\r\nNOPE\r\n" + Set, 1000, isFile: true, out int consumed, out var status);
        Assert.Equal(StreamStatus.Refused, status);
        Assert.Equal(Set.Length, consumed);
    }

    private static unsafe List<string> Run(
        string stream, int step, bool isFile, out int consumed, out StreamStatus status, List<string>? annotations = null)
    {
        var recorder = new Recorder();
        using var applier = new StreamApplier(recorder, isFile);
        if (annotations is not null) applier.Annotation = annotations.Add;
        var all = Encoding.ASCII.GetBytes(stream);
        consumed = 0;
        status = StreamStatus.NeedsMore;
        for (int have = Math.Min(step, all.Length); ; have = Math.Min(have + step, all.Length))
        {
            fixed (byte* p = all)
            {
                status = applier.Consume(p + consumed, have - consumed, out int used);
                consumed += used;
            }
            if (status != StreamStatus.NeedsMore || have == all.Length) return recorder.Seen;
        }
    }

    private sealed class Recorder : IApplier
    {
        public List<string> Seen { get; } = [];

        public string? Apply(int db, in Request request)
        {
            var words = new List<string>();
            for (int i = 0; i < request.Count; i++) words.Add(Encoding.ASCII.GetString(request[i]));
            if (words[0] == "NOPE") return "unknown command 'NOPE'";
            Seen.Add($"{db} {string.Join(' ', words)}");
            return null;
        }
    }
}
