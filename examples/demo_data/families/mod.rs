//! The metrics, one file for each exporter, with the names and labels that a cluster has.

mod gpu;
mod kube_state;
mod kubelet;
mod node;
mod pipelines;
mod queues;
mod recorded;
mod serving;
mod training;
mod vllm;

use crate::curve::Curve;
use crate::pods::Pod;
use crate::scenario;
use crate::series::{Family, Labels, Life, Value};

/// All families with the series that exist between `from` and `to`; `past` adds what a recording rule makes later.
pub(crate) fn all(anchor: f64, from: f64, to: f64, past: bool) -> Vec<Family> {
    // Live, the list has to hold until it is made anew.
    let pods = scenario::pods(anchor, from - 3_600.0, to + 3_600.0);
    let mut families = kubelet::families(&pods);
    families.extend(kube_state::pods(&pods));
    families.extend(kube_state::objects(&pods, anchor));
    families.extend(gpu::families(&pods));
    families.extend(vllm::families(&scenario::models(anchor)));
    families.extend(serving::families(&pods));
    families.extend(training::families(anchor));
    families.extend(pipelines::families(anchor));
    families.extend(queues::families(anchor));
    families.extend(node::families(&scenario::lasting(anchor), anchor));
    if past {
        families.extend(recorded::families(&pods, &scenario::models(anchor)));
    }
    families.retain(|family| past || !family.recorded);
    families
}

/// Upper bounds and the share of events below each, for a distribution around `typical` seconds that gets slower with pressure.
const BUCKETS: [f64; 11] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];

/// A histogram: `rate` events in a second, around `typical` times a factor of the bounds, which are `BUCKETS` times `scale`.
fn histogram(family: &mut Family, labels: &Labels, life: Life, since: f64, scale: f64, rate: &Curve, typical: &Curve) {
    for bound in BUCKETS.map(|bound| bound * scale) {
        let (rate, typical) = (rate.clone(), typical.clone());
        let below: Curve = std::sync::Arc::new(move |t| rate(t) * share_below(bound, typical(t)));
        family.push_named("_bucket", labels.with("le", &bound_text(bound)), life, Value::counter(since, true, below));
    }
    family.push_named("_bucket", labels.with("le", "+Inf"), life, Value::counter(since, true, rate.clone()));
    let (events, typical) = (rate.clone(), typical.clone());
    let seconds: Curve = std::sync::Arc::new(move |t| events(t) * typical(t) * 1.15);
    family.push_named("_sum", labels.clone(), life, Value::counter(since, false, seconds));
    family.push_named("_count", labels.clone(), life, Value::counter(since, true, rate.clone()));
}

/// The log-logistic distribution: no special functions, and a tail like that of latencies.
fn share_below(bound: f64, typical: f64) -> f64 {
    1.0 / (1.0 + (typical / bound).powf(3.2))
}

fn bound_text(bound: f64) -> String {
    let text = format!("{:.4}", bound);
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

/// The rate of a running pod's work, starting with its container.
fn work(pod: &Pod, rate: Curve, whole: bool) -> Value {
    match pod.crashes_every {
        Some(period) => Value::resetting_counter(pod.start, period, whole, rate),
        None => Value::counter(pod.start, whole, rate),
    }
}

/// One family with one series of each pod while it runs.
fn per_pod(name: &str, kind: &'static str, help: &'static str, pods: &[Pod], series: impl Fn(&Pod) -> Option<(Labels, Value)>) -> Family {
    let mut family = Family::new(name, kind, help);
    for pod in pods {
        if let Some((labels, value)) = series(pod) {
            family.push(labels, pod.running(), value);
        }
    }
    family
}
