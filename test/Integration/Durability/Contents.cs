using System.Diagnostics;
using System.Globalization;
using Shoal.Protocol.Client;
using Shoal.TestKit;

namespace Shoal.Integration.Durability;

/// <summary>Fills a server with every type and reads everything back as text: equal texts are equal data sets.</summary>
internal static class Contents
{
    public static async Task FillAsync(RespClient client, int count, int seed = 1)
    {
        var random = new Random(seed);
        var commands = new List<string[]>();
        for (int i = 0; i < count; i++)
        {
            string n = $"{random.Next(80)}";
            string word = random.Next(3) == 0 ? $"{random.Next()}" : new string((char)('a' + random.Next(26)), random.Next(1, random.Next(20) == 0 ? 9000 : 90));
            commands.Add(random.Next(12) switch
            {
                0 => ["SET", "s" + n, word],
                1 => ["SET", "e" + n, word, "EX", "100000"],
                2 => ["RPUSH", "l" + n, word, word, "17"],
                3 => ["LPUSH", "big", word],
                4 => ["SADD", "i" + n, $"{random.Next(1000)}", $"{random.Next()}"],
                5 => ["SADD", "t" + n, word],
                6 => ["HSET", "h" + n, word, $"{i}", $"f{i % 7}", word],
                7 => ["HSET", "bighash", $"field{i}", word],
                8 => ["ZADD", "z" + n, (random.Next(1000) / 8.0).ToString(CultureInfo.InvariantCulture), word],
                9 => ["ZADD", "bigzset", $"{i}", $"member{i}"],
                10 => ["DEL", "s" + n],
                _ => ["INCRBY", "n" + n, $"{random.Next(-9, 100000)}"],
            });
        }
        foreach (var reply in await client.PipelineAsync(commands)) reply.ThrowIfError();
    }

    public static async Task<SortedDictionary<string, string>> ReadAsync(RespClient client)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var key in (await client.ExecuteAsync("KEYS", "*")).Items)
        {
            string type = (await client.ExecuteAsync("TYPE", key.Text)).Text;
            var value = type switch
            {
                "string" => await client.ExecuteAsync("GET", key.Text),
                "list" => await client.ExecuteAsync("LRANGE", key.Text, "0", "-1"),
                "set" => await client.ExecuteAsync("SMEMBERS", key.Text),
                "hash" => await client.ExecuteAsync("HGETALL", key.Text),
                _ => await client.ExecuteAsync("ZRANGE", key.Text, "0", "-1", "WITHSCORES"),
            };
            var items = value.Items.Select(i => i.Text).ToList();
            if (type == "hash") items = [.. items.Chunk(2).Select(p => p[0] + "=" + p[1])];
            if (type is "set" or "hash") items.Sort(StringComparer.Ordinal);
            bool expires = (await client.ExecuteAsync("TTL", key.Text)).Integer > 0;
            all[key.Text] = $"{type} {expires} {(type == "string" ? value.Text : string.Join('|', items))}";
        }
        return all;
    }
}

/// <summary>Outside tools.</summary>
internal static class Tool
{
    public static async Task<string> RunAsync(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(Tools.Find(tool)!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        string text = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return text;
    }

    public static void CopyFolder(string from, string to)
    {
        if (Directory.Exists(to)) Directory.Delete(to, recursive: true);
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
