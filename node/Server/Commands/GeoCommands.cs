// Places in sorted sets: GEOADD, GEOPOS, GEODIST, GEOHASH. Searches are in GeoSearchCommands.
using System.Globalization;
using Shoal.Protocol.Resp;
using Shoal.Server.PubSub;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class GeoCommands
{
    public static void Register(CommandTable t)
    {
        t.Add("geoadd", -5, Write | DenyOom, Keys.One(1), "geo", GeoAdd);
        t.Add("geopos", -2, ReadOnly, Keys.One(1), "geo", GeoPos);
        t.Add("geodist", -4, ReadOnly, Keys.One(1), "geo", GeoDist);
        t.Add("geohash", -2, ReadOnly, Keys.One(1), "geo", GeoHashCommand);
        GeoSearchCommands.Register(t);
    }

    /// <summary>Reads longitude and latitude from two arguments; false when an error was written.</summary>
    internal static bool TryPoint(ref CommandContext c, int at, out GeoPoint point)
    {
        point = default;
        if (!ScoreText.TryParse(c[at], out double longitude) || !ScoreText.TryParse(c[at + 1], out double latitude))
        {
            c.Reply.Error(ErrorReplies.NotFloat);
            return false;
        }
        point = new GeoPoint(longitude, latitude);
        if (point.IsValid) return true;
        c.Reply.Error(string.Create(CultureInfo.InvariantCulture, $"ERR invalid longitude,latitude pair {longitude:F6},{latitude:F6}"));
        return false;
    }

    /// <summary>Reads a unit as metres; false when an error was written.</summary>
    internal static bool TryUnit(ref CommandContext c, int at, out double metres)
    {
        var word = c[at];
        metres = word.Is("m"u8) ? 1 : word.Is("km"u8) ? 1000 : word.Is("ft"u8) ? 0.3048 : word.Is("mi"u8) ? 1609.34 : 0;
        if (metres > 0) return true;
        c.Reply.Error("ERR unsupported unit provided. please use M, KM, FT, MI");
        return false;
    }

    /// <summary>A distance: a bulk string with four decimals.</summary>
    internal static void Distance(ReplyWriter reply, double distance)
    {
        Span<byte> text = stackalloc byte[48];
        long scaled = (long)Math.Round(distance * 10000, MidpointRounding.ToEven);
        (scaled / 10000).TryFormat(text, out int whole, default, CultureInfo.InvariantCulture);
        text[whole] = (byte)'.';
        (scaled % 10000).TryFormat(text[(whole + 1)..], out int digits, "D4", CultureInfo.InvariantCulture);
        reply.Bulk(text[..(whole + 1 + digits)]);
    }

    /// <summary>A pair of coordinates with up to 17 decimals, as Redis prints long doubles for people.</summary>
    internal static void Coordinates(ReplyWriter reply, GeoPoint point)
    {
        reply.Array(2);
        Coordinate(reply, point.Longitude);
        Coordinate(reply, point.Latitude);
    }

    private static void Coordinate(ReplyWriter reply, double degrees)
    {
        Span<byte> text = stackalloc byte[64];
        degrees.TryFormat(text, out int length, "F17", CultureInfo.InvariantCulture);
        ReadOnlySpan<byte> trimmed = text[..length].TrimEnd((byte)'0').TrimEnd((byte)'.');
        if (trimmed.SequenceEqual("-0"u8)) trimmed = "0"u8;
        if (reply.Resp == 2)
        {
            reply.Bulk(trimmed);
            return;
        }
        reply.Raw(","u8);
        reply.Raw(trimmed);
        reply.Raw("\r\n"u8);
    }

    /// <summary>ZADD under another name: that is what replicas get.</summary>
    private static void GeoAdd(ref CommandContext c)
    {
        bool onlyNew = false, onlyExisting = false, countChanged = false;
        int first = 2;
        for (; first < c.ArgCount; first++)
        {
            if (c[first].Is("NX"u8)) onlyNew = true;
            else if (c[first].Is("XX"u8)) onlyExisting = true;
            else if (c[first].Is("CH"u8)) countChanged = true;
            else break;
        }
        int places = (c.ArgCount - first) / 3;
        if ((c.ArgCount - first) % 3 != 0 || places == 0 || (onlyNew && onlyExisting))
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        for (int i = 0; i < places; i++)
            if (!TryPoint(ref c, first + i * 3, out _)) return;
        if (!c.TryFindForWrite(1, ValueType.SortedSet, out var e)) return;
        var options = new ZAddOptions { OnlyNew = onlyNew, OnlyExisting = onlyExisting };
        int added = 0, updated = 0;
        for (int i = 0; i < places; i++)
        {
            double score = ScoreAt(ref c, first + i * 3);
            switch (SortedSetCommands.SetOne(ref c, ref e, options, c[first + i * 3 + 2], score))
            {
                case ScoreChange.Added: added++; break;
                case ScoreChange.Updated: updated++; break;
            }
        }
        if (added + updated > 0)
        {
            c.Changed(c[1], added + updated);
            c.Notify(KeyEventClass.SortedSet, "zadd"u8, c[1]);
            var form = c.Propagate(2 + (onlyNew || onlyExisting ? 1 : 0) + places * 2).Arg("ZADD"u8).Arg(c[1]);
            if (onlyNew || onlyExisting) form.Arg(onlyNew ? "NX"u8 : "XX"u8);
            for (int i = 0; i < places; i++) form.Arg((long)ScoreAt(ref c, first + i * 3)).Arg(c[first + i * 3 + 2]);
            form.End();
        }
        c.Reply.Integer(countChanged ? added + updated : added);
    }

    private static double ScoreAt(ref CommandContext c, int at)
    {
        TryPoint(ref c, at, out var point);
        return GeoHash.Of(point, GeoHash.MostSteps).Score;
    }

    private static void GeoPos(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        c.Reply.Array(c.ArgCount - 2);
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (e.Exists && SortedSetValue.TryGetScore(c.Keys, e, c[i], out double score)) Coordinates(c.Reply, GeoHash.Decode(score));
            else c.Reply.NullArray();
        }
    }

    private static void GeoDist(ref CommandContext c)
    {
        double metres = 1;
        if (c.ArgCount > 5)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return;
        }
        if (c.ArgCount == 5 && !TryUnit(ref c, 4, out metres)) return;
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        if (e.Exists && SortedSetValue.TryGetScore(c.Keys, e, c[2], out double a) && SortedSetValue.TryGetScore(c.Keys, e, c[3], out double b))
            Distance(c.Reply, GeoHash.Decode(a).DistanceTo(GeoHash.Decode(b)) / metres);
        else c.Reply.Null();
    }

    /// <summary>The geohash everybody knows counts latitudes to 90 degrees; ours to 85, so places are hashed anew.</summary>
    private static void GeoHashCommand(ref CommandContext c)
    {
        if (!c.TryFind(1, ValueType.SortedSet, out var e)) return;
        c.Reply.Array(c.ArgCount - 2);
        Span<byte> text = stackalloc byte[11];
        for (int i = 2; i < c.ArgCount; i++)
        {
            if (!e.Exists || !SortedSetValue.TryGetScore(c.Keys, e, c[i], out double score))
            {
                c.Reply.Null();
                continue;
            }
            ulong bits = GeoHash.Of(GeoHash.Decode(score), GeoHash.MostSteps, maxLatitude: 90).Bits;
            // 52 bits fill ten letters and a bit; the eleventh is always the first of the alphabet.
            for (int l = 0; l < 11; l++) text[l] = "0123456789bcdefghjkmnpqrstuvwxyz"u8[l == 10 ? 0 : (int)(bits >> (52 - (l + 1) * 5)) & 31];
            c.Reply.Bulk(text);
        }
    }
}
