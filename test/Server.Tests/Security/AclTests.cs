// Users of files, refusals to start, and rules nobody would write.
using Shoal.Protocol.Client;
using Shoal.Server.Hosting;
using Shoal.TestKit;

namespace Shoal.Server.Tests.Security;

[Collection("in-process nodes")]
public sealed class AclTests
{
    [Fact]
    public async Task Users_of_an_acl_file_are_loaded_saved_and_loaded_again()
    {
        using var folder = new TempFolder();
        string path = folder.File("users.acl");
        File.WriteAllText(path, "user default on nopass ~* &* +@all\nuser app on >secret ~app:* (~log:* +append) +@string\n");
        using var node = new InProcessNode("--aclfile", path);
        using var client = await node.ConnectAsync();
        await client.ExecuteAsync("ACL", "SETUSER", "second", "on", "nopass", "+ping");
        Assert.Equal("OK", (await client.ExecuteAsync("ACL", "SAVE")).Text);
        string saved = File.ReadAllText(path);
        Assert.Contains("user app on sanitize-payload #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~app:* "
            + "resetchannels -@all +@string (~log:* resetchannels -@all +append)\n", saved);
        Assert.DoesNotContain("secret", saved);

        File.AppendAllText(path, "user broken +nosuch\n");
        var refused = await client.CallAsync("ACL", "LOAD");
        Assert.True(refused.IsError);
        Assert.Contains(":4: Error in applying operation '+nosuch': Unknown command or category name in ACL.", refused.Text);
        File.WriteAllText(path, "user only on nopass +@all ~*\n");
        Assert.Equal("OK", (await client.ExecuteAsync("ACL", "LOAD")).Text);
        Assert.Equal(["default", "only"], (await client.ExecuteAsync("ACL", "USERS")).Items.Select(i => i.Text));
    }

    [Theory]
    [InlineData("user x +nosuch", "Unknown command or category name in ACL")]
    [InlineData("user x on\nuser x off", "Duplicate user found")]
    [InlineData("user x (+get", "Unmatched parenthesis")]
    [InlineData("user x bogus", "Syntax error")]
    public void A_bad_user_line_is_told_with_its_number(string lines, string reason)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("node.conf"), "# users\n" + lines + "\n");
        var error = Assert.Throws<ConfigException>(() => NodeHost.Start([folder.File("node.conf"), "--port", "0"]));
        Assert.Contains(reason, error.Message);
        Assert.Equal(1 + lines.Split('\n').Length, error.Line);
    }

    [Fact]
    public async Task Users_of_the_configuration_may_do_what_their_lines_say()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("node.conf"), "requirepass top\nuser app on >pw ~a* +get\n");
        using var host = NodeHost.Start([folder.File("node.conf"), "--port", "0", "--bind", "127.0.0.1", "--save", "", "--warm-up", "no"]);
        using var client = await RespClient.ConnectAsync("127.0.0.1", host.EndPoint!.Port, new RespClientOptions { User = "app", Password = "pw" });
        Assert.False((await client.CallAsync("GET", "a1")).IsError);
        Assert.Equal("NOPERM No permissions to access a key", (await client.CallAsync("GET", "b1")).Text);
        Assert.Equal("NOPERM User app has no permissions to run the 'set' command", (await client.CallAsync("SET", "a1", "v")).Text);
    }

    [Fact]
    public void An_acl_file_and_user_lines_exclude_each_other()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("users.acl"), "");
        File.WriteAllText(folder.File("node.conf"), $"aclfile {folder.File("users.acl")}\nuser x on\n");
        Assert.Throws<StartException>(() => NodeHost.Start([folder.File("node.conf"), "--port", "0"]));
    }

    [Fact]
    public async Task Any_words_as_rules_leave_a_user_that_can_be_shown_and_set_again()
    {
        using var node = new InProcessNode();
        using var client = await node.ConnectAsync();
        var random = new Random(17);
        string[] parts = ["+", "-", "@", "all", "get", "config|get", "|", "(", ")", "~", "%R", "%W~", "&", "*", "a",
            ">", "<", "#", "!", " ", "\"", "\\", "reset", "on", "+@read", "+get", "~x*", "\xff"];
        for (int i = 0; i < 2000; i++)
        {
            string Word() => string.Concat(Enumerable.Range(0, random.Next(0, 4)).Select(_ => parts[random.Next(parts.Length)]));
            var words = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Word());
            await client.CallAsync(["ACL", "SETUSER", "u", .. words]);
            if (i % 20 != 0) continue;
            var shown = (await client.ExecuteAsync("ACL", "LIST")).Items.Select(l => l.Text)
                .FirstOrDefault(l => l.StartsWith("user u ", StringComparison.Ordinal));
            if (shown is null) continue;
            Assert.Equal("OK", (await client.ExecuteAsync(["ACL", "SETUSER", "copy", "reset", .. shown.Split(' ')[2..]])).Text);
            var copied = (await client.ExecuteAsync("ACL", "LIST")).Items.Select(l => l.Text)
                .First(l => l.StartsWith("user copy ", StringComparison.Ordinal));
            Assert.Equal(shown["user u ".Length..], copied["user copy ".Length..]);
        }
    }
}
