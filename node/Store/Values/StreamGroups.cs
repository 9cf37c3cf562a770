// Why: the groups of a stream by name, and how far each has come: how many entries it has read and how many are ahead of
// it. Both numbers are exact as long as no XDEL has torn a hole where it matters; then they are unknown until the group has
// passed it. The rules are those of Redis 7 (entries-read and lag of XINFO GROUPS).

namespace Shoal.Store.Values;

/// <summary>Consumer groups of a stream.</summary>
public static unsafe class StreamGroups
{
    /// <summary>Finds a group; check <see cref="StreamGroup.Exists"/>.</summary>
    public static StreamGroup Find(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> name) =>
        new(keys.Arena, MemberTable.Find(keys.Arena, &StreamHeader.In(e)->Groups, name));

    /// <summary>Adds a group, which must be absent.</summary>
    public static StreamGroup Add(Keyspace keys, in EntryRef e, ReadOnlySpan<byte> name, StreamId lastId, long entriesRead)
    {
        var group = new StreamGroup(keys.Arena, MemberTable.Add(keys.Arena, &StreamHeader.In(e)->Groups, name, sizeof(GroupHeader)));
        *group.Header = new GroupHeader { LastId = lastId, EntriesRead = entriesRead };
        return group;
    }

    /// <summary>Removes a group with all it holds.</summary>
    public static void Remove(Keyspace keys, in EntryRef e, StreamGroup group)
    {
        group.Free();
        MemberTable.Remove(keys.Arena, &StreamHeader.In(e)->Groups, group.Name);
    }

    /// <summary>Groups by name.</summary>
    public static List<StreamGroup> Ordered(Keyspace keys, in EntryRef e)
    {
        var all = new List<StreamGroup>();
        foreach (var at in new TableEntries(keys.Arena, &StreamHeader.In(e)->Groups.Table)) all.Add(new StreamGroup(keys.Arena, at.Entry));
        all.Sort((a, b) => a.Name.SequenceCompareTo(b.Name));
        return all;
    }

    /// <summary>A group is given the entry <paramref name="id"/>, above its last: moves on and counts.</summary>
    public static void Advance(in StreamHeader s, StreamGroup group, StreamId id)
    {
        if (group.EntriesRead != StreamGroup.UnknownRead && !IsTornAfter(s, id)) group.EntriesRead++;
        else if (s.EntriesAdded != 0) group.EntriesRead = Distance(s, id);
        group.LastId = id;
    }

    /// <summary>Entries a group has not been given yet, or null when nobody can tell.</summary>
    public static long? Lag(in StreamHeader s, StreamGroup group)
    {
        if (s.EntriesAdded == 0) return 0;
        if (group.EntriesRead != StreamGroup.UnknownRead && !IsTornAfter(s, group.LastId)) return s.EntriesAdded - group.EntriesRead;
        long read = Distance(s, group.LastId);
        return read == StreamGroup.UnknownRead ? null : s.EntriesAdded - read;
    }

    /// <summary>How many entries were ever added up to an ID, or <see cref="StreamGroup.UnknownRead"/>.</summary>
    public static long Distance(in StreamHeader s, StreamId id)
    {
        if (s.EntriesAdded == 0) return 0;
        if (s.Length == 0 && id <= s.LastId) return s.EntriesAdded;
        if (id == s.LastId) return s.EntriesAdded;
        if (id > s.LastId) return StreamGroup.UnknownRead;
        if (s.MaxDeletedId == StreamId.Zero || s.MaxDeletedId < s.FirstId)
        {
            if (id < s.FirstId) return s.EntriesAdded - s.Length;
            if (id == s.FirstId) return s.EntriesAdded - s.Length + 1;
        }
        return StreamGroup.UnknownRead;
    }

    private static bool IsTornAfter(in StreamHeader s, StreamId id) =>
        s.Length > 0 && s.MaxDeletedId != StreamId.Zero && s.FirstId <= s.MaxDeletedId && id <= s.MaxDeletedId;
}
