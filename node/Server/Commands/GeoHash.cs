// Geohashes as Redis keeps them: longitude and latitude as two fixed-point numbers whose bits alternate, 26 of each in the 52
// bits a score holds exactly. A search covers its shape with the box around its centre and that box's eight neighbours, and
// the order of those boxes is the order of an unsorted reply. Knows no keys and no replies.
namespace Shoal.Server.Commands;

/// <summary>A place in degrees.</summary>
internal readonly record struct GeoPoint(double Longitude, double Latitude)
{
    public const double MaxLongitude = 180, MaxLatitude = 85.05112878;
    private const double EarthRadius = 6372797.560856;

    /// <summary>Within what a geohash can hold.</summary>
    public bool IsValid => Longitude is >= -MaxLongitude and <= MaxLongitude && Latitude is >= -MaxLatitude and <= MaxLatitude;

    /// <summary>Metres along the great circle (haversine).</summary>
    public double DistanceTo(GeoPoint other)
    {
        double v = Math.Sin((Radians(other.Longitude) - Radians(Longitude)) / 2);
        if (v == 0) return LatitudeDistance(Latitude, other.Latitude);
        double a = Radians(Latitude), b = Radians(other.Latitude), u = Math.Sin((b - a) / 2);
        return 2 * EarthRadius * Math.Asin(Math.Sqrt(u * u + Math.Cos(a) * Math.Cos(b) * v * v));
    }

    /// <summary>Metres between two latitudes.</summary>
    public static double LatitudeDistance(double a, double b) => EarthRadius * Math.Abs(Radians(b) - Radians(a));

    /// <summary>Degrees a distance in metres spans on a great circle.</summary>
    public static double Degrees(double metres) => metres / EarthRadius / (Math.PI / 180);

    public static double Radians(double degrees) => degrees * (Math.PI / 180);
}

/// <summary>A rectangle in degrees.</summary>
internal readonly record struct GeoArea(double West, double South, double East, double North)
{
    public GeoPoint Middle => new(
        Math.Clamp((West + East) / 2, -GeoPoint.MaxLongitude, GeoPoint.MaxLongitude),
        Math.Clamp((South + North) / 2, -GeoPoint.MaxLatitude, GeoPoint.MaxLatitude));
}

/// <summary>A geohash of <paramref name="Steps"/> bits per axis.</summary>
internal readonly record struct GeoHash(ulong Bits, int Steps)
{
    public const int MostSteps = 26;
    private const ulong OddBits = 0xAAAAAAAAAAAAAAAA, EvenBits = 0x5555555555555555;

    /// <summary>The first score inside this box; the next box's is behind its last.</summary>
    public double Score => Bits << (52 - Steps * 2);

    /// <summary>The box of the same size behind this one in score order.</summary>
    public GeoHash Next => this with { Bits = Bits + 1 };

    /// <summary>The box of that size around a point, latitudes counted to <paramref name="maxLatitude"/>.</summary>
    public static GeoHash Of(GeoPoint p, int steps, double maxLatitude = GeoPoint.MaxLatitude)
    {
        double y = (p.Latitude + maxLatitude) / (maxLatitude + maxLatitude) * (1UL << steps);
        double x = (p.Longitude + GeoPoint.MaxLongitude) / (2 * GeoPoint.MaxLongitude) * (1UL << steps);
        return new GeoHash(Spread((uint)(long)y) | (Spread((uint)(long)x) << 1), steps);
    }

    /// <summary>The place a score stands for: the middle of its box.</summary>
    public static GeoPoint Decode(double score) => new GeoHash((ulong)score, MostSteps).Area.Middle;

    /// <summary>What lies inside.</summary>
    public GeoArea Area
    {
        get
        {
            double side = 1UL << Steps;
            uint y = Gather(Bits), x = Gather(Bits >> 1);
            const double width = 2 * GeoPoint.MaxLongitude, height = 2 * GeoPoint.MaxLatitude;
            return new GeoArea(
                -GeoPoint.MaxLongitude + x * 1.0 / side * width, -GeoPoint.MaxLatitude + y * 1.0 / side * height,
                -GeoPoint.MaxLongitude + (x + 1U) * 1.0 / side * width, -GeoPoint.MaxLatitude + (y + 1U) * 1.0 / side * height);
        }
    }

    /// <summary>The box that many boxes to the east and north (-1, 0 or 1), around the world where need be.</summary>
    public GeoHash Neighbour(int east, int north)
    {
        ulong x = Bits & OddBits, y = Bits & EvenBits;
        int unused = 64 - Steps * 2;
        // An axis that stays keeps even the bit too many that the very end of the world (180, 85.05) has.
        if (east != 0) x = Step(x, EvenBits >> unused, east) & (OddBits >> unused);
        if (north != 0) y = Step(y, OddBits >> unused, north) & (EvenBits >> unused);
        return this with { Bits = x | y };
    }

    /// <summary>Counts one axis up or down; the other axis' bits, filled, carry across.</summary>
    private static ulong Step(ulong axis, ulong others, int by) => by > 0 ? axis + (others + 1) : (axis | others) - (others + 1);

    private static ulong Spread(uint value)
    {
        ulong v = value;
        v = (v | v << 16) & 0x0000FFFF0000FFFF;
        v = (v | v << 8) & 0x00FF00FF00FF00FF;
        v = (v | v << 4) & 0x0F0F0F0F0F0F0F0F;
        v = (v | v << 2) & 0x3333333333333333;
        return (v | v << 1) & EvenBits;
    }

    private static uint Gather(ulong v)
    {
        v &= EvenBits;
        v = (v | v >> 1) & 0x3333333333333333;
        v = (v | v >> 2) & 0x0F0F0F0F0F0F0F0F;
        v = (v | v >> 4) & 0x00FF00FF00FF00FF;
        v = (v | v >> 8) & 0x0000FFFF0000FFFF;
        return (uint)(v | v >> 16);
    }
}
