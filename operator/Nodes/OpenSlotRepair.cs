// Ends a classic slot move that its mover left half-way. Keys on the receiving side decide: with none, both sides forget the move;
// with some, the rest follows and the receiver becomes the owner. What both hold is the owner's: it was served there to the end.
using System.Globalization;
using System.Text;
using Shoal.Protocol.Client;

namespace Shoal.Operator.Nodes;

internal static class OpenSlotRepair
{
    private const int KeysPerCall = 10;

    /// <summary>Closes one slot. Safe to repeat after dying anywhere.</summary>
    /// <param name="owner">Connection to the owner.</param>
    /// <param name="other">Connection to the receiving side, at <paramref name="address"/>; null when there is no such node any more.</param>
    /// <param name="address">Where the owner reaches the receiving side.</param>
    /// <param name="password">What the receiving side asks for, empty = nothing.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="ct">Stops.</param>
    public static async Task CloseAsync(RespClient owner, RespClient? other, NodeAddress address, string password, int slot, CancellationToken ct)
    {
        var number = slot.ToString(CultureInfo.InvariantCulture);
        if (other is null || (await other.ExecuteAsync(["CLUSTER", "COUNTKEYSINSLOT", number], ct).ConfigureAwait(false)).AsInteger() == 0)
        {
            await owner.ExecuteAsync(["CLUSTER", "SETSLOT", number, "STABLE"], ct).ConfigureAwait(false);
            if (other is not null)
            {
                await other.ExecuteAsync(["CLUSTER", "SETSLOT", number, "STABLE"], ct).ConfigureAwait(false);
            }

            return;
        }

        var from = (await owner.ExecuteAsync(["CLUSTER", "MYID"], ct).ConfigureAwait(false)).Text;
        var to = (await other.ExecuteAsync(["CLUSTER", "MYID"], ct).ConfigureAwait(false)).Text;
        await other.ExecuteAsync(["CLUSTER", "SETSLOT", number, "IMPORTING", from], ct).ConfigureAwait(false);
        await owner.ExecuteAsync(["CLUSTER", "SETSLOT", number, "MIGRATING", to], ct).ConfigureAwait(false);
        string[] head =
        [
            "MIGRATE", address.Host, address.Port.ToString(CultureInfo.InvariantCulture), "", "0", "4000", "REPLACE",
            .. password.Length > 0 ? new[] { "AUTH", password } : [], "KEYS",
        ];
        while (await owner.ExecuteAsync(["CLUSTER", "GETKEYSINSLOT", number, KeysPerCall.ToString(CultureInfo.InvariantCulture)], ct).ConfigureAwait(false)
            is { Items.Count: > 0 } keys)
        {
            ReadOnlyMemory<byte>[] migrate = [.. head.Select(w => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(w)), .. keys.Items.Select(k => (ReadOnlyMemory<byte>)k.Bytes)];
            (await owner.CallAsync(migrate, ct).ConfigureAwait(false)).ThrowIfError();
        }

        // The receiver first: its claim carries the new epoch.
        await other.ExecuteAsync(["CLUSTER", "SETSLOT", number, "NODE", to], ct).ConfigureAwait(false);
        await owner.ExecuteAsync(["CLUSTER", "SETSLOT", number, "NODE", to], ct).ConfigureAwait(false);
    }
}
