// A folder of a test's own, gone when the test is.
namespace Shoal.TestKit;

/// <summary>A fresh directory under the temp folder; deleted on dispose.</summary>
public sealed class TempFolder : IDisposable
{
    public TempFolder(string prefix = "shoal-") => Path = Directory.CreateTempSubdirectory(prefix).FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A dying process may still write there; the temp folder is swept by others.
        }
    }
}
