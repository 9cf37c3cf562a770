// Runs one script against one server.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Shoal.Protocol.Client;

namespace Shoal.Conformance;

/// <summary>A server scripts run against.</summary>
/// <param name="Name">"shoal" or "redis".</param>
/// <param name="Version">Its redis_version.</param>
public sealed record Target(string Name, string Host, int Port, Version Version);

/// <summary>Runs scripts; throws with file and line at the first reply that does not fit.</summary>
public sealed class ScriptRunner(Target target) : IDisposable
{
    private readonly Dictionary<string, ScriptConnection> _clients = [];
    private readonly Dictionary<string, string> _captures = [];
    private readonly Dictionary<ScriptConnection, (Send Send, Task<Reply> Reply)> _waiting = [];
    private ScriptConnection? _observer;

    public async Task RunAsync(Script script)
    {
        var client = await ClientAsync("main").ConfigureAwait(false);
        // A script with its own server starts on an empty one, perhaps behind a password.
        if (script.Start is null) (await client.CallAsync("FLUSHALL").ConfigureAwait(false)).ThrowIfError();
        foreach (var step in script.Steps)
        {
            switch (step)
            {
                case OnlyOn only when only.Server != target.Name && only.AtLeast is null:
                    return;
                case OnlyOn { AtLeast: { } atLeast } when target.Name == "redis" && target.Version < atLeast:
                    return;
                case UseClient use:
                    client = await ClientAsync(use.Name).ConfigureAwait(false);
                    break;
                case Answered answered:
                    await AnsweredAsync(script, _clients[answered.Name]).ConfigureAwait(false);
                    break;
                case Send { Blocks: true } send:
                    await AnsweredAsync(script, client).ConfigureAwait(false);
                    await BlockAsync(client, send).ConfigureAwait(false);
                    break;
                case UseProtocol use:
                    (await client.CallAsync("HELLO", use.Version.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false)).ThrowIfError();
                    break;
                case Receive message:
                    var came = await client.ReadAsync().ConfigureAwait(false);
                    if (!message.Expected.Fits(came, _captures)) throw Wrong(script, message.Line, "<< " + message.Text, came);
                    break;
                case Send send:
                    await AnsweredAsync(script, client).ConfigureAwait(false);
                    for (int i = 0; i < send.Repeat; i++) await SendAsync(script, client, send, i).ConfigureAwait(false);
                    break;
            }
        }
        foreach (var waiting in _waiting.Keys.ToArray()) await AnsweredAsync(script, waiting).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _observer?.Dispose();
        foreach (var client in _clients.Values) client.Dispose();
    }

    private async Task SendAsync(Script script, ScriptConnection client, Send send, int i)
    {
        _captures["i"] = i.ToString(CultureInfo.InvariantCulture);
        var words = send.Words.Select(Insert).ToArray();
        var patience = Stopwatch.StartNew();
        while (true)
        {
            var reply = await client.CallAsync(words).ConfigureAwait(false);
            if (send.Expected is null ? !reply.IsError : send.Expected.Fits(reply, _captures)) return;
            if (patience.Elapsed >= send.Patience)
                throw Wrong(script, send.Line, "> " + send.Text, reply);
            await Task.Delay(20).ConfigureAwait(false);
        }
    }

    /// <summary>Sends a request and returns when the server shows its client as blocked (or has answered already).</summary>
    private async Task BlockAsync(ScriptConnection client, Send send)
    {
        string id = (await client.CallAsync("CLIENT", "ID").ConfigureAwait(false)).AsInteger().ToString(CultureInfo.InvariantCulture);
        _observer ??= await ScriptConnection.OpenAsync(target.Host, target.Port).ConfigureAwait(false);
        var reply = client.CallAsync(send.Words.Select(Insert).ToArray());
        _waiting[client] = (send, reply);
        while (!reply.IsCompleted)
        {
            string line = (await _observer.CallAsync("CLIENT", "LIST", "ID", id).ConfigureAwait(false)).Text;
            if (line.Split(' ').Any(f => f.StartsWith("flags=", StringComparison.Ordinal) && f.Contains('b', StringComparison.Ordinal))) return;
            await Task.Delay(10).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the reply a client has been waiting for.</summary>
    private async Task AnsweredAsync(Script script, ScriptConnection client)
    {
        if (!_waiting.Remove(client, out var waiting)) return;
        var send = waiting.Send;
        string place = $"{target.Name} {target.Version}: {Path.GetFileName(script.FilePath)}:{send.Line}\n> {send.Text}\n";
        if (await Task.WhenAny(waiting.Reply, Task.Delay(TimeSpan.FromSeconds(20))).ConfigureAwait(false) != waiting.Reply)
            throw new Xunit.Sdk.XunitException(place + "still waits for its reply");
        var reply = await waiting.Reply.ConfigureAwait(false);
        if (send.Expected is null ? reply.IsError : !send.Expected.Fits(reply, _captures)) throw new Xunit.Sdk.XunitException(place + $"got {Show(reply)}");
    }

    private ReadOnlyMemory<byte> Insert(byte[] word)
    {
        string text = Encoding.Latin1.GetString(word);
        if (!text.Contains("${", StringComparison.Ordinal)) return word;
        foreach (var (name, value) in _captures) text = text.Replace("${" + name + "}", value, StringComparison.Ordinal);
        return Encoding.Latin1.GetBytes(text);
    }

    private async Task<ScriptConnection> ClientAsync(string name)
    {
        if (_clients.TryGetValue(name, out var client)) return client;
        return _clients[name] = await ScriptConnection.OpenAsync(target.Host, target.Port).ConfigureAwait(false);
    }

    private Xunit.Sdk.XunitException Wrong(Script script, int line, string text, Reply got) =>
        new($"{target.Name} {target.Version}: {Path.GetFileName(script.FilePath)}:{line}\n{text}\ngot {Show(got)}");

    private static string Show(Reply reply) => $"{reply.Kind}: {reply}";
}
