// The aclfile: one "user name rules..." per line, read as a whole or not at all, written beside and renamed.
using Shoal.Server.Persistence;

namespace Shoal.Server.Security;

internal static class AclFile
{
    /// <summary>Reads the users of a file; null and the errors of every line when one of them does not make a user.</summary>
    public static List<User>? Read(Users users, string path, out string errors)
    {
        var read = new List<User>();
        errors = "";
        string[] lines;
        try
        {
            lines = AclText.Of(File.ReadAllBytes(path)).Split('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string reason = e is FileNotFoundException or DirectoryNotFoundException ? "No such file or directory" : e.Message;
            errors = $"Error loading ACLs, opening file '{path}': {reason}";
            return null;
        }
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Trim(' ', '\t', '\r', '\n').Split(' ');
            if (words[0].Length > 0) errors += ReadLine(users, words, $"{path}:{i + 1}", i + 1, read);
        }
        if (errors.Length == 0) return read;
        errors += "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
        return null;
    }

    /// <summary>Writes all users. Throws what the file system throws.</summary>
    public static void Write(Users users, string path)
    {
        string temporary = path + $".tmp-{Environment.ProcessId}";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                foreach (var user in users.All) file.Write(AclText.Bytes($"user {user.Name} {user.Describe()}\n"));
                file.Flush(flushToDisk: true);
            }
            DiskSync.Rename(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static string ReadLine(Users users, string[] words, string place, int number, List<User> into)
    {
        if (words[0] != "user" || words.Length < 2) return $"{place} should start with user keyword followed by the username. ";
        if (AclText.HasSpaces(words[1])) return $"'{place}: username '{words[1]}' contains invalid characters. ";
        if (into.Exists(u => u.Name == words[1])) return $"WARNING: Duplicate user '{words[1]}' found on line {number}. ";
        if (AclRules.Join(words[2..], out _) is not { } rules) return $"{place}: Unmatched parenthesis in selector definition.";
        var user = users.NewUser(words[1]);
        string errors = "";
        bool told = false;
        foreach (string rule in rules)
        {
            if (users.Change(user, [rule.Trim('\t', '\r', '\n')]) is not { } failed) continue;
            // A missing command is no secret; another rule may hold a password and is not repeated.
            if (failed.Reason == AclRules.Unknown) errors += $"{place}: Error in applying operation '{rule}': {failed.Reason}. ";
            else if (!told)
            {
                errors += $"{place}: {failed.Reason}. ";
                told = true;
            }
        }
        into.Add(user);
        return errors;
    }
}
