// A cluster-aware client as applications use one: it learns the slot map, follows MOVED and ASK, and reconnects. Tests
// count what it had to do, because "no error other than redirects" is a promise we make.
using System.Collections.Concurrent;
using Shoal.Protocol.Client;
using Shoal.Protocol.Slots;

namespace Shoal.TestKit;

/// <summary>A node's client address.</summary>
public readonly record struct NodeAddress(string Host, int Port)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Host}:{Port}";

    /// <summary>Parses <c>host:port</c>.</summary>
    public static NodeAddress Parse(string text) =>
        new(text[..text.LastIndexOf(':')], int.Parse(text[(text.LastIndexOf(':') + 1)..]));
}

/// <summary>Routes commands by key over one connection per node. Safe for concurrent calls.</summary>
public sealed class ClusterClient(IEnumerable<NodeAddress> seeds, RespClientOptions? options = null) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<NodeAddress, Lazy<Task<RespClient>>> connections = new();
    private readonly ConcurrentDictionary<NodeAddress, bool> known = new(seeds.Select(s => KeyValuePair.Create(s, true)));
    private readonly SemaphoreSlim refreshing = new(1, 1);
    private NodeAddress[] owners = new NodeAddress[16384];
    private long redirects;
    private long version;

    /// <summary>MOVED and ASK replies followed so far.</summary>
    public long Redirects => Interlocked.Read(ref redirects);

    /// <summary>
    /// Runs one command where its key lives, following redirects. Returns the node's reply, errors included.
    /// Throws <see cref="IOException"/> or <see cref="TimeoutException"/> when the node did not answer; the map is refreshed then.
    /// </summary>
    public async Task<Reply> CallAsync(string key, params string[] command)
    {
        var slot = HashSlot.Of(System.Text.Encoding.UTF8.GetBytes(key));
        var asking = false;
        var target = Volatile.Read(ref owners)[slot];
        if (target == default)
        {
            await RefreshAsync(Interlocked.Read(ref version));
            target = Volatile.Read(ref owners)[slot];
            if (target == default) throw new IOException($"slot {slot} has no owner in the map");
        }

        for (var hop = 0; hop < 32; hop++)
        {
            Reply reply;
            var seen = Interlocked.Read(ref version);
            try
            {
                var node = await ConnectAsync(target);
                if (asking) _ = node.CallAsync("ASKING");
                reply = await node.CallAsync(command);
            }
            catch (Exception e) when (e is IOException or TimeoutException)
            {
                connections.TryRemove(target, out _);
                await RefreshAsync(seen);
                throw;
            }

            if (!reply.IsError) return reply;
            var words = reply.Text.Split(' ');
            if (words[0] is not ("MOVED" or "ASK")) return reply;
            Interlocked.Increment(ref redirects);
            target = NodeAddress.Parse(words[2]);
            asking = words[0] == "ASK";
            known[target] = true;
            if (!asking) Volatile.Read(ref owners)[slot] = target;
        }

        throw new IOException($"gave up after 32 redirects for {key}");
    }

    /// <summary>Learns the slot map from any node that answers.</summary>
    public Task RefreshAsync() => RefreshAsync(Interlocked.Read(ref version));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var c in connections.Values)
            if (c.IsValueCreated && c.Value.IsCompletedSuccessfully) await c.Value.Result.DisposeAsync();
        refreshing.Dispose();
    }

    private async Task RefreshAsync(long seen)
    {
        await refreshing.WaitAsync();
        try
        {
            if (seen != version) return;   // somebody else refreshed meanwhile
            foreach (var node in known.Keys)
            {
                try
                {
                    var slots = await (await ConnectAsync(node)).CallAsync("CLUSTER", "SLOTS");
                    if (slots.IsError || slots.Items.Count == 0) continue;
                    var map = new NodeAddress[16384];
                    foreach (var range in slots.Items)
                    {
                        var owner = new NodeAddress(range[2][0].Text, (int)range[2][1].Integer);
                        known[owner] = true;
                        for (var s = range[0].Integer; s <= range[1].Integer; s++) map[s] = owner;
                    }

                    Volatile.Write(ref owners, map);
                    Interlocked.Increment(ref version);
                    return;
                }
                catch (Exception e) when (e is IOException or TimeoutException or RespException)
                {
                    connections.TryRemove(node, out _);
                }
            }
        }
        finally
        {
            refreshing.Release();
        }
    }

    private async Task<RespClient> ConnectAsync(NodeAddress node)
    {
        var lazy = connections.GetOrAdd(node, n => new Lazy<Task<RespClient>>(() => RespClient.ConnectAsync(n.Host, n.Port, options)));
        try
        {
            var client = await lazy.Value;
            if (!client.IsClosed) return client;
        }
        catch (RespException e)
        {
            connections.TryRemove(KeyValuePair.Create(node, lazy));
            throw new IOException(e.Message, e);
        }
        catch
        {
            connections.TryRemove(KeyValuePair.Create(node, lazy));
            throw;
        }

        connections.TryRemove(KeyValuePair.Create(node, lazy));
        throw new IOException($"{node} closed the connection");
    }
}
