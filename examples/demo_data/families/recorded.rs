//! What recording rules make from now on, for the time before the first start: rules look forward only.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::curve::{Curve, demand, seed};
use crate::pods::Pod;
use crate::scenario::{Model, TENANTS};
use crate::series::{Family, Labels, Life, Value};

/// The series of config/demo/rules/recording.yml.
pub(crate) fn families(pods: &[Pod], models: &[Model]) -> Vec<Family> {
    let mut by_pod = recorded("node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate", "Cores in use");
    for pod in pods {
        let labels = Labels::of(&[
            ("cluster", "demo"),
            ("node", pod.node),
            ("namespace", pod.namespace),
            ("pod", &pod.name),
            ("container", pod.container),
        ]);
        by_pod.push(labels, pod.running(), Value::Gauge(pod.cpu.clone()));
    }
    let mut cpu = recorded("namespace:container_cpu_usage:sum", "Cores in use by namespace");
    let mut memory = recorded("namespace:container_memory_usage_bytes:sum", "Memory in use by namespace");
    for tenant in TENANTS {
        let labels = Labels::of(&[("namespace", tenant)]);
        cpu.push(labels.clone(), Life::ALWAYS, Value::Gauge(sum(pods, tenant, |pod| &pod.cpu)));
        memory.push(labels, Life::ALWAYS, Value::Gauge(sum(pods, tenant, |pod| &pod.memory)));
    }
    let mut requests = recorded("namespace_model:vllm_request_success:rate5m", "Requests in a second by model");
    let mut rates: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for model in models {
        let replicas = model.pods.iter().filter(|pod| pod.gone == f64::INFINITY).count();
        if let Some(pod) = model.pods.first() {
            rates.insert((pod.namespace, model.name), model.peak * replicas as f64);
        }
    }
    for ((namespace, model), peak) in rates {
        let service = seed(model);
        let labels = Labels::of(&[("namespace", namespace), ("model_name", model)]);
        requests.push(labels, Life::ALWAYS, Value::Gauge(Arc::new(move |t| peak * demand(service, t - 150.0))));
    }
    vec![by_pod, cpu, memory, requests]
}

fn recorded(name: &str, help: &'static str) -> Family {
    Family { recorded: true, ..Family::new(name, "gauge", help) }
}

fn sum(pods: &[Pod], tenant: &str, curve_of: impl Fn(&Pod) -> &Curve) -> Curve {
    let parts: Vec<(Life, Curve)> =
        pods.iter().filter(|pod| pod.namespace == tenant).map(|pod| (pod.running(), curve_of(pod).clone())).collect();
    Arc::new(move |t| parts.iter().filter(|(life, _)| life.covers(t)).map(|(_, part)| part(t)).sum())
}
