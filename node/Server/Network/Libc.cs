// The few system calls of the epoll transport. Signatures are blittable, so a call is a transition and nothing else;
// none of them may suppress the GC transition because all of them can block or take long.
//
// The three calls of every turn go by libc's syscall(): recv, send and epoll_wait are cancellation points, which in a
// process of several threads switch the thread's cancellation state twice per call. They look at errno only after a failure
// (the runtime keeps errno over the transition; SetLastError relies on the same).
using System.Runtime.InteropServices;

namespace Shoal.Server.Network;

/// <summary>Linux system calls by P/Invoke. Failing calls return -1 and leave errno in <see cref="Marshal.GetLastPInvokeError"/>.</summary>
internal static unsafe partial class Libc
{
    public const int EpollIn = 0x001, EpollOut = 0x004, EpollErr = 0x008, EpollHup = 0x010, EpollRdHup = 0x2000;
    public const int CtlAdd = 1, CtlDelete = 2, CtlModify = 3;
    public const int NoSignal = 0x4000, DontWait = 0x40;
    public const int CloseOnExec = 0x80000, NonBlocking = 0x800;
    public const int Again = 11, Interrupted = 4, TooManyFiles = 24, TooManyFilesSystem = 23;

    /// <summary>struct epoll_event is packed to 12 bytes on x86-64 and 16 bytes elsewhere.</summary>
    public static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    /// <summary>Where its data lies.</summary>
    public static readonly int EventPayload = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int fd, byte* epollEvent);

    /// <summary>epoll_wait; errno by <see cref="Marshal.GetLastSystemError"/>.</summary>
    public static int EpollWait(int epoll, byte* events, int max, int timeoutMs) => Calls.EpollPwait == 0
        ? EpollWaitByLibc(epoll, events, max, timeoutMs)
        : (int)SystemCall(Calls.EpollPwait, epoll, (nint)events, max, timeoutMs, 0, 0);

    /// <summary>recv; errno by <see cref="Marshal.GetLastSystemError"/>, at once.</summary>
    public static nint Receive(int fd, byte* buffer, nint length, int flags) => Calls.ReceiveFrom == 0
        ? ReceiveByLibc(fd, buffer, length, flags)
        : SystemCall(Calls.ReceiveFrom, fd, (nint)buffer, length, flags, 0, 0);

    /// <summary>send; errno by <see cref="Marshal.GetLastSystemError"/>, at once.</summary>
    public static nint Send(int fd, byte* buffer, nint length, int flags) => Calls.SendTo == 0
        ? SendByLibc(fd, buffer, length, flags)
        : SystemCall(Calls.SendTo, fd, (nint)buffer, length, flags, 0, 0);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int fd, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int fd, byte* address, int* addressLength, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(int fd, byte* address, int* addressLength);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int fd, int level, int name, int* value, int length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int ShutdownSocket(int fd, int how);

    /// <summary>"ip:port" of a sockaddr; "unix" for AF_UNIX.</summary>
    public static string AddressText(byte* address, int length)
    {
        if (length < 4) return "/unix";
        int family = *(ushort*)address;
        int port = (address[2] << 8) | address[3];
        if (family == 2) return $"{address[4]}.{address[5]}.{address[6]}.{address[7]}:{port}";
        if (family != 10) return "/unix";
        var ip = new System.Net.IPAddress(new ReadOnlySpan<byte>(address + 8, 16));
        return ip.IsIPv4MappedToIPv6 ? $"{ip.MapToIPv4()}:{port}" : $"[{ip}]:{port}";
    }

    /// <summary>One integer socket option; failures are of no consequence.</summary>
    public static void SetOption(int fd, int level, int name, int value) => _ = SetOption(fd, level, name, &value, sizeof(int));

    [LibraryImport("libc", EntryPoint = "epoll_wait")]
    private static partial int EpollWaitByLibc(int epoll, byte* events, int max, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "recv")]
    private static partial nint ReceiveByLibc(int fd, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send")]
    private static partial nint SendByLibc(int fd, byte* buffer, nint length, int flags);

    /// <summary>syscall(2). Variadic in C; Linux passes integer arguments of variadic calls like any others on both processors below.</summary>
    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary>System call numbers of Linux; 0 = not known for this processor, go by libc.</summary>
    private static class Calls
    {
        public static readonly nint ReceiveFrom = Number(45, 207);
        public static readonly nint SendTo = Number(44, 206);
        public static readonly nint EpollPwait = Number(281, 22);

        private static nint Number(nint x64, nint arm64) => !OperatingSystem.IsLinux() ? 0 : RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => x64,
            Architecture.Arm64 => arm64,
            _ => 0,
        };
    }
}
