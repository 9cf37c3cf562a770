// Full sync for a peer that must be told the length first (no "capa eof"): the snapshot goes to a temporary file, then from
// there to the socket.
using System.Globalization;
using System.Text;
using Shoal.Server.Hosting;
using Shoal.Server.Persistence.Snapshots;
using Shoal.Protocol.Resp;

namespace Shoal.Server.Replication;

/// <summary>Feeds one link from a temporary snapshot file. Engine thread.</summary>
internal sealed class SpooledSync
{
    private const int SliceBytes = 256 * 1024;
    private readonly NodeServices _node;
    private readonly ReplicaLink _link;
    private readonly string _path;
    private FileStream? _file;
    private IDisposable? _timer;

    private SpooledSync(NodeServices node, ReplicaLink link)
    {
        _node = node;
        _link = link;
        _path = Path.Combine(Directory.GetCurrentDirectory(), $"temp-sync-{link.Connection.Id}.rdb");
    }

    /// <summary>The writer whose steps fill the file.</summary>
    public static SnapshotWriter Start(NodeServices node, ReplicaLink link)
    {
        var spool = new SpooledSync(node, link);
        var target = new SnapshotFile(spool._path, null, true, node.Engine.Post, spool.Written);
        link.Connection.Closed += spool.End;
        // A line feed tells a waiting replica that its primary lives.
        spool._timer = node.Engine.Every(TimeSpan.FromSeconds(1), () => link.Connection.Send("\n"u8));
        return new SnapshotWriter(node.Databases, node.Functions, target, compresses: true);
    }

    private void Written(string? error, long length)
    {
        _timer?.Dispose();
        if (_link.Connection.IsClosed || error is not null)
        {
            _link.Connection.Close();
            End();
            return;
        }
        _file = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        _link.Connection.Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"${length}\r\n")));
        _link.Source = this;
    }

    /// <summary>The next slice of the file; null at its end, when the stream may follow at once.</summary>
    public NativeBuffer? Next()
    {
        var slice = new NativeBuffer(SliceBytes);
        int got;
        unsafe
        {
            got = _file!.Read(new Span<byte>(slice.Reserve(SliceBytes), SliceBytes));
        }
        slice.Advance(got);
        if (got > 0) return slice;
        slice.Dispose();
        End();
        return null;
    }

    private void End()
    {
        _timer?.Dispose();
        _file?.Dispose();
        _file = null;
        if (File.Exists(_path)) File.Delete(_path);
    }
}
