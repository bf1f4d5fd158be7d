//! Predictors without GPU: the KServe SDK's histograms and Knative's queue proxy.

use std::sync::Arc;

use super::{histogram, per_pod};
use crate::curve::{Curve, busy, seed};
use crate::pods::Pod;
use crate::series::{Family, Labels, Value};

/// `request_predict_seconds*`, `request_preprocess_seconds*`, `revision_*`.
pub(crate) fn families(pods: &[Pod]) -> Vec<Family> {
    let predictors: Vec<Pod> = pods.iter().filter(|pod| pod.gpus.is_empty() && pod.container == "kserve-container").cloned().collect();
    let mut families = vec![
        latency("request_predict_seconds", "Time in predict", &predictors, 1.0, 0.09, |pod| {
            pod.identity("kserve").with("model_name", &service(pod))
        }),
        latency("request_preprocess_seconds", "Time in preprocess", &predictors, 0.1, 0.004, |pod| {
            pod.identity("kserve").with("model_name", &service(pod))
        }),
    ];
    // Knative's queue proxy measures milliseconds.
    families.push(latency("revision_request_latencies", "Response time in milliseconds", &predictors, 1_000.0, 120.0, revision));
    families.push(per_pod("revision_request_count", "counter", "Requests that reached the queue proxy", &predictors, |pod| {
        let labels = revision(pod).with("response_code", "200").with("response_code_class", "2xx");
        Some((labels, Value::counter(pod.start, true, requests(pod))))
    }));
    families.push(per_pod("revision_queue_depth", "gauge", "Requests waiting in the queue proxy", &predictors, |pod| {
        let rate = requests(pod);
        Some((revision(pod), Value::Gauge(Arc::new(move |t| (0.2 * rate(t) - 2.0).max(0.0).round()))))
    }));
    families
}

fn latency(name: &str, help: &'static str, pods: &[Pod], scale: f64, typical: f64, labels: impl Fn(&Pod) -> Labels) -> Family {
    let mut family = Family::new(name, "histogram", help);
    for pod in pods {
        let busy = requests(pod);
        let slower: Curve = Arc::new(move |t| typical * (1.0 + 0.03 * busy(t)));
        histogram(&mut family, &labels(pod), pod.running(), pod.start, scale, &requests(pod), &slower);
    }
    family
}

fn requests(pod: &Pod) -> Curve {
    if pod.namespace == "team-ranking" { busy(seed("ranker"), 1.0, 22.0) } else { busy(seed("defects"), 0.3, 4.0) }
}

fn service(pod: &Pod) -> String {
    pod.name.split("-predictor").next().unwrap_or_default().to_owned()
}

fn revision(pod: &Pod) -> Labels {
    let service = service(pod);
    pod.identity("knative-queue-proxy")
        .with("namespace_name", pod.namespace)
        .with("pod_name", &pod.name)
        .with("configuration_name", &format!("{service}-predictor"))
        .with("service_name", &format!("{service}-predictor"))
        .with("revision_name", &format!("{service}-predictor-00003"))
}
