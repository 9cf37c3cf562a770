// A spec that cannot be carried out, or that says "hands off": repairs went before, everything else stops here.
namespace Shoal.Operator.Clusters.Rules;

internal static class RefuseSpec
{
    public static Step? Next(Observation seen)
    {
        if (SpecValidation.Errors(seen) is { Count: > 0 } errors)
        {
            return new Step.Refuse("InvalidSpec") { Why = string.Join("; ", errors), LookAgain = TimeSpan.FromSeconds(30) };
        }

        if (seen.Auth is { Password.Length: 0, Problem: { } problem })
        {
            return new Step.Refuse("SecretMissing") { Why = problem, LookAgain = TimeSpan.FromSeconds(3) };
        }

        if (seen.Spec.Paused)
        {
            return new Step.Refuse("Paused") { Why = "spec.paused is true", LookAgain = TimeSpan.FromSeconds(10) };
        }

        if (!seen.IsBootstrapped && seen.Spec.Bootstrap?.Restore is not null && seen.Restore is null)
        {
            return new Step.Refuse("RestoreFailed")
            {
                Why = seen.RestoreError ?? "the backup to restore was not found",
                LookAgain = TimeSpan.FromSeconds(10),
            };
        }

        return null;
    }
}
