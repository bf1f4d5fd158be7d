//! `vllm:*` and `http_requests_total`: what the model servers say of themselves.

use std::sync::Arc;

use super::histogram;
use crate::curve::{Curve, constant, demand, seed, wobble};
use crate::pods::Pod;
use crate::scenario::Model;
use crate::series::{Family, Labels, Life, Value};

/// One replica of a model: what the curves of its metrics hang on.
struct Replica {
    labels: Labels,
    life: Life,
    start: f64,
    /// Requests in a second.
    rate: Curve,
    /// From 0 to 1.
    pressure: Curve,
    /// Requests in a second at full demand.
    peak: f64,
    /// Seconds.
    latency: f64,
    seed: u64,
}

/// All models; an LLMInferenceService is scraped twice, the second time with other names.
pub(crate) fn families(models: &[Model]) -> Vec<Family> {
    let plain: Vec<Replica> = models.iter().flat_map(|model| replicas(model, "vllm")).collect();
    let renamed: Vec<Replica> =
        models.iter().filter(|model| model.llm).flat_map(|model| replicas(model, "kserve-llm-isvc-vllm-engine")).collect();
    let mut families = Vec::new();
    for (prefix, replicas) in [("vllm", &plain), ("kserve_vllm", &renamed)] {
        families.extend(gauges(prefix, replicas));
        families.extend(counters(prefix, replicas));
        families.extend(latencies(prefix, replicas));
    }
    families.push(http_requests(&plain));
    families
}

fn replicas(model: &Model, job: &str) -> Vec<Replica> {
    let replica = |pod: &Pod| {
        let (service, own, peak) = (seed(model.name), pod.seed(), model.peak);
        Replica {
            labels: pod.identity(job).with("container", pod.container).with("model_name", model.name).with("engine", "0"),
            life: Life { start: pod.start + 60.0, end: pod.gone },
            start: pod.start + 60.0,
            rate: Arc::new(move |t| peak * demand(service, t) * (1.0 + 0.1 * wobble(own, t, 120.0))),
            pressure: model.pressure.clone(),
            peak,
            latency: model.latency,
            seed: own,
        }
    };
    model.pods.iter().map(replica).collect()
}

fn gauges(prefix: &str, replicas: &[Replica]) -> Vec<Family> {
    let mut running = Family::new(format!("{prefix}:num_requests_running"), "gauge", "Requests in the batch");
    let mut waiting = Family::new(format!("{prefix}:num_requests_waiting"), "gauge", "Requests in the queue");
    let mut cache = Family::new(format!("{prefix}:kv_cache_usage_perc"), "gauge", "Share of the KV cache in use, 0 to 1");
    for it in replicas {
        let (rate, latency, seed) = (it.rate.clone(), it.latency, it.seed);
        running.push(
            it.labels.clone(),
            it.life,
            Value::Gauge(Arc::new(move |t| (rate(t) * latency * (1.0 + 0.2 * wobble(seed, t, 30.0))).round())),
        );
        let (rate, pressure) = (it.rate.clone(), it.pressure.clone());
        waiting.push(it.labels.clone(), it.life, Value::Gauge(Arc::new(move |t| (26.0 * pressure(t).powi(2) + 0.08 * rate(t)).round())));
        let (rate, pressure) = (it.rate.clone(), it.pressure.clone());
        let usage: Curve = Arc::new(move |t| {
            (0.04 + 0.07 * rate(t) * latency.min(2.0) + 0.5 * pressure(t) + 0.02 * wobble(seed, t, 45.0)).clamp(0.0, 0.995)
        });
        cache.push(it.labels.clone(), it.life, Value::Gauge(usage));
    }
    vec![running, waiting, cache]
}

