// Keys as such, whatever they hold: removal, naming, moving between databases, introspection.
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

/// <summary>The key family's rows and handlers; expiries are in <see cref="ExpiryCommands"/>.</summary>
public static class KeyCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("del", -2, Write, Keys.All(), "keyspace", Del);
        t.Add("unlink", -2, Write | Fast, Keys.All(), "keyspace", Del);
        t.Add("exists", -2, ReadOnly | Fast, Keys.All(), "keyspace", Exists);
        t.Add("touch", -2, ReadOnly | Fast, Keys.All(), "keyspace", Touch);
        t.Add("type", 2, ReadOnly | Fast, Keys.One(1), "keyspace", Type);
        t.Add("rename", 3, Write, Keys.Two, "keyspace", Rename);
        t.Add("renamenx", 3, Write | Fast, Keys.Two, "keyspace", RenameNx);
        t.Add("copy", -3, Write | DenyOom, Keys.Two, "keyspace", Copy);
        t.Add("move", 3, Write | Fast, Keys.One(1), "keyspace", Move);
        t.Add("randomkey", 1, ReadOnly, Keys.None, "keyspace", RandomKey);
        t.Add("dbsize", 1, ReadOnly | Fast, Keys.None, "keyspace", DbSize);
        t.Add("flushdb", -1, Write, Keys.None, "keyspace dangerous", FlushDb);
        t.Add("flushall", -1, Write, Keys.None, "keyspace dangerous", FlushAll);
        t.Add("swapdb", 3, Write | Fast, Keys.None, "keyspace dangerous", SwapDb);
        ExpiryCommands.Register(t);
        ObjectCommands.Register(t);
    }

    private static void Del(ref CommandContext c)
    {
        int removed = 0;
        for (int i = 1; i < c.ArgCount; i++)
        {
            if (!c.Keys.Remove(c[i], c.Slot)) continue;
            removed++;
            c.Notify(KeyEventClass.Generic, "del"u8, c[i]);
        }
        c.Changed(removed);
        c.Reply.Integer(removed);
    }

    private static void Exists(ref CommandContext c)
    {
        int found = 0;
        for (int i = 1; i < c.ArgCount; i++)
            if (c.Keys.FindUntouched(c[i], c.Slot).Exists) found++;
        c.Reply.Integer(found);
    }

    private static void Touch(ref CommandContext c)
    {
        int found = 0;
        c.Databases.Clock.Rests = false; // to touch is what is asked for, even of a client in NO-TOUCH mode
        for (int i = 1; i < c.ArgCount; i++)
            if (c.Keys.Find(c[i], c.Slot).Exists) found++;
        c.Databases.Clock.Rests = c.Session.NoTouch;
        c.Reply.Integer(found);
    }

    private static void Type(ref CommandContext c)
    {
        EntryRef entry = c.Keys.FindUntouched(c[1], c.Slot);
        c.Reply.Simple(entry.Exists ? NameOf(entry.Type) : "none"u8);
    }

    internal static ReadOnlySpan<byte> NameOf(ValueType type) => type switch
    {
        ValueType.String => "string"u8,
        ValueType.List => "list"u8,
        ValueType.Set => "set"u8,
        ValueType.SortedSet => "zset"u8,
        ValueType.Hash => "hash"u8,
        ValueType.Stream => "stream"u8,
        _ => "none"u8,
    };

    private static void Rename(ref CommandContext c)
    {
        if (!c.Keys.Peek(c[1], c.Slot).Exists)
        {
            c.Reply.Error(ErrorReplies.NoSuchKey);
            return;
        }
        if (!c[1].SequenceEqual(c[2]))
        {
            c.Keys.Remove(c[2], c.Slot);
            c.Keys.Transfer(c.Keys.FindForWrite(c[1], c.Slot), c.Keys, c[2], c.Slot);
            Renamed(ref c);
        }
        c.Reply.Ok();
    }

    private static void RenameNx(ref CommandContext c)
    {
        if (!c.Keys.Peek(c[1], c.Slot).Exists)
        {
            c.Reply.Error(ErrorReplies.NoSuchKey);
            return;
        }
        if (c[1].SequenceEqual(c[2]) || c.Keys.Peek(c[2], c.Slot).Exists)
        {
            c.Reply.Zero();
            return;
        }
        c.Keys.Transfer(c.Keys.FindForWrite(c[1], c.Slot), c.Keys, c[2], c.Slot);
        Renamed(ref c);
        c.Reply.One();
    }

    private static void Renamed(ref CommandContext c)
    {
        c.Changed();
        c.Notify(KeyEventClass.Generic, "rename_from"u8, c[1]);
        c.Notify(KeyEventClass.Generic, "rename_to"u8, c[2]);
    }

    private static void Copy(ref CommandContext c)
    {
        int db = c.Db;
        bool replace = false;
        for (int i = 3; i < c.ArgCount; i++)
        {
            if (c[i].Is("REPLACE"u8)) replace = true;
            else if (c[i].Is("DB"u8) && i + 1 < c.ArgCount)
            {
                if (!TryDatabase(ref c, ++i, out db)) return;
            }
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return;
            }
        }
        if (c.Databases.ClusterMode && db != 0)
        {
            c.Reply.Error(ErrorReplies.CopyDbInCluster);
            return;
        }
        Keyspace target = c.Databases[db];
        if (target == c.Keys && c[1].SequenceEqual(c[2]))
        {
            c.Reply.Error(ErrorReplies.SameObject);
            return;
        }
        if (!c.Keys.Find(c[1], c.Slot).Exists || !replace && target.Peek(c[2], c.Slot).Exists)
        {
            c.Reply.Zero();
            return;
        }
        target.Remove(c[2], c.Slot);
        // The removal may have moved the source's reference: look again.
        c.Keys.Duplicate(c.Keys.Peek(c[1], c.Slot), target, c[2], c.Slot);
        c.Changed();
        c.Notify(KeyEventClass.Generic, "copy_to"u8, c[2], db);
        c.Reply.One();
    }

    private static void Move(ref CommandContext c)
    {
        if (c.Databases.ClusterMode)
        {
            c.Reply.Error(ErrorReplies.MoveInCluster);
            return;
        }
        if (!TryDatabase(ref c, 2, out int db)) return;
        Keyspace target = c.Databases[db];
        if (target == c.Keys)
        {
            c.Reply.Error(ErrorReplies.SameObject);
            return;
        }
        if (target.Peek(c[1], c.Slot).Exists || !c.Keys.Peek(c[1], c.Slot).Exists)
        {
            c.Reply.Zero();
            return;
        }
        c.Keys.Transfer(c.Keys.FindForWrite(c[1], c.Slot), target, c[1], c.Slot);
        c.Changed();
        c.Notify(KeyEventClass.Generic, "move_from"u8, c[1]);
        c.Notify(KeyEventClass.Generic, "move_to"u8, c[1], db);
        c.Reply.One();
    }

    private static bool TryDatabase(ref CommandContext c, int index, out int db)
    {
        db = 0;
        if (!c.TryInteger(index, out long number)) return false;
        if (number < 0 || number >= c.Databases.Count)
        {
            c.Reply.Error(ErrorReplies.DatabaseOutOfRange);
            return false;
        }
        db = (int)number;
        return true;
    }

    private static void RandomKey(ref CommandContext c)
    {
        if (c.Keys.Walk.RandomEntry(out EntryRef entry)) c.Reply.Bulk(entry.Key);
        else c.Reply.Null();
    }

    private static void DbSize(ref CommandContext c) => c.Reply.Integer(c.Keys.Walk.VisibleCount);

    private static void FlushDb(ref CommandContext c)
    {
        if (!TryFlushMode(ref c)) return;
        c.Keys.Clear();
        c.Changed();
        c.Reply.Ok();
    }

    private static void FlushAll(ref CommandContext c)
    {
        if (!TryFlushMode(ref c)) return;
        c.Databases.Clear();
        c.Changed();
        c.Reply.Ok();
    }

    /// <summary>SYNC and ASYNC are both accepted: a flush gives whole pages back, there is nothing to put off.</summary>
    private static bool TryFlushMode(ref CommandContext c)
    {
        if (c.ArgCount == 1 || c.ArgCount == 2 && (c[1].Is("SYNC"u8) || c[1].Is("ASYNC"u8))) return true;
        c.Reply.Error(ErrorReplies.Syntax);
        return false;
    }

    private static void SwapDb(ref CommandContext c)
    {
        if (c.Databases.ClusterMode)
        {
            c.Reply.Error(ErrorReplies.SwapDbInCluster);
            return;
        }
        if (!c.TryInteger(1, out long first, ErrorReplies.InvalidFirstDb)) return;
        if (!c.TryInteger(2, out long second, ErrorReplies.InvalidSecondDb)) return;
        if (first < 0 || second < 0 || first >= c.Databases.Count || second >= c.Databases.Count)
        {
            c.Reply.Error(ErrorReplies.DatabaseOutOfRange);
            return;
        }
        if (first != second) c.Databases.Swap((int)first, (int)second);
        c.Changed();
        c.Reply.Ok();
    }
}
