// A conformance script as steps: what a line of a .resp file says, checked when the file is read so that a typing error
// names its line instead of failing strangely later.
using System.Globalization;
using System.Text;
using Shoal.Protocol.Resp;

namespace Shoal.Conformance;

/// <summary>One line that does something.</summary>
public abstract record Step(int Line);

/// <summary>"> words".</summary>
public sealed record Send(int Line, string Text, byte[][] Words) : Step(Line)
{
    /// <summary>What it must answer; null accepts anything but an error.</summary>
    public Expectation? Expected { get; set; }

    /// <summary>Repeat until it fits, for that long.</summary>
    public TimeSpan Patience { get; set; }

    public int Repeat { get; set; } = 1;

    /// <summary>The server makes its client wait; the script goes on meanwhile.</summary>
    public bool Blocks { get; set; }
}

/// <summary>"<< reply": what comes next on the connection without having been asked for.</summary>
public sealed record Receive(int Line, string Text, Expectation Expected) : Step(Line);

/// <summary>"@ client name".</summary>
public sealed record UseClient(int Line, string Name) : Step(Line);

/// <summary>"@ answered name": the reply a waiting client now has.</summary>
public sealed record Answered(int Line, string Name) : Step(Line);

/// <summary>"@ resp 3".</summary>
public sealed record UseProtocol(int Line, int Version) : Step(Line);

/// <summary>"@ only server" or "@ redis >= version": the rest runs only where it fits.</summary>
public sealed record OnlyOn(int Line, string Server, Version? AtLeast) : Step(Line);

/// <summary>A parsed script.</summary>
public sealed class Script
{
    private readonly List<Step> _steps = [];

    private Script(string path) => FilePath = path;

    public string FilePath { get; }

    public IReadOnlyList<Step> Steps => _steps;

    /// <summary>Settings of "@ start"; null runs on the shared server.</summary>
    public string[]? Start { get; private set; }

    public static Script Read(string path)
    {
        var script = new Script(path);
        int number = 0;
        var patience = TimeSpan.Zero;
        int repeat = 1;
        bool blocks = false;
        foreach (string raw in File.ReadLines(path))
        {
            number++;
            string line = raw.Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            string rest = line[1..].Trim();
            switch (line[0])
            {
                case '>':
                    var words = InlineRequest.SplitWords(Encoding.UTF8.GetBytes(rest)) ?? throw script.Wrong(number, "unbalanced quotes");
                    script._steps.Add(new Send(number, rest, [.. words]) { Patience = patience, Repeat = repeat, Blocks = blocks });
                    patience = TimeSpan.Zero;
                    blocks = false;
                    repeat = 1;
                    break;
                case '<' when rest.StartsWith('<'):
                    string message = rest[1..].Trim();
                    script._steps.Add(new Receive(number, message, Expectation.Parse(message, reason => script.Wrong(number, reason))));
                    break;
                case '<':
                    if (script._steps.LastOrDefault() is not Send { Expected: null } send) throw script.Wrong(number, "a reply needs its request before it");
                    send.Expected = Expectation.Parse(rest, reason => script.Wrong(number, reason));
                    break;
                case '@':
                    script.Directive(number, rest.Split(' ', StringSplitOptions.RemoveEmptyEntries), ref patience, ref repeat, ref blocks);
                    break;
                default:
                    throw script.Wrong(number, $"a line begins with > < @ or #, not '{line[0]}'");
            }
        }
        return script;
    }

    private void Directive(int line, string[] words, ref TimeSpan patience, ref int repeat, ref bool blocks)
    {
        switch (words)
        {
            case ["resp", var v]:
                _steps.Add(new UseProtocol(line, int.Parse(v, CultureInfo.InvariantCulture)));
                break;
            case ["client", var name]:
                _steps.Add(new UseClient(line, name));
                break;
            case ["eventually", var seconds]:
                patience = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
                break;
            case ["repeat", var count]:
                repeat = int.Parse(count, CultureInfo.InvariantCulture);
                break;
            case ["blocks"]:
                blocks = true;
                break;
            case ["answered", var name]:
                _steps.Add(new Answered(line, name));
                break;
            case ["only", var server]:
                _steps.Add(new OnlyOn(line, server, null));
                break;
            case ["redis", ">=", var version]:
                _steps.Add(new OnlyOn(line, "redis", Version.Parse(version)));
                break;
            case ["start", ..]:
                if (_steps.Count > 0) throw Wrong(line, "@ start comes first");
                Start = Settings(words[1..]);
                break;
            default:
                throw Wrong(line, "unknown directive: @ " + string.Join(' ', words));
        }
    }

    private static string[] Settings(string[] words)
    {
        // "save "" appendonly yes" pairs up; a name gets its dashes.
        var arguments = new List<string>();
        for (int i = 0; i < words.Length; i++) arguments.Add(i % 2 == 0 ? "--" + words[i] : words[i].Trim('"'));
        return [.. arguments];
    }

    private FormatException Wrong(int line, string reason) => new($"{FilePath}:{line}: {reason}");
}
