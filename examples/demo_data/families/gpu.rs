//! `DCGM_*`: the GPU exporter, whose own namespace wins, so that the workload's is in `exported_namespace`.

use std::sync::Arc;

use crate::curve::{Curve, constant, seed, wobble};
use crate::pods::Pod;
use crate::scenario::NODES;
use crate::series::{Family, Labels, Life, Value};

/// One device for the time that one pod, or nobody, holds it.
struct Holding {
    labels: Labels,
    life: Life,
    held: bool,
    /// Percent.
    use_percent: Curve,
    memory_share: f64,
    memory_mib: f64,
    /// Watts at rest and at full use.
    power: (f64, f64),
    seed: u64,
}

/// Use, memory, clocks, temperature, power, errors and activity of every device.
pub(crate) fn families(pods: &[Pod]) -> Vec<Family> {
    let holdings = holdings(pods);
    let gauge = |name: &str, help: &'static str, value: &dyn Fn(&Holding) -> Curve| {
        let mut family = Family::new(name, "gauge", help);
        for holding in &holdings {
            family.push(holding.labels.clone(), holding.life, Value::Gauge(value(holding)));
        }
        family
    };
    let scaled = |percent: &Curve, factor: f64| -> Curve {
        let percent = percent.clone();
        Arc::new(move |t| factor * percent(t) / 100.0)
    };
    let mut families = vec![
        gauge("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %)", &|it| {
            let percent = it.use_percent.clone();
            Arc::new(move |t| percent(t).round())
        }),
        gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %)", &|it| scaled(&it.use_percent, 55.0)),
        gauge("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB)", &|it| constant((it.memory_mib * it.memory_share + 4.0).round())),
        gauge("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB)", &|it| {
            constant((it.memory_mib * (1.0 - it.memory_share) - 4.0).round())
        }),
        gauge("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C)", &|it| temperature(it, 31.0)),
        gauge("DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C)", &|it| temperature(it, 38.0)),
        gauge("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W)", &power),
        gauge("DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz)", &|it| {
            let percent = it.use_percent.clone();
            Arc::new(move |t| if percent(t) > 3.0 { 1_410.0 } else { 210.0 })
        }),
        gauge("DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered", &|it| {
            // One device has had an error that the user's program caused.
            constant(if it.seed.is_multiple_of(16) { 31.0 } else { 0.0 })
        }),
        gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active", &|it| scaled(&it.use_percent, 0.98)),
        gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor pipe is active", &|it| scaled(&it.use_percent, 0.52)),
        gauge("DCGM_FI_PROF_DRAM_ACTIVE", "Ratio of cycles the memory interface is active", &|it| scaled(&it.use_percent, 0.41)),
    ];
    let mut energy = Family::new("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ)");
    // Counted from the moment that a pod takes the device; one that nobody holds has no such moment.
    for holding in holdings.iter().filter(|holding| holding.held) {
        let watts = power(holding);
        let counted = Value::counter(holding.life.start, true, Arc::new(move |t| 1_000.0 * watts(t)));
        energy.push(holding.labels.clone(), holding.life, counted);
    }
    families.push(energy);
    families
}

fn power(holding: &Holding) -> Curve {
    let (percent, (rest, full), seed) = (holding.use_percent.clone(), holding.power, holding.seed);
    Arc::new(move |t| rest + (full - rest) * percent(t) / 100.0 + 6.0 * wobble(seed, t, 40.0))
}

fn temperature(holding: &Holding, rest: f64) -> Curve {
    let (percent, seed) = (holding.use_percent.clone(), holding.seed);
    Arc::new(move |t| (rest + 0.42 * percent(t - 30.0) + 2.0 * wobble(seed, t, 300.0)).round())
}

fn holdings(pods: &[Pod]) -> Vec<Holding> {
    let mut holdings = Vec::new();
    for (node, _, _, devices, model) in NODES {
        for device in 0..devices {
            let mut holders: Vec<&Pod> = pods.iter().filter(|pod| pod.node == node && pod.gpus.contains(&device) && !pod.pending).collect();
            holders.sort_by(|left, right| left.start.total_cmp(&right.start));
            let mut free_from = f64::NEG_INFINITY;
            for pod in holders {
                let life = pod.running();
                if life.start > free_from {
                    holdings.push(free(node, device, model, Life { start: free_from, end: life.start }));
                }
                let labels = base(node, device, model);
                let labels = labels.with("exported_namespace", pod.namespace).with("exported_pod", &pod.name);
                holdings.push(Holding {
                    labels: labels.with("exported_container", pod.container),
                    held: true,
                    use_percent: pod.gpu_use.clone(),
                    memory_share: pod.gpu_memory,
                    ..free(node, device, model, life)
                });
                free_from = life.end;
            }
            if free_from < f64::INFINITY {
                holdings.push(free(node, device, model, Life { start: free_from, end: f64::INFINITY }));
            }
        }
    }
    holdings
}

fn free(node: &str, device: usize, model: &str, life: Life) -> Holding {
    let large = model.contains("H100");
    Holding {
        labels: base(node, device, model),
        life,
        held: false,
        use_percent: constant(0.0),
        memory_share: 0.0,
        memory_mib: 81_559.0,
        power: if large { (72.0, 690.0) } else { (58.0, 395.0) },
        seed: if node == "gpu-b" && device == 3 { 0 } else { seed(node) << 4 | (device as u64 + 1) },
    }
}

fn base(node: &str, device: usize, model: &str) -> Labels {
    let (number, uuid) = (device.to_string(), format!("GPU-{:08x}-{device:04x}", seed(node) as u32));
    Labels::of(&[
        ("job", "nvidia-dcgm-exporter"),
        ("namespace", "nvidia-gpu-operator"),
        ("pod", &format!("nvidia-dcgm-exporter-{node}")),
        ("Hostname", node),
        ("gpu", &number),
        ("UUID", &uuid),
        ("device", &format!("nvidia{device}")),
        ("modelName", model),
    ])
}
