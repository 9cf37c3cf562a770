// The state on disk: it survives restarts and crashes, and says so when it cannot be read.
using Shoal.Sandbox.Api;
using Shoal.Sandbox.Api.Json;
using Shoal.Sandbox.Api.Storage;
using Shoal.TestKit;

namespace Shoal.Sandbox.Tests.Api;

public sealed class StorageTests : ApiTest
{
    private string LogPath => Directory.GetFiles(Path.Combine(Folder, "state"), "*.log").Single();

    [Fact]
    public async Task Objects_and_versions_continue_after_a_restart()
    {
        var made = await PostAsync(Maps, Map("a", """{"x":"é\n"}"""));
        await DeleteAsync($"{Maps}/none");
        var deleted = await PostAsync(Maps, Map("b"));
        await DeleteAsync($"{Maps}/b");
        await StopAsync();
        await StartAsync();
        var read = await GetAsync($"{Maps}/a");
        Assert.True(JsonTree.Same(made.Body, read.Body));
        Assert.Equal(404, (await GetAsync($"{Maps}/b")).Code);
        var next = await PostAsync(Maps, Map("c"));
        Assert.True(long.Parse(next.Revision) > long.Parse(deleted.Revision) + 1);
    }

    [Fact]
    public async Task A_torn_last_line_is_dropped()
    {
        await PostAsync(Maps, Map("a"));
        await PostAsync(Maps, Map("b"));
        await StopAsync();
        var bytes = await File.ReadAllBytesAsync(LogPath);
        await File.WriteAllBytesAsync(LogPath, bytes[..^10]);
        await StartAsync();
        Assert.Equal(200, (await GetAsync($"{Maps}/a")).Code);
        Assert.Equal(404, (await GetAsync($"{Maps}/b")).Code);
        Assert.Equal(201, (await PostAsync(Maps, Map("b"))).Code);
        await StopAsync();
        await StartAsync();
        Assert.Equal(200, (await GetAsync($"{Maps}/b")).Code);
    }

    [Fact]
    public async Task A_corrupt_line_in_the_middle_stops_the_start_with_its_place()
    {
        await PostAsync(Maps, Map("a"));
        await PostAsync(Maps, Map("b"));
        await StopAsync();
        var bytes = await File.ReadAllBytesAsync(LogPath);
        bytes[60] ^= 1;
        await File.WriteAllBytesAsync(LogPath, bytes);
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => SandboxApiServer.StartAsync(Options));
        Assert.Contains("corrupt line at byte 0", refused.Message);
        bytes[60] ^= 1;
        await File.WriteAllBytesAsync(LogPath, bytes);
        await StartAsync();
    }

    [Fact]
    public async Task One_directory_has_one_server()
    {
        var refused = await Assert.ThrowsAsync<IOException>(() => SandboxApiServer.StartAsync(Options));
        Assert.Equal($"another sandbox is running on {Folder}", refused.Message);
    }

    [Fact]
    public void Compaction_keeps_everything_and_shortens_the_files()
    {
        using var folder = new TempFolder();
        using (var store = new ObjectStore(folder.Path, 100))
        {
            var big = new string('x', 100_000);
            for (var i = 0; i < 200; i++)
                lock (store.Gate) store.Put("/configmaps", JsonTree.ParseObject(System.Text.Encoding.UTF8.GetBytes($$$"""{"metadata":{"name":"m{{{i % 3}}}","namespace":"n"},"data":{"i":"{{{i}}}","big":"{{{big}}}"}}""")));
            Assert.Equal(200, store.Revision);
        }
        Assert.True(Directory.GetFiles(folder.Path, "state-*").Sum(f => new FileInfo(f).Length) < 10_000_000);
        Assert.Equal(2, Directory.GetFiles(folder.Path, "state-*").Length);
        using var again = new ObjectStore(folder.Path, 100);
        Assert.Equal(200, again.Revision);
        Assert.Equal("199", again.Get("/configmaps", "n", "m1")!.Tree.Str("data", "i"));
        Assert.Equal(3, again.List("/configmaps").Objects.Count);
    }
}
