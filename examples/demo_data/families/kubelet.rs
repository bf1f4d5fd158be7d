//! cAdvisor and volume metrics, as the kubelet serves them.

use std::sync::Arc;

use super::{per_pod, work};
use crate::curve::{Curve, constant, ramp};
use crate::pods::{GIB, Pod};
use crate::series::{Family, Labels, Value};

/// `container_*` and `kubelet_volume_stats_*`.
pub(crate) fn families(pods: &[Pod]) -> Vec<Family> {
    let mut families = containers(pods);
    families.extend(whole_pods(pods));
    families.extend(volumes(pods));
    families
}

fn containers(pods: &[Pod]) -> Vec<Family> {
    let times = |factor: f64, curve: &Curve| -> Curve {
        let curve = curve.clone();
        Arc::new(move |t| factor * curve(t))
    };
    vec![
        per_pod("container_cpu_usage_seconds_total", "counter", "CPU time used", pods, |pod| {
            Some((container(pod), work(pod, pod.cpu.clone(), false)))
        }),
        per_pod("container_cpu_cfs_periods_total", "counter", "Scheduling periods", pods, |pod| {
            Some((container(pod), work(pod, constant(10.0), true)))
        }),
        per_pod("container_cpu_cfs_throttled_periods_total", "counter", "Scheduling periods in which it was held back", pods, |pod| {
            let (cpu, limit) = (pod.cpu.clone(), pod.cpu_limit);
            let throttled: Curve = Arc::new(move |t| 10.0 * (1.6 * (cpu(t) / limit - 0.45)).clamp(0.004, 0.9));
            Some((container(pod), work(pod, throttled, true)))
        }),
        per_pod("container_memory_working_set_bytes", "gauge", "Memory that cannot be taken back", pods, |pod| {
            Some((container(pod), Value::Gauge(bytes(&pod.memory))))
        }),
        per_pod("container_memory_rss", "gauge", "Anonymous memory", pods, |pod| {
            Some((container(pod), Value::Gauge(bytes(&times(0.82, &pod.memory)))))
        }),
        per_pod("container_oom_events_total", "counter", "Times that memory ran out", pods, |pod| {
            Some((container(pod), Value::counter(pod.start, true, constant(pod.crashes_every.map_or(0.0, |period| 1.0 / period)))))
        }),
        per_pod("container_fs_usage_bytes", "gauge", "Written into the container's layer", pods, |pod| {
            Some((container(pod), Value::Gauge(bytes(&times(0.02, &pod.memory)))))
        }),
    ]
}

fn whole_pods(pods: &[Pod]) -> Vec<Family> {
    let traffic = |name: &str, help: &'static str, factor: f64| {
        per_pod(name, "counter", help, pods, |pod| {
            let network = pod.network.clone();
            let rate: Curve = Arc::new(move |t| factor * network(t));
            Some((pod_row(pod).with("interface", "eth0"), Value::counter(pod.start, true, rate)))
        })
    };
    let storage = |name: &str, help: &'static str, factor: f64| {
        per_pod(name, "counter", help, pods, |pod| {
            let disk = pod.disk.clone();
            let rate: Curve = Arc::new(move |t| factor * disk(t));
            Some((pod_row(pod).with("device", "/dev/nvme0n1"), Value::counter(pod.start, true, rate)))
        })
    };
    vec![
        traffic("container_network_receive_bytes_total", "Received", 1.0),
        traffic("container_network_transmit_bytes_total", "Sent", 0.66),
        storage("container_fs_reads_bytes_total", "Read from disk", 0.33),
        storage("container_fs_writes_bytes_total", "Written to disk", 1.0),
    ]
}

fn volumes(pods: &[Pod]) -> Vec<Family> {
    let gauge = |name: &str, help: &'static str, value: fn(f64, f64) -> f64| {
        per_pod(name, "gauge", help, pods, |pod| {
            let claim = pod.claim.as_ref()?;
            let labels =
                Labels::of(&[("job", "kubelet"), ("namespace", pod.namespace), ("persistentvolumeclaim", claim), ("node", pod.node)]);
            let start = pod.start;
            Some((labels, Value::Gauge(Arc::new(move |t| value(50.0 * GIB, 0.42 + 0.45 * ramp(t, start, 129_600.0)).round()))))
        })
    };
    vec![
        gauge("kubelet_volume_stats_capacity_bytes", "Size of the volume", |size, _| size),
        gauge("kubelet_volume_stats_used_bytes", "Used of the volume", |size, used| size * used),
        gauge("kubelet_volume_stats_available_bytes", "Free on the volume", |size, used| size * (1.0 - used)),
        gauge("kubelet_volume_stats_inodes", "Inodes of the volume", |_, _| 3_276_800.0),
        gauge("kubelet_volume_stats_inodes_used", "Inodes in use", |_, used| 3_276_800.0 * used / 4.0),
    ]
}

/// Labels of a container's row.
fn container(pod: &Pod) -> Labels {
    let image = format!("quay.io/demo/{}:1.0", pod.container);
    let labels = pod.identity("kubelet").with("container", pod.container).with("image", &image);
    labels.with("node", pod.node).with("metrics_path", "/metrics/cadvisor")
}

/// Labels of the row for the whole pod, which has no container.
fn pod_row(pod: &Pod) -> Labels {
    pod.identity("kubelet").with("node", pod.node).with("metrics_path", "/metrics/cadvisor")
}

fn bytes(curve: &Curve) -> Curve {
    let curve = curve.clone();
    Arc::new(move |t| (curve(t).max(0.0) / 4_096.0).round() * 4_096.0)
}
