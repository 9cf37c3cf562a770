// Gives each pod an address of its own in 127.0.0.0/8, all of which Linux answers on without configuration. Several
// sandboxes may run on one machine (tests do), so a pool claims whole /24 blocks by locking a file per block, and the
// kernel drops the lock with the process.

using System.Globalization;
using System.Net;

namespace Shoal.Sandbox.Pods;

internal sealed class AddressPool : IDisposable
{
    private readonly string _claims = Path.Combine(Path.GetTempPath(), "shoal-addresses");
    private readonly Lock _gate = new();
    private readonly List<(int High, int Low, FileStream Claim)> _blocks = [];
    private readonly HashSet<string> _used = [];
    private int _next = 1;

    /// <summary>An address no other pod of this machine has. Addresses are reused as late as possible.</summary>
    public string Take()
    {
        lock (_gate)
        {
            for (var tries = 0; tries < _blocks.Count * 254; tries++)
            {
                var (high, low, _) = _blocks[_next / 254 % _blocks.Count];
                var address = $"127.{high}.{low}.{(_next % 254) + 1}";
                _next++;
                if (_used.Add(address))
                {
                    return address;
                }
            }

            var block = ClaimAny();
            _next = _blocks.IndexOf(block) * 254;
            return Take();
        }
    }

    /// <summary>Takes an address a pod had before we were restarted; false when another sandbox has its block now.</summary>
    public bool TryTake(string address)
    {
        if (!IPAddress.TryParse(address, out var ip) || ip.GetAddressBytes() is not [127, var high, var low, _])
        {
            return false;
        }

        lock (_gate)
        {
            return (_blocks.Exists(b => b.High == high && b.Low == low) || TryClaim(high, low)) && _used.Add(address);
        }
    }

    public void Return(string address)
    {
        lock (_gate)
        {
            _used.Remove(address);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _blocks.ForEach(b => b.Claim.Dispose());
            _blocks.Clear();
        }
    }

    private (int High, int Low, FileStream Claim) ClaimAny()
    {
        // Low blocks are where people put things by hand, and 127.96.x.x is where the sandbox puts services.
        for (var tries = 0; tries < 100_000; tries++)
        {
            if (TryClaim(Random.Shared.Next(100, 255), Random.Shared.Next(0, 256)))
            {
                return _blocks[^1];
            }
        }

        throw new IOException($"no free block of loopback addresses; the claims are in {_claims}");
    }

    private bool TryClaim(int high, int low)
    {
        Directory.CreateDirectory(_claims);
        try
        {
            var path = Path.Combine(_claims, string.Create(CultureInfo.InvariantCulture, $"127.{high}.{low}"));
            _blocks.Add((high, low, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
