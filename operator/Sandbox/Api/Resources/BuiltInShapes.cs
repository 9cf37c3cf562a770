// The list keys of the built-in types, as their OpenAPI definitions give them (x-kubernetes-list-map-keys for apply,
// x-kubernetes-patch-merge-key for strategic merge).
using Shoal.Sandbox.Api.Patching;

namespace Shoal.Sandbox.Api.Resources;

internal static class BuiltInShapes
{
    public static readonly Shape Metadata = Shape.Fields(
        ("labels", Shape.Map), ("annotations", Shape.Map), ("finalizers", Shape.Set), ("ownerReferences", Shape.KeyedBy("uid")));

    private static readonly Shape Conditions = Shape.KeyedBy("type");

    private static readonly Shape LocalReferences = Shape.KeyedBy("name");

    private static readonly Shape Resources = Shape.Fields(
        ("limits", Shape.Map), ("requests", Shape.Map), ("claims", Shape.KeyedBy("name")));

    private static readonly Shape Container = Shape.Fields(
        ("env", Shape.KeyedBy("name", Shape.Fields(("valueFrom", Shape.Fields(
            ("fieldRef", Shape.Atomic), ("resourceFieldRef", Shape.Atomic), ("configMapKeyRef", Shape.Atomic), ("secretKeyRef", Shape.Atomic)))))),
        ("ports", Shape.KeyedBy("containerPort,protocol")),
        ("resources", Resources),
        ("resizePolicy", Shape.Atomic),
        ("volumeDevices", Shape.KeyedBy("devicePath")),
        ("volumeMounts", Shape.KeyedBy("mountPath")));

    private static readonly Shape Volume = Shape.Fields(
        ("csi", Shape.Fields(("nodePublishSecretRef", Shape.Atomic))));

    private static readonly Shape PodSpec = Shape.Fields(
        ("containers", Shape.KeyedBy("name", Container)),
        ("initContainers", Shape.KeyedBy("name", Container)),
        ("ephemeralContainers", Shape.KeyedBy("name", Container)),
        ("volumes", Shape.KeyedBy("name", Volume)),
        ("imagePullSecrets", LocalReferences),
        ("hostAliases", Shape.KeyedBy("ip")),
        ("nodeSelector", Shape.Atomic),
        ("readinessGates", Shape.Atomic),
        ("schedulingGates", Shape.KeyedBy("name")),
        ("tolerations", Shape.Atomic),
        ("topologySpreadConstraints", Shape.KeyedBy("topologyKey,whenUnsatisfiable", Shape.Fields(("labelSelector", Shape.Atomic)))),
        ("resourceClaims", Shape.KeyedBy("name")));

    private static readonly Shape PodTemplate = Shape.Fields(("metadata", Metadata), ("spec", PodSpec));

    private static readonly Shape ClaimSpec = Shape.Fields(
        ("accessModes", Shape.Atomic), ("selector", Shape.Atomic), ("resources", Resources));

    public static readonly Shape Plain = Shape.Fields(("metadata", Metadata), ("status", Shape.Fields(("conditions", Conditions))));

    public static readonly Shape Pod = Top(PodSpec, Shape.Fields(
        ("conditions", Conditions), ("podIPs", Shape.KeyedBy("ip")), ("hostIPs", Shape.Atomic),
        ("containerStatuses", Shape.Atomic), ("initContainerStatuses", Shape.Atomic)));

    public static readonly Shape Service = Top(
        Shape.Fields(("ports", Shape.KeyedBy("port,protocol")), ("selector", Shape.Atomic)),
        Shape.Fields(("conditions", Conditions)));

    /// <summary>StatefulSet, Deployment, ReplicaSet, Job: a selector and a pod template.</summary>
    public static readonly Shape Workload = Top(
        Shape.Fields(("selector", Shape.Atomic), ("template", PodTemplate), ("volumeClaimTemplates", Shape.Atomic)),
        Shape.Fields(("conditions", Conditions)));

    public static readonly Shape CronJob = Top(
        Shape.Fields(("jobTemplate", Shape.Fields(("metadata", Metadata),
            ("spec", Shape.Fields(("selector", Shape.Atomic), ("template", PodTemplate)))))),
        Shape.Fields(("active", Shape.Atomic)));

    public static readonly Shape Claim = Top(ClaimSpec, Shape.Fields(("conditions", Conditions), ("accessModes", Shape.Atomic)));

    public static readonly Shape Volume1 = Top(
        Shape.Fields(("accessModes", Shape.Atomic), ("claimRef", Shape.Fields()), ("mountOptions", Shape.Atomic)), Shape.Open);

    public static readonly Shape Node = Top(
        Shape.Fields(("taints", Shape.Atomic), ("podCIDRs", Shape.Set)),
        Shape.Fields(("conditions", Conditions), ("addresses", Shape.KeyedBy("type"))));

    public static readonly Shape KeyValues = Shape.Fields(
        ("metadata", Metadata), ("data", Shape.Map), ("binaryData", Shape.Map), ("stringData", Shape.Map));

    public static readonly Shape ServiceAccount = Shape.Fields(
        ("metadata", Metadata), ("secrets", Shape.KeyedBy("name")), ("imagePullSecrets", Shape.Atomic));

    public static readonly Shape Budget = Top(Shape.Fields(("selector", Shape.Fields())), Shape.Fields(("conditions", Conditions)));

    public static readonly Shape Definition = Top(
        Shape.Fields(("versions", Shape.Atomic), ("names", Shape.Fields(("shortNames", Shape.Atomic), ("categories", Shape.Atomic)))),
        Shape.Fields(("conditions", Conditions), ("storedVersions", Shape.Atomic)));

    private static Shape Top(Shape spec, Shape status) => Shape.Fields(("metadata", Metadata), ("spec", spec), ("status", status));
}
