// /livez and /readyz for kubelet probes, on a thread of its own: it answers while the engine works through a long
// command, and says "hung" only when no turn has ended for the deadline although the engine is not asleep.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shoal.Server.Sessions;

namespace Shoal.Server.Observability;

/// <summary>A tiny HTTP server for two paths.</summary>
internal sealed class HealthEndpoint : IDisposable
{
    private readonly Socket _listener;
    /// <summary>Turns the engine has finished, and whether it waits for work.</summary>
    private readonly Func<(long Turns, bool IsAsleep)> _pulse;
    private readonly ServingState _serving;
    private readonly TimeSpan _deadline;
    private readonly TimeProvider _time;
    private long _lastTurns = -1;
    private long _lastProgress;

    public HealthEndpoint(IPEndPoint at, Func<(long Turns, bool IsAsleep)> pulse, ServingState serving, TimeSpan deadline, TimeProvider time)
    {
        _pulse = pulse;
        _serving = serving;
        _deadline = deadline;
        _time = time;
        _lastProgress = time.GetTimestamp();
        _listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(at);
        _listener.Listen(16);
        new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "health" }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose() => _listener.Dispose();

    private void Serve()
    {
        byte[] buffer = new byte[2048];
        while (true)
        {
            try
            {
                // Progress is looked at once a second whether somebody asks or not.
                if (!_listener.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectRead))
                {
                    IsHung(out _);
                    continue;
                }
                using var client = _listener.Accept();
                Answer(client, buffer);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is not (SocketError.OperationAborted or SocketError.NotSocket or SocketError.Interrupted))
            {
                // A prober that went away.
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    private void Answer(Socket client, byte[] buffer)
    {
        client.ReceiveTimeout = client.SendTimeout = 2000;
        int n = client.Receive(buffer);
        string line = Encoding.ASCII.GetString(buffer, 0, n);
        string path = line.Split(' ', 3) is [_, var p, ..] ? p.Split('?')[0] : "";
        var (status, text) = path switch
        {
            "/livez" or "/healthz" => IsHung(out double seconds)
                ? (503, string.Create(CultureInfo.InvariantCulture, $"hung: no turn for {seconds:F0} s"))
                : (200, _serving.Busy is not null ? "ok: busy running a script" : seconds > 1 ? string.Create(CultureInfo.InvariantCulture, $"ok: busy for {seconds:F0} s") : "ok"),
            "/readyz" => IsHung(out _) ? (503, "hung")
                : _serving.IsLoading ? (503, "loading")
                : _serving.Busy is not null ? (503, "busy running a script")
                : _serving.NotReady is { } reason ? (503, reason) : (200, "ok"),
            _ => (404, "not found"),
        };
        string head = status switch { 200 => "200 OK", 404 => "404 Not Found", _ => "503 Service Unavailable" };
        client.Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 {head}\r\nContent-Type: text/plain\r\nContent-Length: {text.Length + 1}\r\nConnection: close\r\n\r\n{text}\n")));
        client.Shutdown(SocketShutdown.Send);
    }

    private bool IsHung(out double seconds)
    {
        var (turns, isAsleep) = _pulse();
        long now = _time.GetTimestamp();
        if (turns != _lastTurns || isAsleep)
        {
            _lastTurns = turns;
            _lastProgress = now;
        }
        var idle = _time.GetElapsedTime(_lastProgress, now);
        seconds = idle.TotalSeconds;
        return idle > _deadline;
    }
}
