// Runs the tools a user would type and keeps what they print.
using System.Diagnostics;
using System.Text;

namespace Shoal.Integration.EndToEnd;

/// <summary>Exit code and everything printed, both streams.</summary>
public sealed record ShellResult(int Code, string Output);

internal static class Shell
{
    public static Task<ShellResult> RunAsync(string file, params string[] arguments) => RunAsync(file, arguments, null);

    /// <summary>Runs a program to its end, at most two minutes; <paramref name="input"/> becomes its standard input.</summary>
    public static async Task<ShellResult> RunAsync(string file, string[] arguments, string? input)
    {
        using var process = Start(file, arguments);
        var text = new StringBuilder();
        process.OutputDataReceived += (_, e) => { lock (text) text.AppendLine(e.Data); };
        process.ErrorDataReceived += (_, e) => { lock (text) text.AppendLine(e.Data); };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (input is not null) await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync(limit.Token);
        lock (text) return new ShellResult(process.ExitCode, text.ToString());
    }

    /// <summary>Starts a program with its streams redirected.</summary>
    public static Process Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(file)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var a in arguments) start.ArgumentList.Add(a);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
