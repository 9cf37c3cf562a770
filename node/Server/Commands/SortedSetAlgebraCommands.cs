// Union, intersection and difference of sorted sets (plain sets take part with score 1). Scores are weighted and aggregated;
// the result is gathered aside, then ordered: for a reply in a sorted set without a key, for a store in the destination.
using Shoal.Protocol.Resp;
using Shoal.Store;
using Shoal.Store.Values;
using static Shoal.Server.Commands.CommandFlags;
using ValueType = Shoal.Store.ValueType;

namespace Shoal.Server.Commands;

public static class SortedSetAlgebraCommands
{
    private enum Operation { Union, Intersection, Difference }

    private enum Aggregate { Sum, Min, Max }

    private ref struct Plan
    {
        public int FirstKey, KeyCount, FirstWeight;
        public Aggregate Aggregate;
        public bool WithScores;
    }

    public static void Register(CommandTable t)
    {
        t.Add("zunion", -3, ReadOnly, Keys.Counted(1), "sortedset", (ref CommandContext c) => Answer(ref c, Operation.Union));
        t.Add("zinter", -3, ReadOnly, Keys.Counted(1), "sortedset", (ref CommandContext c) => Answer(ref c, Operation.Intersection));
        t.Add("zdiff", -3, ReadOnly, Keys.Counted(1), "sortedset", (ref CommandContext c) => Answer(ref c, Operation.Difference));
        t.Add("zunionstore", -4, Write | DenyOom, Keys.DestinationAndCounted(1, 2), "sortedset", (ref CommandContext c) => Keep(ref c, Operation.Union));
        t.Add("zinterstore", -4, Write | DenyOom, Keys.DestinationAndCounted(1, 2), "sortedset", (ref CommandContext c) => Keep(ref c, Operation.Intersection));
        t.Add("zdiffstore", -4, Write | DenyOom, Keys.DestinationAndCounted(1, 2), "sortedset", (ref CommandContext c) => Keep(ref c, Operation.Difference));
        t.Add("zintercard", -3, ReadOnly, Keys.Counted(1), "sortedset", ZInterCard);
    }

    private static void Answer(ref CommandContext c, Operation operation)
    {
        var plan = new Plan();
        if (!TryPlan(ref c, ref plan, 1, operation, stores: false)) return;
        using var result = new ScratchTable(c.Keys.Arena);
        Gather(ref c, plan, operation, result, long.MaxValue);
        using var ordered = new ScratchOrder(c.Keys.Arena, result);
        SortedSetCommands.PairsHead(c.Reply, result.Count, plan.WithScores);
        var walk = ordered.Walk();
        while (walk.MoveNext()) SortedSetCommands.Pair(c.Reply, new Element(walk.Member), walk.Score, plan.WithScores);
    }

    private static void Keep(ref CommandContext c, Operation operation)
    {
        var plan = new Plan();
        if (!TryPlan(ref c, ref plan, 2, operation, stores: true)) return;
        using var result = new ScratchTable(c.Keys.Arena);
        Gather(ref c, plan, operation, result, long.MaxValue);
        SortedSetRangeCommands.Replace(ref c, c[1], result, operation switch
        {
            Operation.Union => "zunionstore"u8,
            Operation.Intersection => "zinterstore"u8,
            _ => "zdiffstore"u8,
        });
    }

    private static void ZInterCard(ref CommandContext c)
    {
        var plan = new Plan();
        if (!TryKeys(ref c, ref plan, 1)) return;
        if (!SetAlgebraCommands.TryLimit(ref c, plan.FirstKey + plan.KeyCount, out long limit)) return;
        using var result = new ScratchTable(c.Keys.Arena);
        Gather(ref c, plan, Operation.Intersection, result, limit == 0 ? long.MaxValue : limit);
        c.Reply.Integer(result.Count);
    }

    // Reads the number of keys and checks what they hold: before the options, as Redis does.
    private static bool TryKeys(ref CommandContext c, ref Plan plan, int at)
    {
        if (!c.TryInteger(at, out long keys)) return false;
        if (keys < 1)
        {
            c.Reply.Error($"ERR at least 1 input key is needed for '{c.Command.FullName}' command");
            return false;
        }
        if (keys > c.ArgCount - at - 1)
        {
            c.Reply.Error(ErrorReplies.Syntax);
            return false;
        }
        plan.FirstKey = at + 1;
        plan.KeyCount = (int)keys;
        return AreInputs(ref c, plan);
    }

