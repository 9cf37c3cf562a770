// Text patterns that several fields share.
namespace Shoal.Operator.Api.V1;

/// <summary>Patterns of string fields.</summary>
public static class Patterns
{
    /// <summary>A Kubernetes quantity of bytes above zero: 1, 100Mi, 0.5Gi.</summary>
    public const string PositiveQuantity = @"^([0-9]*[1-9][0-9]*(\.[0-9]+)?|0?\.[0-9]*[1-9][0-9]*)(k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$";
}
