// Scripting as a part of the node: settings, commands, INFO, and the functions in snapshots.
using Shoal.Server.Commands;
using Shoal.Server.Hosting;
using Shoal.Server.Observability;

namespace Shoal.Server.Scripting;

/// <summary>EVAL and functions.</summary>
public sealed class ScriptingPart : INodePart
{
    private ScriptRunner _runner = null!;
    private EvalCommands _scripts = null!;
    private FunctionStore _functions = null!;

    public void Register(NodeConfig config, CommandTable commands)
    {
        var threshold = config.Register(new LongSetting("busy-reply-threshold", 5000, 0, long.MaxValue));
        config.Alias("lua-time-limit", "busy-reply-threshold");
        var memory = config.Register(new LongSetting("script-memory-limit", 512L << 20, 1L << 20, long.MaxValue, live: false, memory: true));
        _runner = new ScriptRunner(threshold);
        _scripts = new EvalCommands(_runner, () => memory.Value);
        _functions = new FunctionStore(_runner, () => memory.Value);
        _scripts.Register(commands);
        new FunctionCommands(_runner, _functions).Register(commands);
    }

    public void Build(NodeServices node)
    {
        _runner.Connect(node);
        node.Functions.Codes = () => _functions.Current.Libraries.Select(l => l.Code);
        node.Functions.Load = (code, replaces) => _functions.Load(_functions.Current, code, replaces, mayTakeLong: true, out _);
        node.Functions.Clear = () => _functions.Current.Clear();
        node.Info.Add("Memory", Report);
    }

    public void Stop(NodeServices node) => _runner.Dispose();

    private void Report(InfoLines l)
    {
        long vm = _scripts.InterpreterBytes, functionVm = _functions.InterpreterBytes, texts = _scripts.Cache.Bytes;
        long libraries = _functions.Current.Libraries.Sum(x => x.Bytes);
        l.Add("used_memory_vm_eval", vm).Add("used_memory_lua", vm).Add("used_memory_lua_human", InfoSections.Human(vm))
            .Add("used_memory_scripts_eval", texts).Add("number_of_cached_scripts", (long)_scripts.Cache.Count)
            .Add("number_of_functions", (long)_functions.Current.FunctionCount).Add("number_of_libraries", (long)_functions.Current.Libraries.Count)
            .Add("used_memory_vm_functions", functionVm).Add("used_memory_vm_total", vm + functionVm)
            .Add("used_memory_vm_total_human", InfoSections.Human(vm + functionVm)).Add("used_memory_functions", libraries)
            .Add("used_memory_scripts", texts + libraries).Add("used_memory_scripts_human", InfoSections.Human(texts + libraries))
            .Add("evicted_scripts", _scripts.Cache.Evicted);
    }
}
