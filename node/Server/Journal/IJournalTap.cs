// The way for a listener that must see single writes with their slot (slot migration): the byte stream itself carries
// no slots, and a side index for every record would be paid by everyone.
namespace Shoal.Server.Journal;

/// <summary>Sees each write as it is appended, on the engine thread.</summary>
public interface IJournalTap
{
    /// <summary>One effective write as a RESP array, valid during the call only; <paramref name="slot"/> is -1 when the command
    /// has no key (FLUSHALL, a transaction's MULTI and EXEC).</summary>
    void Appended(int db, int slot, ReadOnlySpan<byte> record);
}
