using System.Text;
using Shoal.Server.Journal;

namespace Shoal.Server.Tests.Journal;

public sealed class WriteJournalTests : IDisposable
{
    private readonly WriteJournal _journal = new();

    public void Dispose() => _journal.Dispose();

    [Fact]
    public void A_journal_nobody_reads_stands_still()
    {
        _journal.Append(0, 0, "*1\r\n$4\r\nPING\r\n"u8);
        Assert.Equal(0, _journal.EndOffset);
    }

    [Fact]
    public void A_change_of_database_is_said_once()
    {
        using var cursor = _journal.OpenCursor();
        Write(0, "a");
        Write(0, "b");
        Write(11, "c");
        Assert.Equal(Select("0") + Record("a") + Record("b") + Select("11") + Record("c"), Read(cursor));
    }

    [Fact]
    public void Forgetting_the_database_says_it_again()
    {
        using var cursor = _journal.OpenCursor();
        Write(3, "a");
        _journal.ForgetDatabase();
        Write(3, "b");
        Assert.Equal(Select("3") + Record("a") + Select("3") + Record("b"), Read(cursor));
    }

    [Fact]
    public void A_transaction_is_wrapped_only_when_it_has_effects()
    {
        using var cursor = _journal.OpenCursor();
        _journal.OpenTransaction();
        _journal.CloseTransaction();
        Assert.Equal("", Read(cursor));
        _journal.OpenTransaction();
        Write(0, "a");
        Write(0, "b");
        _journal.CloseTransaction();
        Assert.Equal("*1\r\n$5\r\nMULTI\r\n" + Select("0") + Record("a") + Record("b") + "*1\r\n$4\r\nEXEC\r\n", Read(cursor));
    }

    [Fact]
    public void A_unit_of_one_write_needs_no_transaction()
    {
        using var cursor = _journal.OpenCursor();
        _journal.OpenTransaction();
        _journal.OpenTransaction();
        Write(0, "a");
        _journal.CloseTransaction();
        Assert.Equal("", Read(cursor));
        _journal.CloseTransaction();
        Assert.Equal(Select("0") + Record("a"), Read(cursor));
    }

    [Fact]
    public void An_abandoned_unit_leaves_nothing_and_muted_writes_stay_out()
    {
        using var cursor = _journal.OpenCursor();
        _journal.OpenTransaction();
        Write(0, "a");
        _journal.AbandonTransaction();
        Write(0, "b");
        _journal.CloseTransaction();
        _journal.IsMuted = true;
        Write(0, "c");
        _journal.IsMuted = false;
        Write(0, "d");
        Assert.Equal(Select("0") + Record("d"), Read(cursor));
    }

    [Fact]
    public void A_large_unit_is_written_as_it_grows()
    {
        using var cursor = _journal.OpenCursor();
        string large = new('x', 700_000);
        _journal.OpenTransaction();
        for (int i = 0; i < 3; i++) Write(0, large);
        string begun = Read(cursor);
        Assert.StartsWith("*1\r\n$5\r\nMULTI\r\n", begun);
        _journal.CloseTransaction();
        string all = begun + Read(cursor);
        Assert.Equal("*1\r\n$5\r\nMULTI\r\n" + Select("0") + Record(large) + Record(large) + Record(large) + "*1\r\n$4\r\nEXEC\r\n", all);
    }

    [Fact]
    public void Records_longer_than_a_block_and_slow_readers_lose_nothing()
    {
        using var slow = _journal.OpenCursor();
        var expected = new StringBuilder();
        var random = new Random(1);
        for (int i = 0; i < 60; i++)
        {
            string text = new((char)('a' + i % 26), random.Next(1, 300_000));
            if (i == 0) expected.Append(Select("0"));
            expected.Append(Record(text));
            Write(0, text);
        }
        Assert.Equal(expected.Length, _journal.EndOffset);
        Assert.Equal(expected.ToString(), Read(slow));
        Assert.True(_journal.RetainedBytes <= 2 * WriteJournal.BlockBytes);
    }

