// What a geo search looks for: a circle or a box around a point, and the geohash boxes that cover it.
namespace Shoal.Server.Commands;

/// <summary>A search area. Sizes are in the unit of <see cref="Metres"/> per unit.</summary>
internal struct GeoShape
{
    public GeoPoint Center;
    public bool IsBox;
    public double Radius, Width, Height;

    /// <summary>Metres per unit the caller counts in.</summary>
    public double Metres;

    /// <summary>True when a place lies inside; its distance from the centre in metres.</summary>
    public readonly bool Contains(GeoPoint p, out double distance)
    {
        distance = 0;
        if (IsBox)
        {
            if (GeoPoint.LatitudeDistance(p.Latitude, Center.Latitude) > Height * Metres / 2) return false;
            if (p.DistanceTo(new GeoPoint(Center.Longitude, p.Latitude)) > Width * Metres / 2) return false;
        }
        distance = Center.DistanceTo(p);
        return IsBox || distance <= Radius * Metres;
    }

    /// <summary>The boxes to search, in order; those that cannot hold anything are left out.</summary>
    public readonly int Cover(Span<GeoHash> boxes)
    {
        var bounds = Bounds();
        double reach = (IsBox ? Math.Sqrt(Width / 2 * (Width / 2) + Height / 2 * (Height / 2)) : Radius) * Metres;
        int steps = Steps(reach, Center.Latitude);
        var own = GeoHash.Of(Center, steps);
        if (steps > 1 && IsTooSmall(own, bounds)) own = GeoHash.Of(Center, --steps);
        var area = own.Area;
        bool south = true, north = true, west = true, east = true;
        if (steps >= 2)
        {
            south = area.South >= bounds.South;
            north = area.North <= bounds.North;
            west = area.West >= bounds.West;
            east = area.East <= bounds.East;
        }
        ReadOnlySpan<(int East, int North)> order = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        int count = 0;
        foreach (var (x, y) in order)
        {
            if ((y < 0 && !south) || (y > 0 && !north) || (x < 0 && !west) || (x > 0 && !east)) continue;
            var box = own.Neighbour(x, y);
            // With huge areas neighbours are the same box.
            if (count > 1 && box == boxes[count - 1]) continue;
            boxes[count++] = box;
        }
        return count;
    }

    private readonly GeoArea Bounds()
    {
        double height = Metres * (IsBox ? Height / 2 : Radius), width = Metres * (IsBox ? Width / 2 : Radius);
        double up = GeoPoint.Degrees(height);
        double across = Center.Latitude < 0 ? Center.Latitude - up : Center.Latitude + up;
        double side = GeoPoint.Degrees(width / Math.Cos(GeoPoint.Radians(across)));
        return new GeoArea(Center.Longitude - side, Center.Latitude - up, Center.Longitude + side, Center.Latitude + up);
    }

    /// <summary>A neighbour ends before the search area does.</summary>
    private static bool IsTooSmall(GeoHash own, GeoArea bounds) =>
        own.Neighbour(0, 1).Area.North < bounds.North || own.Neighbour(0, -1).Area.South > bounds.South
        || own.Neighbour(1, 0).Area.East < bounds.East || own.Neighbour(-1, 0).Area.West > bounds.West;

    /// <summary>Steps of boxes at least as large as the reach; larger towards the poles, where degrees are narrow.</summary>
    private static int Steps(double reach, double latitude)
    {
        if (reach == 0) return GeoHash.MostSteps;
        const double mercatorMax = 20037726.37;
        int steps = 1;
        while (reach < mercatorMax)
        {
            reach *= 2;
            steps++;
        }
        steps -= 2;
        if (latitude is > 66 or < -66) steps -= latitude is > 80 or < -80 ? 2 : 1;
        return Math.Clamp(steps, 1, GeoHash.MostSteps);
    }
}