fn counters(prefix: &str, replicas: &[Replica]) -> Vec<Family> {
    let mut success = Family::new(format!("{prefix}:request_success_total"), "counter", "Requests by how they ended");
    for it in replicas {
        for reason in ["stop", "length", "abort", "error"] {
            let (rate, pressure) = (it.rate.clone(), it.pressure.clone());
            let share: Curve = Arc::new(move |t| rate(t) * reason_share(reason, pressure(t)));
            success.push(it.labels.with("finished_reason", reason), it.life, Value::counter(it.start, true, share));
        }
    }
    let total = |name: &str, help: &'static str, per_request: fn(f64) -> f64| {
        let mut family = Family::new(format!("{prefix}:{name}"), "counter", help);
        for it in replicas {
            let (rate, pressure) = (it.rate.clone(), it.pressure.clone());
            family.push(it.labels.clone(), it.life, Value::counter(it.start, true, Arc::new(move |t| rate(t) * per_request(pressure(t)))));
        }
        family
    };
    vec![
        success,
        total("prompt_tokens_total", "Tokens read", |pressure| 640.0 + 2_900.0 * pressure),
        total("generation_tokens_total", "Tokens written", |pressure| 210.0 + 60.0 * pressure),
        total("prefix_cache_queries_total", "Tokens looked up in the prefix cache", |pressure| 640.0 + 2_900.0 * pressure),
        total("prefix_cache_hits_total", "Tokens found in the prefix cache", |pressure| 250.0 + 300.0 * pressure),
        total("num_preemptions_total", "Requests put back into the queue", |pressure| 0.3 * pressure.powi(3)),
    ]
}

fn latencies(prefix: &str, replicas: &[Replica]) -> Vec<Family> {
    let family = |name: &str, help: &'static str, scale: f64, per_request: f64, typical: fn(f64, f64) -> f64| {
        let mut family = Family::new(format!("{prefix}:{name}"), "histogram", help);
        for it in replicas {
            let (rate, pressure, latency) = (it.rate.clone(), it.pressure.clone(), it.latency);
            let events: Curve = Arc::new(move |t| per_request * rate(t));
            // A fuller batch is a slower one.
            let (busy, peak) = (it.rate.clone(), it.peak);
            let middle: Curve = Arc::new(move |t| typical(latency, pressure(t)) * (0.75 + 0.35 * busy(t) / peak));
            histogram(&mut family, &it.labels, it.life, it.start, scale, &events, &middle);
        }
        family
    };
    vec![
        family("e2e_request_latency_seconds", "From arrival to the last token", 1.0, 1.0, |latency, pressure| {
            latency * (1.0 + 4.5 * pressure)
        }),
        family("time_to_first_token_seconds", "From arrival to the first token", 0.25, 1.0, |latency, pressure| {
            0.11 * latency * (1.0 + 16.0 * pressure)
        }),
        family("inter_token_latency_seconds", "Between two tokens", 0.02, 210.0, |latency, pressure| {
            0.012 * latency * (1.0 + 2.5 * pressure)
        }),
        family("request_queue_time_seconds", "In the queue", 0.1, 1.0, |latency, pressure| 0.02 * latency + 2.4 * pressure.powi(2)),
    ]
}

fn http_requests(replicas: &[Replica]) -> Family {
    let mut family = Family::new("http_requests_total", "counter", "Requests by path and class of status");
    for it in replicas {
        for status in ["2xx", "4xx", "5xx"] {
            let (rate, pressure) = (it.rate.clone(), it.pressure.clone());
            let share: Curve = Arc::new(move |t| {
                let failed = reason_share("error", pressure(t));
                rate(t)
                    * if status == "5xx" {
                        failed
                    } else if status == "4xx" {
                        0.012
                    } else {
                        0.988 - failed
                    }
            });
            let labels = it.labels.with("handler", "/v1/chat/completions").with("method", "POST").with("status", status);
            family.push(labels, it.life, Value::counter(it.start, true, share));
        }
    }
    let probes = constant(0.2);
    for it in replicas {
        let labels = it.labels.with("handler", "/health").with("method", "GET").with("status", "2xx");
        family.push(labels, it.life, Value::counter(it.start, true, probes.clone()));
    }
    family
}

fn reason_share(reason: &str, pressure: f64) -> f64 {
    let error = 0.002 + 0.07 * pressure.powi(2);
    let abort = 0.004 + 0.03 * pressure;
    match reason {
        "error" => error,
        "abort" => abort,
        "length" => 0.11,
        _ => 0.89 - error - abort,
    }
}
