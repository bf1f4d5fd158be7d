//! The training operator's counters, whose tenant stands in `job_namespace`, and the notebook controller's.

use std::sync::Arc;

use crate::curve::{Curve, bump, constant};
use crate::scenario::TENANTS;
use crate::series::{Family, Labels, Life, Value};

const HOUR: f64 = 3_600.0;

/// Whose, and how many hours before the anchor.
type Event = (&'static str, f64);

/// `training_operator_jobs_*_total` and `notebook_*`.
pub(crate) fn families(anchor: f64) -> Vec<Family> {
    let since = anchor - 46.0 * HOUR;
    // The kind, how many of it come on a usual day, and those that belong to a story of the scenario.
    let kinds: [(&str, f64, &[Event]); 5] = [
        ("created", 7.0, &[("team-vision", 13.0), ("team-nlp", 9.0), ("team-nlp", 4.0), ("team-ranking", 3.0), ("team-vision", 1.5)]),
        ("successful", 5.0, &[("team-vision", 5.0)]),
        ("failed", 0.7, &[("team-nlp", 2.0)]),
        ("restarted", 0.4, &[("team-nlp", 2.2)]),
        ("deleted", 6.0, &[]),
    ];
    let mut families = Vec::new();
    for (kind, per_day, events) in kinds {
        let mut family = Family::new(format!("training_operator_jobs_{kind}_total"), "counter", "Jobs that the training operator has seen");
        for tenant in TENANTS {
            let moments: Vec<f64> = events.iter().filter(|event| event.0 == tenant).map(|event| anchor - event.1 * HOUR).collect();
            // A bump of two minutes has an area of one minute: one event.
            let rate: Curve = Arc::new(move |t| per_day / (24.0 * HOUR) + moments.iter().map(|at| bump(t, *at, 120.0) / 60.0).sum::<f64>());
            let labels = Labels::of(&[("job", "training-operator"), ("namespace", "redhat-ods-applications"), ("job_namespace", tenant)]);
            family.push(labels.with("framework", "pytorch"), Life::ALWAYS, Value::counter(since, true, rate));
        }
        families.push(family);
    }
    families.extend(notebooks(anchor));
    families
}

fn notebooks(anchor: f64) -> Vec<Family> {
    let mut running = Family::new("notebook_running", "gauge", "Notebooks that run");
    let mut culled = Family::new("notebook_culling_total", "counter", "Notebooks stopped because nobody used them");
    for tenant in TENANTS {
        let labels =
            Labels::of(&[("job", "notebook-controller"), ("namespace", "redhat-ods-applications"), ("exported_namespace", tenant)]);
        running.push(labels.clone(), Life::ALWAYS, Value::Gauge(constant(1.0)));
        culled.push(labels, Life::ALWAYS, Value::counter(anchor - 46.0 * HOUR, true, constant(3.0 / (24.0 * HOUR))));
    }
    vec![running, culled]
}
