//! kube-state-metrics: what the API server says about pods, namespaces, nodes and other objects.

use std::sync::Arc;

use crate::curve::{Curve, constant, steady};
use crate::pods::{GIB, Pod};
use crate::scenario::{NODES, TENANTS};
use crate::series::{Family, Labels, Life, Value};

const JOB: &str = "kube-state-metrics";

/// What one pod takes of a quota.
type Amount = fn(&Pod) -> f64;

/// `kube_pod_*`.
pub(crate) fn pods(pods: &[Pod]) -> Vec<Family> {
    let mut families = state(pods);
    families.extend(requests(pods));
    families.extend(facts(pods));
    families
}

fn state(pods: &[Pod]) -> Vec<Family> {
    let mut phase = Family::new("kube_pod_status_phase", "gauge", "1 for the phase that the pod is in");
    let mut ready = Family::new("kube_pod_status_ready", "gauge", "Whether the pod is ready");
    let mut restarts = Family::new("kube_pod_container_status_restarts_total", "counter", "Restarts of the container");
    let mut waiting = Family::new("kube_pod_container_status_waiting_reason", "gauge", "Why the container waits");
    let mut terminated = Family::new("kube_pod_container_status_last_terminated_reason", "gauge", "Why the container ended the last time");
    let mut unschedulable = Family::new("kube_pod_status_unschedulable", "gauge", "No node has room for the pod");
    for pod in pods {
        let (life, labels) = (pod.known(), pod.identity(JOB));
        let container = labels.with("container", pod.container);
        for name in ["Pending", "Running", "Succeeded", "Failed", "Unknown"] {
            let (end, first) = (pod.end, if pod.pending { "Pending" } else { "Running" });
            let flag: Curve = Arc::new(move |t| flag(name == end.filter(|end| t >= end.at).map_or(first, |end| end.phase)));
            phase.push(labels.with("phase", name), life, Value::Gauge(flag));
        }
        for (condition, wanted) in [("true", true), ("false", false)] {
            let subject = pod.clone();
            ready.push(labels.with("condition", condition), life, Value::Gauge(Arc::new(move |t| flag(is_ready(&subject, t) == wanted))));
        }
        let period = pod.crashes_every;
        restarts.push(container.clone(), life, Value::counter(pod.start, true, constant(period.map_or(0.0, |seconds| 1.0 / seconds))));
        if period.is_some() {
            let subject = pod.clone();
            let waits: Curve = Arc::new(move |t| flag(!is_ready(&subject, t)));
            waiting.push(container.with("reason", "CrashLoopBackOff"), life, Value::Gauge(waits));
            terminated.push(container.with("reason", "OOMKilled"), life, Value::Gauge(constant(1.0)));
        }
        if let Some(end) = pod.end {
            terminated.push(container.with("reason", end.reason), Life { start: end.at, end: pod.gone }, Value::Gauge(constant(1.0)));
        }
        if pod.pending {
            unschedulable.push(labels, life, Value::Gauge(constant(1.0)));
        }
    }
    vec![phase, ready, restarts, waiting, terminated, unschedulable]
}

fn requests(pods: &[Pod]) -> Vec<Family> {
    let mut requested = Family::new("kube_pod_container_resource_requests", "gauge", "Asked for by the container");
    let mut limited = Family::new("kube_pod_container_resource_limits", "gauge", "Most that the container may use");
    for pod in pods {
        let labels = pod.identity(JOB).with("container", pod.container).with("node", pod.node);
        let amounts = [
            ("cpu", "core", pod.cpu_limit, 0.5),
            ("memory", "byte", pod.memory_limit, 0.75),
            ("nvidia_com_gpu", "integer", pod.gpus.len() as f64, 1.0),
        ];
        for (resource, unit, limit, share) in amounts.into_iter().filter(|amount| amount.2 > 0.0) {
            let labels = labels.with("resource", resource).with("unit", unit);
            requested.push(labels.clone(), pod.known(), Value::Gauge(constant(limit * share)));
            limited.push(labels, pod.known(), Value::Gauge(constant(limit)));
        }
    }
    vec![requested, limited]
}

fn facts(pods: &[Pod]) -> Vec<Family> {
    let mut info = Family::new("kube_pod_info", "gauge", "Where the pod runs");
    let mut owner = Family::new("kube_pod_owner", "gauge", "Who made the pod");
    let mut own_labels = Family::new("kube_pod_labels", "gauge", "The pod's labels");
    let mut created = Family::new("kube_pod_created", "gauge", "When the pod was made, unix seconds");
    let mut started = Family::new("kube_pod_start_time", "gauge", "When the pod started, unix seconds");
    let mut completed = Family::new("kube_pod_completion_time", "gauge", "When the pod was done, unix seconds");
    let mut claims = Family::new("kube_pod_spec_volumes_persistentvolumeclaims_info", "gauge", "The claims that the pod mounts");
    for pod in pods {
        let (life, labels) = (pod.known(), pod.identity(JOB));
        let start = pod.start.floor();
        info.push(labels.with("node", pod.node).with("created_by_kind", pod.owner.0), life, Value::Gauge(constant(1.0)));
        owner.push(labels.with("owner_kind", pod.owner.0).with("owner_name", &pod.owner.1), life, Value::Gauge(constant(1.0)));
        let all = pod.labels.iter().fold(labels.clone(), |labels, (name, value)| labels.with(name, value));
        own_labels.push(all, life, Value::Gauge(constant(1.0)));
        created.push(labels.clone(), life, Value::Gauge(constant(start - 7.0)));
        if !pod.pending {
            started.push(labels.clone(), life, Value::Gauge(constant(start)));
        }
        if let Some(end) = pod.end {
            completed.push(labels.clone(), Life { start: end.at, end: pod.gone }, Value::Gauge(constant(end.at.floor())));
        }
        if let Some(claim) = &pod.claim {
            claims.push(labels.with("volume", "data").with("persistentvolumeclaim", claim), life, Value::Gauge(constant(1.0)));
        }
    }
    vec![info, owner, own_labels, created, started, completed, claims]
}

