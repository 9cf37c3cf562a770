// All settings of the node by name. Each subsystem registers its own rows before the file is read; this class reads,
// checks, changes and prints them.
namespace Shoal.Server.Hosting;

/// <summary>The settings. Changed on the engine thread (or before it starts).</summary>
public sealed class NodeConfig
{
    private readonly Dictionary<string, Setting> _settings = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _aliases = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Every setting, by name.</summary>
    public IEnumerable<Setting> All => _settings.Values.OrderBy(s => s.Name, StringComparer.Ordinal);

    /// <summary>File given at start, absolute; null without one.</summary>
    public string? FilePath { get; internal set; }

    /// <summary>Adds a row and returns it, so that its owner keeps the typed setting. A later row of the same name replaces the first.</summary>
    public T Register<T>(T setting) where T : Setting
    {
        _settings[setting.Name] = setting;
        return setting;
    }

    /// <summary>Another name of a setting (slaveof for replicaof).</summary>
    public void Alias(string alias, string name) => _aliases[alias] = name;

    /// <summary>The setting of that name, or null.</summary>
    public Setting? Find(string name) =>
        _settings.TryGetValue(_aliases.GetValueOrDefault(name, name), out var setting) ? setting : null;

    public bool Bool(string name) => Get<BoolSetting>(name).Value;

    public long Long(string name) => Get<LongSetting>(name).Value;

    /// <summary>Value of a text or enum setting.</summary>
    public string Text(string name) => Get<Setting>(name).Text;

    public IReadOnlyList<string> Words(string name) => Get<WordsSetting>(name).Value;

    /// <summary>The registered setting of that name and type.</summary>
    public T Get<T>(string name) where T : Setting =>
        Find(name) as T ?? throw new ArgumentException($"no setting {name} of type {typeof(T).Name}");

    /// <summary>
    /// CONFIG SET: changes all of <paramref name="changes"/> or none. Returns null, or Redis's error text.
    /// </summary>
    public string? Change(IReadOnlyList<(string Name, string Value)> changes)
    {
        var saved = new List<(Setting Setting, object? Value)>();
        string? error = null;
        string failed = "";
        foreach (var (name, value) in changes)
        {
            failed = name;
            error = Check(name, saved, out var setting) ?? ParseAfresh(setting!, value, saved);
            if (error is not null) break;
        }
        for (int i = 0; error is null && i < saved.Count; i++)
        {
            failed = saved[i].Setting.Name;
            error = saved[i].Setting.Apply();
        }
        if (error is null)
        {
            foreach (var (setting, _) in saved) setting.IsSet = true;
            return null;
        }
        foreach (var (setting, value) in saved)
        {
            setting.Restore(value);
            setting.Apply();
        }
        return error.StartsWith("ERR ", StringComparison.Ordinal)
            ? error
            : $"ERR CONFIG SET failed (possibly related to argument '{failed}') - {error}";
    }

    private string? Check(string name, List<(Setting Setting, object? Value)> saved, out Setting? setting)
    {
        setting = Find(name);
        if (setting is null) return $"ERR Unknown option or number of arguments for CONFIG SET - '{name}'";
        if (!setting.IsLive) return "can't set immutable config";
        foreach (var (seen, _) in saved)
            if (seen == setting) return "duplicate parameter";
        return null;
    }

    private static string? ParseAfresh(Setting setting, string value, List<(Setting Setting, object? Value)> saved)
    {
        saved.Add((setting, setting.Save()));
        (setting as WordsSetting)?.StartAfresh();
        return setting.Parse([value]);
    }
}
