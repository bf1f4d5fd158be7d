//! Data science pipelines: the operator's gauges (tenant in `dspa_namespace`) and the workflow controllers' counts.

use std::sync::Arc;

use crate::curve::{Curve, constant, seed, wobble};
use crate::scenario::{TENANTS, dspa};
use crate::series::{Family, Labels, Life, Value};

const HOUR: f64 = 3_600.0;
const COMPONENTS: [&str; 8] = [
    "ready",
    "apiserver_ready",
    "persistenceagent_ready",
    "scheduledworkflow_ready",
    "workflowcontroller_ready",
    "database_available",
    "object_store_available",
    "mlmdproxy_ready",
];

/// `data_science_pipelines_application_*` and `argo_workflows_*`.
pub(crate) fn families(anchor: f64) -> Vec<Family> {
    let mut families = readiness(anchor);
    families.extend(workflows(anchor));
    families
}

fn readiness(anchor: f64) -> Vec<Family> {
    // The ranking team's object store was away for twenty minutes, and its server with it.
    let outage = Life { start: anchor - 3.5 * HOUR, end: anchor - 3.5 * HOUR + 1_200.0 };
    let gauge = |component: &str| {
        let mut family = Family::new(format!("data_science_pipelines_application_{component}"), "gauge", "1 when the part is ready");
        for tenant in TENANTS {
            let hit = tenant == "team-ranking" && ["ready", "object_store_available"].contains(&component);
            let ready: Curve = Arc::new(move |t| if hit && outage.covers(t) { 0.0 } else { 1.0 });
            let labels = Labels::of(&[
                ("job", "dspo"),
                ("namespace", "redhat-ods-applications"),
                ("dspa_namespace", tenant),
                ("dspa_name", &dspa(tenant)),
            ]);
            family.push(labels, Life::ALWAYS, Value::Gauge(ready));
        }
        family
    };
    COMPONENTS.into_iter().map(gauge).collect()
}

fn workflows(anchor: f64) -> Vec<Family> {
    let mut outcomes = Family::new("argo_workflows_total_count", "counter", "Workflows by phase");
    let mut pending = Family::new("argo_workflows_pod_pending_count", "counter", "Pods that waited, by reason");
    let mut now = Family::new("argo_workflows_gauge", "gauge", "Workflows by phase just now");
    for tenant in TENANTS {
        // The controller of a pipeline server runs in its tenant's namespace, so the target's label and the metric's own are the same.
        let labels = Labels::of(&[("job", "workflow-controller"), ("namespace", tenant), ("exported_namespace", tenant)]);
        for (phase, per_day) in [("Succeeded", 13.0), ("Failed", if tenant == "team-nlp" { 3.1 } else { 1.4 }), ("Error", 0.6)] {
            let count = Value::counter(anchor - 46.0 * HOUR, true, constant(per_day / (24.0 * HOUR)));
            outcomes.push(labels.with("phase", phase), Life::ALWAYS, count);
        }
        let waits = Value::counter(anchor - 46.0 * HOUR, true, constant(4.0 / (24.0 * HOUR)));
        pending.push(labels.with("reason", "Unschedulable"), Life::ALWAYS, waits);
        let seed = seed(tenant);
        let running: Curve = Arc::new(move |t| (1.4 + 0.6 * wobble(seed, t, 3_000.0)).round());
        now.push(labels.with("phase", "Running"), Life::ALWAYS, Value::Gauge(running));
    }
    vec![outcomes, pending, now]
}
