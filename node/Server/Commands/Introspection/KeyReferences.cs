// All keys of a request with what the command does to each: by the command's specifications, or, where those cannot tell (their
// flags depend on arguments, or keywords stand anywhere), by a function of its own.
using Shoal.Protocol.Resp;
using static Shoal.Server.Sessions.SessionCommands;

namespace Shoal.Server.Commands;

/// <summary>Finds keys with their flags.</summary>
public static class KeyReferences
{
    private const KeyFlags ReadOnly = KeyFlags.Ro | KeyFlags.Access, Overwrite = KeyFlags.Ow | KeyFlags.Update;
    private const KeyFlags ReadWrite = KeyFlags.Rw | KeyFlags.Access | KeyFlags.Update;

    private delegate void Finder(in Request request, List<KeyReference> into);

    private static readonly Dictionary<string, Finder> Finders = new()
    {
        ["set"] = Set, ["bitfield"] = BitField, ["sort"] = Sort, ["sort_ro"] = SortReadOnly, ["migrate"] = Migrate,
        ["georadius"] = GeoRadius, ["georadiusbymember"] = GeoRadius,
    };

    /// <summary>Fills <paramref name="into"/>; false when the request is so malformed that its keys cannot be told.</summary>
    public static bool Collect(Command command, in Request request, List<KeyReference> into)
    {
        into.Clear();
        if (Finders.TryGetValue(command.FullName, out var finder))
        {
            finder(request, into);
            return true;
        }
        if (CommandFacts.Find(command.FullName) is not { } facts)
        {
            // A command Redis does not have: whoever may run it needs its keys for everything.
            if (command.Keys.IsEmpty) return true;
            for (int key = command.Keys.FirstKey(request); key != 0; key = command.Keys.NextKey(request, key))
                into.Add(new KeyReference(key, command.IsWrite ? ReadWrite : ReadOnly));
            return true;
        }
        foreach (var spec in facts.Keys)
        {
            if ((spec.Flags & KeyFlags.NotKey) != 0 || spec.Collect(request, into)) continue;
            into.Clear();
            return false;
        }
        return true;
    }

    private static void Set(in Request r, List<KeyReference> into)
    {
        bool reads = false;
        for (int i = 3; i < r.Count; i++) reads |= Is(r[i], "GET");
        into.Add(new KeyReference(1, reads ? ReadWrite : Overwrite));
    }

    private static void BitField(in Request r, List<KeyReference> into)
    {
        bool writes = false;
        for (int i = 2; i < r.Count && !writes;)
        {
            int left = r.Count - i - 1;
            if (Is(r[i], "GET") && left >= 2) i += 3;
            else if (Is(r[i], "OVERFLOW") && left >= 1) i += 2;
            else writes = true;
        }
        into.Add(new KeyReference(1, writes ? ReadWrite : ReadOnly));
    }

    private static void Sort(in Request r, List<KeyReference> into)
    {
        into.Add(new KeyReference(1, ReadOnly));
        int store = 0;
        for (int i = 2; i < r.Count; i++)
        {
            if (Is(r[i], "LIMIT")) i += 2;
            else if (Is(r[i], "GET") || Is(r[i], "BY")) i++;
            else if (Is(r[i], "STORE") && i + 1 < r.Count) store = ++i;
        }
        if (store > 0) into.Add(new KeyReference(store, Overwrite));
    }

    private static void SortReadOnly(in Request r, List<KeyReference> into) => into.Add(new KeyReference(1, ReadOnly));

    private static void Migrate(in Request r, List<KeyReference> into)
    {
        const KeyFlags taken = KeyFlags.Rw | KeyFlags.Access | KeyFlags.Delete;
        for (int i = 6; i < r.Count; i++)
        {
            if (Is(r[i], "AUTH")) i++;
            else if (Is(r[i], "AUTH2")) i += 2;
            else if (Is(r[i], "KEYS"))
            {
                // With KEYS the single key must be empty; otherwise the command is refused anyway.
                for (int key = i + 1; key < r.Count && r[3].Length == 0; key++) into.Add(new KeyReference(key, taken));
                return;
            }
        }
        into.Add(new KeyReference(3, taken));
    }

    private static void GeoRadius(in Request r, List<KeyReference> into)
    {
        into.Add(new KeyReference(1, ReadOnly));
        int store = 0;
        for (int i = 5; i + 1 < r.Count; i++)
            if (Is(r[i], "STORE") || Is(r[i], "STOREDIST")) store = ++i;
        if (store > 0) into.Add(new KeyReference(store, Overwrite));
    }
}
