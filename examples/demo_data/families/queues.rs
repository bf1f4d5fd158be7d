//! Kueue: queues of the cluster, and the teams' own.

use std::sync::Arc;

use super::histogram;
use crate::curve::{Curve, burst, constant, demand, ramp, seed};
use crate::scenario::TENANTS;
use crate::series::{Family, Labels, Life, Value};

const HOUR: f64 = 3_600.0;
/// Cluster queue, quota of GPUs, GPUs in use at busy times.
const QUEUES: [(&str, f64, f64); 2] = [("gpu-a100", 8.0, 7.0), ("gpu-h100", 8.0, 8.0)];

/// `kueue_*`.
pub(crate) fn families(anchor: f64) -> Vec<Family> {
    let mut families = cluster_queues(anchor);
    families.extend(local_queues(anchor));
    families
}

fn cluster_queues(anchor: f64) -> Vec<Family> {
    let mut pending = Family::new("kueue_pending_workloads", "gauge", "Workloads that wait");
    let mut admitted = Family::new("kueue_admitted_active_workloads", "gauge", "Workloads that run");
    let mut used = Family::new("kueue_cluster_queue_resource_usage", "gauge", "In use of the queue's quota");
    let mut quota = Family::new("kueue_cluster_queue_nominal_quota", "gauge", "The queue's quota");
    let mut evicted = Family::new("kueue_evicted_workloads_total", "counter", "Workloads that had to go");
    for (queue, gpus, busy) in QUEUES {
        let own = seed(queue);
        let labels = Labels::of(&[("job", "kueue"), ("namespace", "openshift-kueue-operator"), ("cluster_queue", queue)]);
        // The job that finds no room joined the queue ninety minutes before the anchor.
        let stuck = if queue == "gpu-a100" { 1.0 } else { 0.0 };
        let waits: Curve =
            Arc::new(move |t| (stuck * ramp(t, anchor - 1.5 * HOUR, 30.0) + 3.0 * burst(own, t) + 0.9 * demand(own, t)).round());
        pending.push(labels.with("status", "active"), Life::ALWAYS, Value::Gauge(waits));
        pending.push(labels.with("status", "inadmissible"), Life::ALWAYS, Value::Gauge(constant(stuck)));
        admitted.push(labels.clone(), Life::ALWAYS, Value::Gauge(Arc::new(move |t| (2.0 + 2.0 * demand(own, t)).round())));
        let flavored = labels.with("cohort", "research").with("flavor", queue).with("resource", "nvidia.com/gpu");
        used.push(flavored.clone(), Life::ALWAYS, Value::Gauge(Arc::new(move |t| (busy * (0.7 + 0.4 * demand(own, t))).min(gpus).round())));
        quota.push(flavored, Life::ALWAYS, Value::Gauge(constant(gpus)));
        evicted.push(
            labels.with("reason", "Preempted"),
            Life::ALWAYS,
            Value::counter(anchor - 46.0 * HOUR, true, constant(2.0 / (24.0 * HOUR))),
        );
    }
    vec![pending, admitted, used, quota, evicted]
}

fn local_queues(anchor: f64) -> Vec<Family> {
    let mut pending = Family::new("kueue_local_queue_pending_workloads", "gauge", "Workloads of the namespace that wait");
    let mut wait = Family::new("kueue_local_queue_admission_wait_time_seconds", "histogram", "From queueing to admission");
    for tenant in TENANTS {
        let own = seed(tenant);
        let labels =
            Labels::of(&[("job", "kueue"), ("namespace", "openshift-kueue-operator"), ("exported_namespace", tenant), ("name", "default")]);
        let stuck = if tenant == "team-vision" { 1.0 } else { 0.0 };
        let waits: Curve = Arc::new(move |t| (stuck * ramp(t, anchor - 1.5 * HOUR, 30.0) + 2.0 * burst(own, t)).round());
        pending.push(labels.with("status", "active"), Life::ALWAYS, Value::Gauge(waits));
        let typical: Curve = Arc::new(move |t| 90.0 + 700.0 * burst(own, t));
        histogram(&mut wait, &labels, Life::ALWAYS, anchor - 46.0 * HOUR, 100.0, &constant(0.004), &typical);
    }
    vec![pending, wait]
}