    private static bool TryPlan(ref CommandContext c, ref Plan plan, int countAt, Operation operation, bool stores)
    {
        if (!TryKeys(ref c, ref plan, countAt)) return false;
        bool weighs = operation != Operation.Difference;
        for (int i = plan.FirstKey + plan.KeyCount; i < c.ArgCount; i++)
        {
            int left = c.ArgCount - i - 1;
            if (weighs && left >= plan.KeyCount && c[i].Is("WEIGHTS"u8))
            {
                plan.FirstWeight = i + 1;
                for (int k = 0; k < plan.KeyCount; k++)
                {
                    if (ScoreText.TryParse(c[++i], out _)) continue;
                    c.Reply.Error("ERR weight value is not a float");
                    return false;
                }
            }
            else if (weighs && left >= 1 && c[i].Is("AGGREGATE"u8) && TryAggregate(c[i + 1], out plan.Aggregate)) i++;
            else if (!stores && c[i].Is("WITHSCORES"u8)) plan.WithScores = true;
            else
            {
                c.Reply.Error(ErrorReplies.Syntax);
                return false;
            }
        }
        return true;
    }

    private static bool TryAggregate(ReadOnlySpan<byte> word, out Aggregate aggregate)
    {
        aggregate = word.Is("MIN"u8) ? Aggregate.Min : word.Is("MAX"u8) ? Aggregate.Max : Aggregate.Sum;
        return aggregate != Aggregate.Sum || word.Is("SUM"u8);
    }

    private static bool AreInputs(ref CommandContext c, in Plan plan)
    {
        for (int i = 0; i < plan.KeyCount; i++)
        {
            var e = c.Keys.Find(c[plan.FirstKey + i], c.Slot);
            if (!e.Exists || e.Type is ValueType.SortedSet or ValueType.Set) continue;
            c.Reply.Error(ErrorReplies.WrongType);
            return false;
        }
        return true;
    }

    private static void Gather(ref CommandContext c, in Plan plan, Operation operation, ScratchTable into, long limit)
    {
        var inputs = new ScoredInput[plan.KeyCount];
        for (int i = 0; i < inputs.Length; i++)
        {
            double weight = 1;
            if (plan.FirstWeight > 0) ScoreText.TryParse(c[plan.FirstWeight + i], out weight);
            inputs[i] = new ScoredInput(c.Keys, c.Keys.Peek(c[plan.FirstKey + i], c.Slot), weight);
        }
        if (operation == Operation.Union) Unite(inputs, plan.Aggregate, into);
        else if (operation == Operation.Difference) Subtract(inputs, into);
        else Intersect(inputs, plan.Aggregate, into, limit);
    }

    private static void Unite(ScoredInput[] inputs, Aggregate aggregate, ScratchTable into)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        foreach (var input in inputs)
        {
            var walk = input.Walk();
            while (walk.MoveNext())
            {
                var member = walk.Member.Text(scratch);
                double score = input.Weighted(walk.Score);
                if (into.TryGetScore(member, out double old)) score = Combine(old, score, aggregate);
                into.SetScore(member, score);
            }
        }
    }

    private static void Intersect(ScoredInput[] inputs, Aggregate aggregate, ScratchTable into, long limit)
    {
        int smallest = 0;
        for (int i = 1; i < inputs.Length; i++) if (inputs[i].Count < inputs[smallest].Count) smallest = i;
        if (inputs[smallest].Count == 0) return;
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        var walk = inputs[smallest].Walk();
        while (into.Count < limit && walk.MoveNext())
        {
            var member = walk.Member.Text(scratch);
            double score = inputs[smallest].Weighted(walk.Score);
            bool inAll = true;
            for (int i = 0; inAll && i < inputs.Length; i++)
            {
                if (i == smallest) continue;
                inAll = inputs[i].TryGetScore(member, out double other);
                if (inAll) score = Combine(score, inputs[i].Weighted(other), aggregate);
            }
            if (inAll) into.SetScore(member, score);
        }
    }

    private static void Subtract(ScoredInput[] inputs, ScratchTable into)
    {
        Span<byte> scratch = stackalloc byte[IntegerText.MaxLength];
        var walk = inputs[0].Walk();
        while (walk.MoveNext())
        {
            var member = walk.Member.Text(scratch);
            bool elsewhere = false;
            for (int i = 1; !elsewhere && i < inputs.Length; i++) elsewhere = inputs[i].TryGetScore(member, out _);
            if (!elsewhere) into.SetScore(member, walk.Score);
        }
    }

    private static double Combine(double a, double b, Aggregate aggregate)
    {
        if (aggregate == Aggregate.Min) return Math.Min(a, b);
        if (aggregate == Aggregate.Max) return Math.Max(a, b);
        double sum = a + b;
        return double.IsNaN(sum) ? 0 : sum; // inf + -inf
    }
}
