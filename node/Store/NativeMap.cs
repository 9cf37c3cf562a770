// The few kernel calls the arena needs: reserve address space, hint huge pages, hand pages back.
using System.Runtime.InteropServices;

namespace Shoal.Store;

internal static unsafe partial class NativeMap
{
    private const int ProtReadWrite = 1 | 2;
    private const int MapPrivate = 2;
    private const int AdviseDontNeed = 4;
    private const int AdviseHugePage = 14;

    private static int AnonymousNoReserve => OperatingSystem.IsLinux() ? 0x20 | 0x4000 : 0x1000 | 0x40;

    /// <summary>Reserves zeroed address space that costs memory only where touched; null when the host refuses.</summary>
    public static byte* Reserve(long bytes)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("The store needs mmap: Linux, macOS or FreeBSD.");
        nint at = Map(0, (nuint)bytes, ProtReadWrite, MapPrivate | AnonymousNoReserve, -1, 0);
        return at == -1 ? null : (byte*)at;
    }

    public static void Release(byte* at, long bytes) => _ = Unmap((nint)at, (nuint)bytes);

    /// <summary>Gives the pages back to the system; they read as zero afterwards (on Linux).</summary>
    public static void GiveBack(byte* at, long bytes) => _ = Advise((nint)at, (nuint)bytes, AdviseDontNeed);

    public static void HintHugePages(byte* at, long bytes)
    {
        if (OperatingSystem.IsLinux()) _ = Advise((nint)at, (nuint)bytes, AdviseHugePage);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
