// The append-only file's directory: manifest and names. Every change of the manifest is on disk before anybody relies on it.
//
//   rewrite:   1  new increment n+1 created, manifest lists it          crash: base + old incrs + empty incr load
//              2  snapshot written to temp-*, fsync                     crash: temp is swept at the next start
//              3  renamed to its base name, manifest: new base + n+1,   crash: either manifest loads whole
//                 old base and increments as history
//              4  history deleted, manifest without it                  crash: history is deleted at the next start
namespace Shoal.Server.Persistence.AppendOnly;

/// <summary>Reads and replaces the manifest. One thread at a time: recovery first, then the writer thread.</summary>
internal sealed class AofDirectory
{
    private const string TempPrefix = "temp-";
    private readonly string _dataDirectory;
    private readonly string _prefix;

    /// <param name="dataDirectory">dir</param>
    /// <param name="name">appenddirname</param>
    /// <param name="prefix">appendfilename</param>
    public AofDirectory(string dataDirectory, string name, string prefix)
    {
        _dataDirectory = dataDirectory;
        _prefix = prefix;
        FullPath = Path.Combine(dataDirectory, name);
    }

    public string FullPath { get; }

    /// <summary>What is on disk.</summary>
    public AofManifest Manifest { get; private set; } = AofManifest.Empty;

    private string ManifestPath => Path.Combine(FullPath, _prefix + ".manifest");

    public string PathOf(AofFile file) => Path.Combine(FullPath, file.Name);

    public string TempBasePath => Path.Combine(FullPath, $"{TempPrefix}{_prefix}.base");

    /// <summary>Reads the manifest; adopts the single file of Redis 6 and older. Throws <see cref="InvalidDataException"/> naming what is wrong.</summary>
    public void Load()
    {
        AdoptSingleFile();
        if (!File.Exists(ManifestPath)) return;
        if (!AofManifest.TryParse(File.ReadAllText(ManifestPath), out var manifest, out string error))
            throw new InvalidDataException($"{ManifestPath}: {error}");
        foreach (var file in manifest.InLoadOrder)
            if (!File.Exists(PathOf(file)))
                throw new InvalidDataException($"{ManifestPath} lists {file.Name}, which does not exist");
        Manifest = manifest;
        foreach (string left in Directory.EnumerateFiles(FullPath, TempPrefix + "*")) File.Delete(left);
        DropHistory();
    }

    /// <summary>The next increment as an empty file, not yet in the manifest.</summary>
    public AofFile CreateIncrement()
    {
        Directory.CreateDirectory(FullPath);
        Manifest.WithIncrement(_prefix, out var file);
        using var handle = File.OpenHandle(PathOf(file), FileMode.Create, FileAccess.Write, FileShare.Read);
        DiskSync.File(handle);
        DiskSync.Directory(FullPath);
        return file;
    }

    /// <summary>Lists <paramref name="file"/> as the last increment.</summary>
    public void AddIncrement(AofFile file) => Commit(Manifest with { Increments = [.. Manifest.Increments, file] });

    /// <summary>Makes the file at <see cref="TempBasePath"/> the base; increments before <paramref name="firstKept"/> are dropped.</summary>
    public AofFile ReplaceBase(AofFile firstKept, bool snapshot)
    {
        var file = Manifest.NextBase(_prefix, snapshot);
        DiskSync.Rename(TempBasePath, PathOf(file));
        var next = Manifest.Rewritten(file, firstKept);
        if (next.Increments.Count == 0) next = next with { Increments = [firstKept] };
        Commit(next);
        DropHistory();
        return file;
    }

    /// <summary>Bytes of all files in load order.</summary>
    public long TotalBytes() => Manifest.InLoadOrder.Sum(f => new FileInfo(PathOf(f)).Length);

    /// <summary>Bytes of the base, 0 without one.</summary>
    public long BaseBytes() => Manifest.Base is { } file ? new FileInfo(PathOf(file)).Length : 0;

    private void Commit(AofManifest next)
    {
        string temp = Path.Combine(FullPath, $"{TempPrefix}{_prefix}.manifest");
        using (var handle = File.OpenHandle(temp, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(handle, System.Text.Encoding.UTF8.GetBytes(next.Format()), 0);
            DiskSync.File(handle);
        }
        DiskSync.Rename(temp, ManifestPath);
        Manifest = next;
    }

    private void DropHistory()
    {
        if (Manifest.History.Count == 0) return;
        foreach (var file in Manifest.History) File.Delete(PathOf(file));
        Commit(Manifest with { History = [] });
    }

    /// <summary>Redis before 7 kept one file beside the snapshot: it becomes the base.</summary>
    private void AdoptSingleFile()
    {
        string single = Path.Combine(_dataDirectory, _prefix);
        if (!File.Exists(single) || File.Exists(ManifestPath)) return;
        Directory.CreateDirectory(FullPath);
        var file = new AofFile(_prefix, 1, AofFileType.Base);
        if (File.Exists(PathOf(file))) throw new InvalidDataException($"both {single} and {PathOf(file)} exist and there is no manifest");
        Commit(new AofManifest(file, [], []));
        DiskSync.Rename(single, PathOf(file));
    }
}