/// Quotas, claims, namespaces and nodes.
pub(crate) fn objects(pods: &[Pod], anchor: f64) -> Vec<Family> {
    let mut quota = Family::new("kube_resourcequota", "gauge", "What a namespace may use and uses");
    let mut namespaces = Family::new("kube_namespace_labels", "gauge", "The namespace's labels");
    for tenant in TENANTS {
        let labels = Labels::of(&[("job", JOB), ("namespace", tenant)]);
        namespaces.push(labels.with("label_opendatahub_io_dashboard", "true"), Life::ALWAYS, Value::Gauge(constant(1.0)));
        let own: Vec<&Pod> = pods.iter().filter(|pod| pod.namespace == tenant && pod.end.is_none()).collect();
        let sums: [(&str, f64, Amount); 3] = [
            ("requests.nvidia.com/gpu", 8.0, |pod| pod.gpus.len() as f64),
            ("limits.cpu", 128.0, |pod| pod.cpu_limit),
            ("limits.memory", 768.0 * GIB, |pod| pod.memory_limit),
        ];
        for (resource, hard, amount) in sums {
            let labels = labels.with("resourcequota", "compute").with("resource", resource);
            let held: Vec<(Life, f64)> = own.iter().filter(|pod| !pod.pending).map(|pod| (pod.known(), amount(pod))).collect();
            let used: Curve = Arc::new(move |t| held.iter().filter(|(life, _)| life.covers(t)).map(|(_, amount)| amount).sum());
            quota.push(labels.with("type", "hard"), Life::ALWAYS, Value::Gauge(constant(hard)));
            quota.push(labels.with("type", "used"), Life::ALWAYS, Value::Gauge(used));
        }
    }
    let mut requested = Family::new("kube_persistentvolumeclaim_resource_requests_storage_bytes", "gauge", "Asked for by the claim");
    for pod in pods {
        if let Some(claim) = &pod.claim {
            let labels = Labels::of(&[("job", JOB), ("namespace", pod.namespace), ("persistentvolumeclaim", claim)]);
            requested.push(labels, Life::ALWAYS, Value::Gauge(constant(50.0 * GIB)));
        }
    }
    let mut families = vec![quota, namespaces, requested, deployments()];
    families.extend(nodes(anchor));
    families
}

fn nodes(anchor: f64) -> Vec<Family> {
    let mut allocatable = Family::new("kube_node_status_allocatable", "gauge", "What pods can get of the node");
    let mut conditions = Family::new("kube_node_status_condition", "gauge", "1 for the status that the condition has");
    let mut labels = Family::new("kube_node_labels", "gauge", "The node's labels");
    for (node, cores, memory_gib, gpus, model) in NODES {
        let base = Labels::of(&[("job", JOB), ("node", node)]);
        for (resource, unit, amount) in
            [("cpu", "core", cores - 0.5), ("memory", "byte", (memory_gib - 2.0) * GIB), ("nvidia_com_gpu", "integer", gpus as f64)]
        {
            allocatable.push(base.with("resource", resource).with("unit", unit), Life::ALWAYS, Value::Gauge(constant(amount)));
        }
        // One node was away for eleven minutes in the night.
        let away = Life { start: anchor - 30_000.0, end: anchor - 29_340.0 };
        for (status, wanted) in [("true", true), ("false", false)] {
            let ready: Curve = Arc::new(move |t| flag((node != "worker-b" || !away.covers(t)) == wanted));
            conditions.push(base.with("condition", "Ready").with("status", status), Life::ALWAYS, Value::Gauge(ready));
            let calm: Curve = Arc::new(move |_| flag(!wanted));
            conditions.push(base.with("condition", "MemoryPressure").with("status", status), Life::ALWAYS, Value::Gauge(calm));
        }
        let product = if gpus > 0 { model.replace(' ', "-") } else { "none".to_owned() };
        labels.push(base.with("label_nvidia_com_gpu_product", &product), Life::ALWAYS, Value::Gauge(constant(1.0)));
    }
    vec![allocatable, conditions, labels]
}

/// Deployments, one of which comes and goes.
fn deployments() -> Family {
    let mut replicas = Family::new("kube_deployment_status_replicas_available", "gauge", "Replicas that serve");
    let base = Labels::of(&[("job", JOB), ("namespace", "team-nlp")]);
    let shaky = steady(0xde, 0.6, 0.6);
    replicas.push(
        base.with("deployment", "embedding-api"),
        Life::ALWAYS,
        Value::Gauge(Arc::new(move |t| shaky(t).round().clamp(0.0, 1.0))),
    );
    replicas.push(base.with("deployment", "granite-8b-predictor"), Life::ALWAYS, Value::Gauge(constant(2.0)));
    replicas
}

/// A pod that crashes runs for the first third of its period and waits for the rest.
fn is_ready(pod: &Pod, t: f64) -> bool {
    let over = pod.end.is_some_and(|end| t >= end.at);
    let down = pod.crashes_every.is_some_and(|period| (t - pod.start).rem_euclid(period) > period / 3.0);
    !pod.pending && !over && !down && t >= pod.start + 20.0
}

fn flag(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}
