// Geo searches: GEOSEARCH and GEOSEARCHSTORE, and the older GEORADIUS family, which is the same search spelt otherwise.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

internal static class GeoSearchCommands
{
    private enum Form : byte { Search, SearchStore, Radius, RadiusByMember }

    private readonly record struct Found(byte[] Member, double Score, double Distance, GeoPoint Point);

    /// <summary>What the request asks for.</summary>
    private struct Plan
    {
        public GeoShape Shape;
        public bool WithDistance, WithHash, WithCoordinates, Any, HasCenter, HasShape, Sorts, Descending, StoresDistance;
        public long Count;
        public int StoreKey;
    }

    public static void Register(CommandTable t)
    {
        var stores = new KeyRange(1, 1, 1, 0, StoreKey);
        t.Add("geosearch", -7, ReadOnly, Keys.One(1), "geo", (ref CommandContext c) => Run(ref c, Form.Search, readOnly: true));
        t.Add("geosearchstore", -8, Write | DenyOom, Keys.Two, "geo", (ref CommandContext c) => Run(ref c, Form.SearchStore, readOnly: false));
        t.Add("georadius", -6, Write | DenyOom | MovableKeys, stores, "geo", (ref CommandContext c) => Run(ref c, Form.Radius, readOnly: false));
        t.Add("georadius_ro", -6, ReadOnly, Keys.One(1), "geo", (ref CommandContext c) => Run(ref c, Form.Radius, readOnly: true));
        t.Add("georadiusbymember", -5, Write | DenyOom | MovableKeys, stores, "geo", (ref CommandContext c) => Run(ref c, Form.RadiusByMember, readOnly: false));
        t.Add("georadiusbymember_ro", -5, ReadOnly, Keys.One(1), "geo", (ref CommandContext c) => Run(ref c, Form.RadiusByMember, readOnly: true));
    }

    /// <summary>The source, then the last key behind STORE or STOREDIST.</summary>
    private static int StoreKey(in Request request, int after)
    {
        if (after == 0) return 1;
        int found = 0;
        for (int i = 5; i + 1 < request.Count; i++)
            if (request[i].Is("STORE"u8) || request[i].Is("STOREDIST"u8)) found = ++i;
        return after == 1 ? found : 0;
    }

    private static void Run(ref CommandContext c, Form form, bool readOnly)
    {
        int source = form == Form.SearchStore ? 2 : 1;
        if (!c.TryFind(source, ValueType.SortedSet, out var e)) return;
        var plan = new Plan { StoreKey = form == Form.SearchStore ? 1 : 0 };
        int options = source + 1;
        if (form is Form.Radius or Form.RadiusByMember)
        {
            options = form == Form.Radius ? 6 : 5;
            if (form == Form.Radius && !GeoCommands.TryPoint(ref c, 2, out plan.Shape.Center)) return;
            if (form == Form.RadiusByMember && !TryMember(ref c, e, 2, ref plan)) return;
            // Without a source the distance of GEORADIUSBYMEMBER is not even read.
            if ((form == Form.Radius || e.Exists) && !TrySize(ref c, options - 2, "radius", out plan.Shape.Radius, out plan.Shape.Metres)) return;
            plan.HasCenter = plan.HasShape = true;
        }
        if (!TryOptions(ref c, e, options, form, readOnly, ref plan)) return;
        if (!e.Exists)
        {
            if (plan.StoreKey == 0) c.Reply.EmptyArray();
            else Keep(ref c, [], plan, form);
            return;
        }
        var found = Find(ref c, e, plan);
        if (plan.Count > 0 && !plan.Sorts && !plan.Any) plan.Sorts = true;
        IEnumerable<Found> ordered = !plan.Sorts ? found : plan.Descending ? found.OrderByDescending(f => f.Distance) : found.OrderBy(f => f.Distance);
        var shown = (plan.Count > 0 ? ordered.Take((int)Math.Min(plan.Count, int.MaxValue)) : ordered).ToArray();
        if (plan.StoreKey > 0) Keep(ref c, shown, plan, form);
        else Answer(c.Reply, shown, plan);
    }

    private static bool TryMember(ref CommandContext c, in EntryRef e, int at, ref Plan plan)
    {
        plan.HasCenter = true;
        if (!e.Exists) return true;
        if (SortedSetValue.TryGetScore(c.Keys, e, c[at], out double score))
        {
            plan.Shape.Center = GeoHash.Decode(score);
            return true;
        }
        c.Reply.Error("ERR could not decode requested zset member");
        return false;
    }

    private static bool TrySize(ref CommandContext c, int at, string what, out double size, out double metres)
    {
        metres = 0;
        if (!ScoreText.TryParse(c[at], out size)) c.Reply.Error("ERR need numeric " + what);
        else if (size < 0) c.Reply.Error("ERR radius cannot be negative");
        else return GeoCommands.TryUnit(ref c, at + 1, out metres);
        return false;
    }

    private static bool TryBox(ref CommandContext c, int at, ref GeoShape shape)
    {
        shape.IsBox = true;
        if (!ScoreText.TryParse(c[at], out shape.Width)) c.Reply.Error("ERR need numeric width");
        else if (!ScoreText.TryParse(c[at + 1], out shape.Height)) c.Reply.Error("ERR need numeric height");
        else if (shape.Width < 0 || shape.Height < 0) c.Reply.Error("ERR height or width cannot be negative");
        else return GeoCommands.TryUnit(ref c, at + 2, out shape.Metres);
        return false;
    }