    [Fact]
    public void The_backlog_serves_offsets_of_its_window_only()
    {
        _journal.KeepBacklog(300_000);
        for (int i = 0; i < 100; i++) Write(0, new string('x', 10_000));
        Assert.Null(_journal.OpenCursor(_journal.BacklogStart - 1));
        Assert.Null(_journal.OpenCursor(_journal.EndOffset + 1));
        Assert.Equal(_journal.EndOffset - 300_000, _journal.BacklogStart);
        using var cursor = _journal.OpenCursor(_journal.BacklogStart)!;
        Assert.Equal(300_000, Read(cursor).Length);
        Assert.InRange(_journal.RetainedBytes, 300_000, 300_000 + 3 * WriteJournal.BlockBytes);
    }

    [Fact]
    public void A_restart_at_another_offset_begins_an_empty_backlog_there()
    {
        _journal.KeepBacklog(1 << 20);
        Write(0, "a");
        _journal.RestartAt(5000);
        Assert.Equal(5000, _journal.EndOffset);
        Assert.Null(_journal.OpenCursor(4999));
        using var cursor = _journal.OpenCursor(5000)!;
        Write(0, "b");
        Assert.Equal(Select("0") + Record("b"), Read(cursor));
    }

    [Fact]
    public void Taps_see_single_writes_with_their_slot()
    {
        var tap = new Tap();
        _journal.AddTap(tap);
        _journal.Begin(2);
        _journal.Arg("DEL"u8);
        _journal.Arg(42);
        _journal.End(0, 77);
        _journal.RemoveTap(tap);
        Write(0, "unseen");
        Assert.Equal([(0, 77, "*2\r\n$3\r\nDEL\r\n$2\r\n42\r\n")], tap.Seen);
    }

    [Fact]
    public async Task Another_thread_reads_what_it_was_handed()
    {
        using var cursor = _journal.OpenCursor();
        long handed = 0;
        bool done = false;
        var reader = Task.Run(() =>
        {
            long sum = 0;
            while (true)
            {
                bool last = Volatile.Read(ref done);
                for (var bytes = cursor.Peek(Volatile.Read(ref handed)); !bytes.IsEmpty; bytes = cursor.Peek(Volatile.Read(ref handed)))
                {
                    foreach (byte b in bytes) sum += b;
                    cursor.Advance(bytes.Length);
                }
                if (last) return sum;
            }
        });
        long expected = Sum(Select("0"));
        for (int i = 0; i < 20_000; i++)
        {
            string record = new('z', i % 700);
            Write(0, record);
            expected += Sum(Record(record));
            Volatile.Write(ref handed, _journal.EndOffset);
        }
        Volatile.Write(ref done, true);
        Assert.Equal(expected, await reader);
    }

    private void Write(int db, string text) => _journal.Append(db, 0, Encoding.ASCII.GetBytes(Record(text)));

    private string Read(JournalCursor cursor)
    {
        var text = new StringBuilder();
        for (var bytes = cursor.Peek(_journal.EndOffset); !bytes.IsEmpty; bytes = cursor.Peek(_journal.EndOffset))
        {
            text.Append(Encoding.ASCII.GetString(bytes));
            cursor.Advance(bytes.Length);
        }
        return text.ToString();
    }

    private static string Record(string text) => $"*2\r\n$4\r\nECHO\r\n${text.Length}\r\n{text}\r\n";

    private static string Select(string db) => $"*2\r\n$6\r\nSELECT\r\n${db.Length}\r\n{db}\r\n";

    private static long Sum(string text) => text.Sum(c => (long)c);

    private sealed class Tap : IJournalTap
    {
        public List<(int, int, string)> Seen { get; } = [];

        public void Appended(int db, int slot, ReadOnlySpan<byte> record) => Seen.Add((db, slot, Encoding.ASCII.GetString(record)));
    }
}
