// The table of built-in resources. A row here is all it takes to serve a type; rules and columns live in files of their own.
using Shoal.Sandbox.Api.Resources.Rules;
using Shoal.Sandbox.Api.Tables;

namespace Shoal.Sandbox.Api.Resources;

internal static class BuiltInResources
{
    private static readonly ScalePaths WorkloadScale = new(["spec", "replicas"], ["status", "replicas"], null);

    public static readonly IReadOnlyList<ResourceType> All =
    [
        .. Core(), .. Workloads(), .. Policies(), .. Storage(), .. Extensions(),
    ];

    private static IEnumerable<ResourceType> Core()
    {
        yield return V1("Namespace", "namespaces", false) with
        {
            ShortNames = ["ns"], HasStatus = true, Rules = new NamespaceRules(), Columns = CoreColumns.Namespace,
            SelectableFields = Fields("status.phase"), Actions = [("finalize", "Namespace", "update")],
        };
        yield return V1("Pod", "pods") with
        {
            ShortNames = ["po"], Categories = ["all"], HasStatus = true, Rules = new PodRules(), Shape = BuiltInShapes.Pod,
            Columns = CoreColumns.Pod, CountsGeneration = true,
            Actions =
            [
                ("binding", "Binding", "create"), ("eviction", "Eviction", "create"), ("log", "Pod", "get"),
                ("resize", "Pod", "get,patch,update"),
            ],
            SelectableFields = Fields("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                "status.phase", "status.podIP", "status.nominatedNodeName"),
        };
        yield return V1("Service", "services") with
        {
            ShortNames = ["svc"], Categories = ["all"], HasStatus = true, Rules = new ServiceRules(), Shape = BuiltInShapes.Service,
            Columns = CoreColumns.Service, SelectableFields = Fields("spec.clusterIP", "spec.type"),
        };
        yield return V1("Endpoints", "endpoints") with
        {
            SingularName = "endpoints", ShortNames = ["ep"], ListKindName = "EndpointsList", Columns = CoreColumns.Endpoints,
        };
        yield return V1("ConfigMap", "configmaps") with
        {
            ShortNames = ["cm"], Shape = BuiltInShapes.KeyValues, Columns = CoreColumns.ConfigMap, Rules = new ConfigMapRules(),
        };
        yield return V1("Secret", "secrets") with
        {
            Shape = BuiltInShapes.KeyValues, Columns = CoreColumns.Secret, Rules = new SecretRules(), SelectableFields = Fields("type"),
        };
        yield return V1("PersistentVolumeClaim", "persistentvolumeclaims") with
        {
            ShortNames = ["pvc"], HasStatus = true, Rules = new ClaimRules(), Shape = BuiltInShapes.Claim, Columns = CoreColumns.Claim,
        };
        yield return V1("PersistentVolume", "persistentvolumes", false) with
        {
            ShortNames = ["pv"], HasStatus = true, Rules = new VolumeRules(), Shape = BuiltInShapes.Volume1, Columns = CoreColumns.Volume,
        };
        yield return V1("ServiceAccount", "serviceaccounts") with
        {
            ShortNames = ["sa"], Shape = BuiltInShapes.ServiceAccount, Columns = CoreColumns.ServiceAccount,
        };
        yield return V1("Event", "events") with
        {
            ShortNames = ["ev"], Columns = CoreColumns.Event, Rules = new EventRules(), SelectableFields = EventFields,
        };
        yield return V1("Node", "nodes", false) with
        {
            ShortNames = ["no"], HasStatus = true, Shape = BuiltInShapes.Node, Columns = CoreColumns.Node,
            SelectableFields = Fields("spec.unschedulable"),
        };
    }

    private static IEnumerable<ResourceType> Workloads()
    {
        yield return Of("apps", "v1", "StatefulSet", "statefulsets") with
        {
            ShortNames = ["sts"], Categories = ["all"], HasStatus = true, Scale = WorkloadScale, CountsGeneration = true,
            Rules = new StatefulSetRules(), Shape = BuiltInShapes.Workload, Columns = WorkloadColumns.StatefulSet,
        };
        yield return Of("apps", "v1", "ControllerRevision", "controllerrevisions") with { Columns = WorkloadColumns.ControllerRevision };
        yield return Of("apps", "v1", "Deployment", "deployments") with
        {
            ShortNames = ["deploy"], Categories = ["all"], HasStatus = true, Scale = WorkloadScale, CountsGeneration = true,
            Rules = new DeploymentRules(), Shape = BuiltInShapes.Workload, Columns = WorkloadColumns.Deployment,
        };
        yield return Of("apps", "v1", "ReplicaSet", "replicasets") with
        {
            ShortNames = ["rs"], Categories = ["all"], HasStatus = true, Scale = WorkloadScale, CountsGeneration = true,
            Rules = new ReplicaSetRules(), Shape = BuiltInShapes.Workload, Columns = WorkloadColumns.ReplicaSet,
            SelectableFields = Fields("status.replicas"),
        };
        yield return Of("apps", "v1", "DaemonSet", "daemonsets") with
        {
            ShortNames = ["ds"], Categories = ["all"], HasStatus = true, CountsGeneration = true,
            Rules = new ReplicaSetRules(), Shape = BuiltInShapes.Workload,
        };
        yield return Of("batch", "v1", "Job", "jobs") with
        {
            Categories = ["all"], HasStatus = true, CountsGeneration = true, Rules = new JobRules(), Shape = BuiltInShapes.Workload,
            Columns = WorkloadColumns.Job, SelectableFields = Fields("status.successful"),
        };
        yield return Of("batch", "v1", "CronJob", "cronjobs") with
        {
            ShortNames = ["cj"], Categories = ["all"], HasStatus = true, CountsGeneration = true, Rules = new CronJobRules(),
            Shape = BuiltInShapes.CronJob, Columns = WorkloadColumns.CronJob,
        };
    }

    private static IEnumerable<ResourceType> Policies()
    {
        foreach (var version in new[] { "v1", "v1beta1" })
        {
            yield return Of("policy", version, "PodDisruptionBudget", "poddisruptionbudgets") with
            {
                ShortNames = ["pdb"], HasStatus = true, CountsGeneration = true, Shape = BuiltInShapes.Budget, Columns = WorkloadColumns.Budget,
            };
        }
        yield return Of("coordination.k8s.io", "v1", "Lease", "leases") with { Columns = WorkloadColumns.Lease };
        yield return Of("rbac.authorization.k8s.io", "v1", "Role", "roles");
        yield return Of("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings") with { Columns = WorkloadColumns.Binding };
        yield return Of("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false);
        yield return Of("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false) with
        {
            Columns = WorkloadColumns.Binding,
        };
        yield return Of("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies") with
        {
            ShortNames = ["netpol"], SingularName = "networkpolicy", CountsGeneration = true,
        };
        yield return Of("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices") with { CountsGeneration = true };
        yield return Of("events.k8s.io", "v1", "Event", "events") with
        {
            ShortNames = ["ev"], StorageGroup = "", Columns = CoreColumns.Event, Rules = new EventRules(), SelectableFields = EventFields,
        };
    }

    private static IEnumerable<ResourceType> Storage()
    {
        yield return Of("storage.k8s.io", "v1", "StorageClass", "storageclasses", false) with
        {
            ShortNames = ["sc"], SingularName = "storageclass", Rules = new StorageClassRules(), Columns = WorkloadColumns.StorageClass,
        };
        yield return Of("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false) with
        {
            ShortNames = ["pc"], SingularName = "priorityclass",
        };
    }

    private static IEnumerable<ResourceType> Extensions()
    {
        yield return Of("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false) with
        {
            ShortNames = ["crd", "crds"], Categories = ["api-extensions"], HasStatus = true, CountsGeneration = true,
            Rules = new DefinitionRules(), Shape = BuiltInShapes.Definition,
        };
    }

    private static IReadOnlySet<string> EventFields => Fields("involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
        "reason", "reportingComponent", "reportingController", "source", "type", "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid");

    private static HashSet<string> Fields(params string[] names) => [.. names];

    private static ResourceType V1(string kind, string plural, bool namespaced = true) => Of("", "v1", kind, plural, namespaced);

    private static ResourceType Of(string group, string version, string kind, string plural, bool namespaced = true) => new()
    {
        Group = group, Version = version, Kind = kind, Plural = plural, Namespaced = namespaced, Shape = BuiltInShapes.Plain,
    };
}