    private static bool TryOptions(ref CommandContext c, in EntryRef e, int at, Form form, bool readOnly, ref Plan plan)
    {
        bool search = form is Form.Search or Form.SearchStore, fromMember = false, fromPoint = false, radius = false, box = false;
        for (int i = at; i < c.ArgCount; i++)
        {
            int left = c.ArgCount - i - 1;
            var word = c[i];
            if (word.Is("WITHDIST"u8)) plan.WithDistance = true;
            else if (word.Is("WITHHASH"u8)) plan.WithHash = true;
            else if (word.Is("WITHCOORD"u8)) plan.WithCoordinates = true;
            else if (word.Is("ANY"u8)) plan.Any = true;
            else if (word.Is("ASC"u8) || word.Is("DESC"u8)) (plan.Sorts, plan.Descending) = (true, word.Is("DESC"u8));
            else if (word.Is("COUNT"u8) && left >= 1)
            {
                if (!c.TryInteger(++i, out plan.Count)) return false;
                if (plan.Count > 0) continue;
                c.Reply.Error("ERR COUNT must be > 0");
                return false;
            }
            else if (!search && !readOnly && (word.Is("STORE"u8) || word.Is("STOREDIST"u8)) && left >= 1)
            {
                plan.StoresDistance = word.Is("STOREDIST"u8);
                plan.StoreKey = ++i;
            }
            else if (search && word.Is("FROMMEMBER"u8) && left >= 1 && !fromPoint)
            {
                if (!TryMember(ref c, e, ++i, ref plan)) return false;
                fromMember = true;
            }
            else if (search && word.Is("FROMLONLAT"u8) && left >= 2 && !fromMember)
            {
                if (!GeoCommands.TryPoint(ref c, i + 1, out plan.Shape.Center)) return false;
                plan.HasCenter = fromPoint = true;
                i += 2;
            }
            else if (search && word.Is("BYRADIUS"u8) && left >= 2 && !box)
            {
                if (!TrySize(ref c, i + 1, "radius", out plan.Shape.Radius, out plan.Shape.Metres)) return false;
                plan.HasShape = radius = true;
                i += 2;
            }
            else if (search && word.Is("BYBOX"u8) && left >= 3 && !radius)
            {
                if (!TryBox(ref c, i + 1, ref plan.Shape)) return false;
                plan.HasShape = box = true;
                i += 3;
            }
            else if (form == Form.SearchStore && word.Is("STOREDIST"u8)) plan.StoresDistance = true;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        return IsWhole(ref c, plan, form);
    }

    private static bool IsWhole(ref CommandContext c, in Plan plan, Form form)
    {
        string name = System.Text.Encoding.Latin1.GetString(c[0]);
        string? error =
            plan.StoreKey > 0 && (plan.WithDistance || plan.WithHash || plan.WithCoordinates)
                ? $"ERR {(form == Form.SearchStore ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS")} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            : !plan.HasCenter ? $"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
            : !plan.HasShape ? $"ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
            : plan.Any && plan.Count == 0 ? "ERR the ANY argument requires COUNT argument"
            : null;
        if (error is null) return true;
        c.Reply.Error(error);
        return false;
    }

    /// <summary>Walks the boxes that cover the shape; with ANY only until enough was found.</summary>
    private static List<Found> Find(ref CommandContext c, in EntryRef e, in Plan plan)
    {
        var found = new List<Found>();
        Span<GeoHash> boxes = stackalloc GeoHash[9];
        int count = plan.Shape.Cover(boxes);
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        bool limited = plan.Any && plan.Count > 0;
        foreach (var box in boxes[..count])
        {
            var range = new ScoreRange(box.Score, box.Next.Score, MaxExclusive: true);
            SortedSetValue.Ranks(c.Keys, e, range, out long first, out long end);
            if (first >= end) continue;
            long left = end - first;
            foreach (var here in SortedSetValue.EnumerateFrom(c.Keys, e, first, down: false))
            {
                if (limited && found.Count >= plan.Count) return found;
                var point = GeoHash.Decode(here.Score);
                if (plan.Shape.Contains(point, out double distance))
                    found.Add(new Found(here.Member.Text(scratch).ToArray(), here.Score, distance, point));
                if (--left == 0) break;
            }
        }
        return found;
    }

    private static void Answer(ReplyWriter reply, Found[] shown, in Plan plan)
    {
        int extras = (plan.WithDistance ? 1 : 0) + (plan.WithHash ? 1 : 0) + (plan.WithCoordinates ? 1 : 0);
        reply.Array(shown.Length);
        foreach (var one in shown)
        {
            if (extras > 0) reply.Array(extras + 1);
            reply.Bulk(one.Member);
            if (plan.WithDistance) GeoCommands.Distance(reply, one.Distance / plan.Shape.Metres);
            if (plan.WithHash) reply.Integer((long)one.Score);
            if (plan.WithCoordinates) GeoCommands.Coordinates(reply, one.Point);
        }
    }

    private static void Keep(ref CommandContext c, Found[] shown, in Plan plan, Form form)
    {
        using var result = new ScratchTable(c.Keys.Arena);
        foreach (var one in shown) result.SetScore(one.Member, plan.StoresDistance ? one.Distance / plan.Shape.Metres : one.Score);
        SortedSetRangeCommands.Replace(ref c, c[plan.StoreKey], result, form == Form.SearchStore ? "geosearchstore"u8 : "georadiusstore"u8);
    }
}
