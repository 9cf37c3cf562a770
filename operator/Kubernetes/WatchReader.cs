// Reads a watch stream: one JSON document {"type": ..., "object": ...} per line, of any length, until the server closes.
// A stream that ends inside a line was cut off and is an error; one that ends between lines is how watches end.

using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Shoal.Operator.Kubernetes.Models;

namespace Shoal.Operator.Kubernetes;

internal sealed class WatchReader(Stream stream)
{
    private readonly PipeReader _reader = PipeReader.Create(stream);

    /// <summary>The next non-empty line; null at the end.</summary>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="stalled">Part of <paramref name="ct"/>: when it is what fired, the watch is reported as broken.</param>
    /// <exception cref="IOException">Cut off or stalled.</exception>
    public async ValueTask<byte[]?> NextAsync(CancellationToken ct, CancellationToken stalled)
    {
        while (true)
        {
            ReadResult read;
            try
            {
                read = await _reader.ReadAsync(ct).ConfigureAwait(false);
            }
            catch (OperationCanceledException e) when (stalled.IsCancellationRequested)
            {
                throw new IOException("the watch went silent", e);
            }

            var buffer = read.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = buffer.Slice(0, end).ToArray();
                _reader.AdvanceTo(buffer.GetPosition(1, end));
                if (line.AsSpan().Trim((byte)'\r').Length > 0)
                {
                    return line;
                }

                continue;
            }

            if (read.IsCompleted)
            {
                if (!buffer.IsEmpty)
                {
                    throw new IOException("the watch was cut off inside an event");
                }

                return null;
            }

            _reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <exception cref="KubernetesException">The event is an ERROR, most often 410 Gone.</exception>
    public static WatchEvent<T> Parse<T>(byte[] line, ResourceType type)
        where T : class, IKubernetesObject
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var kind = json.RootElement.GetProperty("type").GetString();
            var body = json.RootElement.GetProperty("object");
            if (kind == "ERROR")
            {
                var status = body.Deserialize<V1Status>(KubernetesJson.Options)!;
                throw new KubernetesException(status.Code ?? 500, status.Reason ?? "", status.Message ?? "watch error", status);
            }

            var item = body.Deserialize<T>(KubernetesJson.Options)!;
            item.ApiVersion ??= type.ApiVersion;
            item.Kind ??= type.Kind;
            return new WatchEvent<T>(
                kind switch
                {
                    "ADDED" => WatchEventType.Added,
                    "MODIFIED" => WatchEventType.Modified,
                    "DELETED" => WatchEventType.Deleted,
                    "BOOKMARK" => WatchEventType.Bookmark,
                    _ => throw new JsonException($"unknown event type '{kind}'"),
                },
                item);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new IOException($"an event of the watch cannot be read: {e.Message}", e);
        }
    }
}
