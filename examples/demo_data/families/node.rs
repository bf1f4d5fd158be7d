//! `node_*`: the machines. Belongs to nobody, so only cluster-wide callers see it.

use std::sync::Arc;

use crate::curve::{Curve, constant, seed, steady, wobble};
use crate::pods::{GIB, Pod};
use crate::scenario::NODES;
use crate::series::{Family, Labels, Life, Value};

/// CPU, memory, load, disk and network of every machine, from all the pods it ever had: counters remember the ones that are gone.
pub(crate) fn families(pods: &[Pod], anchor: f64) -> Vec<Family> {
    let since = anchor - 46.0 * 3_600.0;
    let mut cpu = Family::new("node_cpu_seconds_total", "counter", "Time of all cores by mode");
    let mut total = Family::new("node_memory_MemTotal_bytes", "gauge", "Memory of the machine");
    let mut available = Family::new("node_memory_MemAvailable_bytes", "gauge", "Memory that programs can get");
    let mut load = Family::new("node_load1", "gauge", "Runnable threads");
    let mut size = Family::new("node_filesystem_size_bytes", "gauge", "Size of the file system");
    let mut free = Family::new("node_filesystem_avail_bytes", "gauge", "Free on the file system");
    let mut received = Family::new("node_network_receive_bytes_total", "counter", "Received");
    let mut cards = Family::new("node_accelerator_card_info", "gauge", "Accelerators of the machine");
    for (node, cores, memory_gib, gpus, model) in NODES {
        let own = seed(node);
        let labels = Labels::of(&[("job", "node-exporter"), ("instance", node)]);
        let busy = sum(pods, node, 0.4, |pod| pod.cpu.clone());
        for (mode, share) in [("user", 0.8), ("system", 0.2), ("idle", -1.0)] {
            let busy = busy.clone();
            let rate: Curve = Arc::new(move |t| if share < 0.0 { (cores - busy(t)).max(0.0) } else { share * busy(t) });
            cpu.push(labels.with("mode", mode), Life::ALWAYS, Value::counter(since, false, rate));
        }
        let used = sum(pods, node, 6.0 * GIB, |pod| pod.memory.clone());
        total.push(labels.clone(), Life::ALWAYS, Value::Gauge(constant(memory_gib * GIB)));
        available.push(labels.clone(), Life::ALWAYS, Value::Gauge(Arc::new(move |t| (memory_gib * GIB - used(t)).max(GIB).round())));
        let runnable = busy.clone();
        load.push(labels.clone(), Life::ALWAYS, Value::Gauge(Arc::new(move |t| runnable(t) * (1.1 + 0.2 * wobble(own, t, 90.0)))));
        let disk = labels.with("device", "/dev/nvme0n1p4").with("mountpoint", "/").with("fstype", "xfs");
        size.push(disk.clone(), Life::ALWAYS, Value::Gauge(constant(894.0 * GIB)));
        free.push(disk, Life::ALWAYS, Value::Gauge(steady(own, 510.0 * GIB, 12.0 * GIB)));
        let traffic = sum(pods, node, 2e6, |pod| pod.network.clone());
        received.push(labels.with("device", "eno1"), Life::ALWAYS, Value::counter(since, true, traffic));
        if gpus > 0 {
            cards.push(labels.with("vendor", "NVIDIA").with("model", model), Life::ALWAYS, Value::Gauge(constant(gpus as f64)));
        }
    }
    vec![cpu, total, available, load, size, free, received, cards]
}

/// What the pods of a machine add up to, on top of what the machine itself needs.
fn sum(pods: &[Pod], node: &str, own: f64, curve_of: impl Fn(&Pod) -> Curve) -> Curve {
    let parts: Vec<(Life, Curve)> = pods.iter().filter(|pod| pod.node == node).map(|pod| (pod.running(), curve_of(pod))).collect();
    Arc::new(move |t| own + parts.iter().filter(|(life, _)| life.covers(t)).map(|(_, part)| part(t)).sum::<f64>())
}
