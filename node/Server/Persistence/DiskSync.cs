// Making bytes and names durable. A file's contents need fdatasync; a created or renamed name needs fsync of its directory,
// which the BCL cannot do.
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Shoal.Server.Persistence;

/// <summary>fsync of files and directories. Throws <see cref="IOException"/>.</summary>
internal static partial class DiskSync
{
    private const int ReadOnly = 0;

    /// <summary>Flushes contents (and the metadata needed to read them back).</summary>
    public static void File(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            if (fdatasync((int)file.DangerousGetHandle()) != 0) throw Failed("fdatasync");
        }
        finally
        {
            if (held) file.DangerousRelease();
        }
    }

    /// <summary>Flushes a directory's names.</summary>
    public static void Directory(string path)
    {
        if (OperatingSystem.IsWindows()) return; // renames are journalled there
        int fd = open(path, ReadOnly);
        if (fd < 0) throw Failed($"open {path}");
        int result = fsync(fd);
        var error = result == 0 ? null : Failed($"fsync {path}");
        _ = close(fd);
        if (error is not null) throw error;
    }

    /// <summary>Replaces <paramref name="to"/> by <paramref name="from"/> so that after a crash one of both is there whole.</summary>
    public static void Rename(string from, string to)
    {
        System.IO.File.Move(from, to, overwrite: true);
        Directory(Path.GetDirectoryName(Path.GetFullPath(to))!);
    }

    private static IOException Failed(string call)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{call}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);
}
