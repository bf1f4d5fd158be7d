//! What runs on the demo's cluster, and what goes wrong on it.
//!
//! All times hang on the anchor, the moment of the demo's first start: a rollout six hours before it, a training job that ended well five hours
//! before, one that failed two hours before. What goes on is still going on at the anchor and after it.

use crate::curve::{Curve, bump, burst, busy, constant, curve, demand, ramp, seed, steady, suffix, unit, wobble};
use crate::pods::{End, GIB, Pod};

/// The tenants.
pub(crate) const TENANTS: [&str; 3] = ["team-vision", "team-nlp", "team-ranking"];
/// Machines: name, cores, GiB of memory, GPUs and their model.
pub(crate) const NODES: [(&str, f64, f64, usize, &str); 4] = [
    ("gpu-a", 64.0, 512.0, 8, "NVIDIA A100-SXM4-80GB"),
    ("gpu-b", 96.0, 1024.0, 8, "NVIDIA H100 80GB HBM3"),
    ("worker-a", 32.0, 128.0, 0, ""),
    ("worker-b", 32.0, 128.0, 0, ""),
];
const HOUR: f64 = 3_600.0;

/// A model behind vLLM.
pub(crate) struct Model {
    /// The `model_name` label.
    pub(crate) name: &'static str,
    /// Requests in a second and replica at full demand.
    pub(crate) peak: f64,
    /// Seconds of a typical request.
    pub(crate) latency: f64,
    /// From 0 to 1: how hard it is to keep up just now.
    pub(crate) pressure: Curve,
    /// Made by an LLMInferenceService, which is scraped twice.
    pub(crate) llm: bool,
    /// Its replicas.
    pub(crate) pods: Vec<Pod>,
}

/// The models that vLLM serves.
pub(crate) fn models(anchor: f64) -> Vec<Model> {
    let rollout = anchor - 6.0 * HOUR;
    let mut vision = Vec::new();
    for (revision, gpus, life) in
        [("7d9c5b8f64", [0, 1], (-60.0 * HOUR, Some(rollout))), ("5f6b7c9d88", [2, 3], (rollout - anchor - 90.0, None))]
    {
        for (replica, gpu) in gpus.into_iter().enumerate() {
            let overlap = 45.0 * replica as f64;
            let mut pod = server("team-vision", "qwen2-vl", revision, anchor + life.0 + overlap, "gpu-a", gpu);
            pod.gone = life.1.map_or(f64::INFINITY, |end| end + overlap);
            vision.push(pod);
        }
    }
    let incident = anchor - 1.4 * HOUR;
    vec![
        Model {
            name: "qwen2-vl-7b",
            peak: 3.2,
            latency: 1.9,
            pressure: curve(move |t| bump(t, rollout - 300.0, 1_500.0)),
            llm: false,
            pods: vision,
        },
        Model {
            name: "granite-3-8b",
            peak: 6.5,
            latency: 1.2,
            // A wave of long prompts shortly before the first start, and a smaller one now and then.
            pressure: curve(move |t| bump(t, incident, 2_400.0).max(0.6 * burst(0x67, t))),
            llm: false,
            pods: vec![
                server("team-nlp", "granite-8b", "6c8d4f7b9c", anchor - 50.0 * HOUR, "gpu-b", 4),
                server("team-nlp", "granite-8b", "6c8d4f7b9c", anchor - 49.0 * HOUR, "gpu-b", 5),
            ],
        },
        Model {
            name: "mistral-small-24b",
            peak: 2.1,
            latency: 3.4,
            pressure: constant(0.1),
            llm: true,
            pods: vec![llm_server("team-nlp", "mistral-small", anchor - 44.0 * HOUR, "gpu-b", 6)],
        },
        Model {
            name: "bge-reranker-v2",
            peak: 14.0,
            latency: 0.35,
            pressure: curve(|t| 0.8 * burst(0x72, t)),
            llm: false,
            pods: vec![server("team-ranking", "reranker", "84b6d5c7f9", anchor - 47.0 * HOUR, "gpu-a", 7)],
        },
    ]
}

/// Every pod there is between `from` and `to`.
pub(crate) fn pods(anchor: f64, from: f64, to: f64) -> Vec<Pod> {
    let mut pods = lasting(anchor);
    for tenant in TENANTS {
        pods.extend(pipeline_steps(tenant, from, to));
    }
    pods.retain(|pod| pod.known().meets(from, to));
    pods
}

/// The pods of all times but for the steps of pipelines, of which there is no last one.
pub(crate) fn lasting(anchor: f64) -> Vec<Pod> {
    let mut pods: Vec<Pod> = models(anchor).into_iter().flat_map(|model| model.pods).collect();
    pods.extend(training(anchor));
    pods.extend(notebooks(anchor));
    pods.extend(services(anchor));
    pods
}

fn server(namespace: &'static str, name: &str, revision: &str, start: f64, node: &'static str, gpu: usize) -> Pod {
    let mut pod = Pod::new(namespace, format!("{name}-predictor-{revision}-{}", suffix(&format!("{name}{revision}{gpu}"))), start);
    let service = seed(name);
    pod.container = "kserve-container";
    pod.node = node;
    pod.labels = vec![("label_serving_kserve_io_inferenceservice", name.to_owned()), ("label_component", "predictor".to_owned())];
    (pod.cpu_limit, pod.memory_limit) = (8.0, 48.0 * GIB);
    pod.cpu = busy(service, 0.8, 4.9);
    pod.memory = curve(move |t| 31.0 * GIB * (0.35 + 0.65 * ramp(t, start, 180.0)) + GIB * wobble(service, t, 900.0));
    pod.network = busy(service, 40e3, 900e3);
    pod.gpus = vec![gpu];
    pod.gpu_use = curve(move |t| (4.0 + 78.0 * demand(service, t) + 5.0 * wobble(gpu as u64, t, 50.0)).clamp(0.0, 100.0));
    pod.gpu_memory = 0.89;
    pod
}

fn llm_server(namespace: &'static str, name: &str, start: f64, node: &'static str, gpu: usize) -> Pod {
    let mut pod = server(namespace, name, "x", start, node, gpu);
    pod.name = format!("{name}-kserve-59d8f7b6c4-{}", suffix(name));
    pod.owner = ("ReplicaSet", format!("{name}-kserve-59d8f7b6c4"));
    pod.labels = vec![
        ("label_app_kubernetes_io_name", name.to_owned()),
        ("label_app_kubernetes_io_part_of", "llminferenceservice".to_owned()),
        ("label_app_kubernetes_io_component", "llminferenceservice-workload".to_owned()),
    ];
    pod
}

fn training(anchor: f64) -> Vec<Pod> {
    let succeeded = End { at: anchor - 5.0 * HOUR, phase: "Succeeded", reason: "Completed" };
    let failed = End { at: anchor - 2.0 * HOUR, phase: "Failed", reason: "OOMKilled" };
    let mut pods = job("team-vision", "resnet-finetune", anchor - 13.0 * HOUR, Some(succeeded), "gpu-a", &[5, 6]);
    pods.extend(job("team-nlp", "llama-sft", anchor - 9.0 * HOUR, None, "gpu-b", &[0, 1, 2, 3]));
    pods.extend(job("team-nlp", "bert-distill", anchor - 4.0 * HOUR, Some(failed), "gpu-a", &[0, 1]));
    pods.extend(job("team-ranking", "ranker-train", anchor - 3.0 * HOUR, None, "gpu-a", &[5, 6]));
    // Asks for more GPUs than are free: stays pending, and its queue grows.
    let mut waiting = job("team-vision", "sam-pretrain", anchor - 1.5 * HOUR, None, "", &[]);
    for pod in &mut waiting {
        (pod.pending, pod.gpus) = (true, vec![0, 1, 2, 3]);
    }
    pods.extend(waiting);
    pods
}

fn job(namespace: &'static str, name: &str, start: f64, end: Option<End>, node: &'static str, gpus: &[usize]) -> Vec<Pod> {
    let workers = gpus.len().max(2);
    let workload = seed(name);
    let replica = |index: usize| {
        let role = if index == 0 { "master" } else { "worker" };
        let place = index.saturating_sub(1);
        let mut pod = Pod::new(namespace, format!("{name}-{role}-{place}"), start + 4.0 * index as f64);
        pod.container = "pytorch";
        pod.node = node;
        pod.owner = ("PyTorchJob", name.to_owned());
        pod.labels = vec![
            ("label_training_kubeflow_org_job_name", name.to_owned()),
            ("label_training_kubeflow_org_replica_type", role.to_owned()),
            ("label_training_kubeflow_org_replica_index", place.to_string()),
        ];
        pod.end = end;
        pod.gone = end.map_or(f64::INFINITY, |end| end.at + 12.0 * HOUR);
        (pod.cpu_limit, pod.memory_limit) = (12.0, 96.0 * GIB);
        pod.cpu = steady(pod.seed(), 7.4, 1.3);
        // What ends by OOMKilled has grown all its life; the others are flat after they have loaded their data.
        let (first, growth, life) = match end {
            Some(End { reason: "OOMKilled", at, .. }) => (22.0, 74.0, at - start),
            _ => (9.0, 48.0, 600.0),
        };
        pod.memory = curve(move |t| (first + growth * ramp(t, start, life)) * GIB + 0.5 * GIB * wobble(workload, t, 300.0));
        pod.network = curve(move |t| 210e6 * (0.8 + 0.2 * wobble(workload, t, 240.0)) * (1.0 - 0.9 * checkpoint(t, start)));
        pod.disk = curve(move |t| 2e6 + 450e6 * checkpoint(t, start));
        pod.gpus = gpus.get(index).copied().into_iter().collect();
        // The last worker of a large job lags: the straggler that the training template looks for.
        let level = if workers > 2 && index == workers - 1 { 68.0 } else { 94.0 };
        pod.gpu_use = curve(move |t| {
            let busy = level + 3.0 * wobble(workload ^ index as u64, t, 90.0);
            (busy * ramp(t, start + 60.0, 240.0) * (1.0 - 0.85 * checkpoint(t, start))).clamp(0.0, 100.0)
        });
        pod.gpu_memory = 0.82;
        pod
    };
    (0..workers).map(replica).collect()
}

/// Every 40 minutes a checkpoint is written for about 80 seconds, and the GPUs wait.
fn checkpoint(t: f64, start: f64) -> f64 {
    bump((t - start).rem_euclid(2_400.0), 2_300.0, 80.0)
}

fn notebooks(anchor: f64) -> Vec<Pod> {
    let notebook = |namespace, name: &str, age_h: f64, node| {
        let mut pod = Pod::new(namespace, format!("{name}-0"), anchor - age_h * HOUR);
        pod.container = "notebook";
        pod.node = node;
        pod.owner = ("StatefulSet", name.to_owned());
        pod.labels = vec![("label_notebook_name", name.to_owned()), ("label_app", name.to_owned())];
        pod.claim = Some(format!("{name}-storage"));
        (pod.cpu_limit, pod.memory_limit) = (4.0, 16.0 * GIB);
        pod.cpu = busy(pod.seed(), 0.02, 3.1);
        pod.memory = busy(pod.seed() ^ 7, 2.2 * GIB, 9.0 * GIB);
        pod
    };
    // Holds a GPU since yesterday and does nothing with it.
    let mut idle = notebook("team-vision", "vision-lab", 33.0, "gpu-a");
    (idle.gpus, idle.gpu_use, idle.gpu_memory) = (vec![4], curve(|t| (1.5 * burst(0x1d, t)).floor()), 0.07);
    let mut used = notebook("team-nlp", "nlp-notebook", 29.0, "gpu-b");
    (used.gpus, used.gpu_use, used.gpu_memory) = (vec![7], curve(|t| (60.0 * demand(0x6e, t) * burst(0x6e, t)).min(100.0)), 0.34);
    vec![idle, used, notebook("team-ranking", "ranking-notebook", 31.0, "worker-a")]
}

fn services(anchor: f64) -> Vec<Pod> {
    let mut pods = Vec::new();
    for (namespace, name, node) in [("team-vision", "defect-classifier", "worker-a"), ("team-ranking", "ranker", "worker-b")] {
        for replica in ["a", "b"] {
            let end = suffix(&format!("{name}{replica}"));
            let mut pod = Pod::new(namespace, format!("{name}-predictor-00003-deployment-7c4d9-{end}"), anchor - 46.0 * HOUR);
            pod.container = "kserve-container";
            pod.node = node;
            pod.labels = vec![("label_serving_kserve_io_inferenceservice", name.to_owned()), ("label_component", "predictor".to_owned())];
            pod.cpu = busy(seed(name), 0.15, 1.4);
            pods.push(pod);
        }
    }
    let mut crashing = Pod::new("team-nlp", format!("embedding-api-68cf7d5b9-{}", suffix("embedding-api")), anchor - 8.0 * HOUR);
    crashing.crashes_every = Some(420.0);
    crashing.memory = curve(move |t| 0.4 * GIB + 3.4 * GIB * ((t - anchor).rem_euclid(420.0) / 420.0));
    pods.push(crashing);
    for tenant in TENANTS {
        let name = format!("ds-pipeline-{}-7b5f9c-{}", dspa(tenant), suffix(tenant));
        pods.push(Pod::new(tenant, name, anchor - 46.0 * HOUR));
    }
    pods
}

/// The pipeline server of a tenant.
pub(crate) fn dspa(tenant: &str) -> String {
    format!("{}-pipelines", tenant.trim_start_matches("team-"))
}

/// Every two hours a run of three steps begins; each overlaps the next a little, and pods are kept for three hours.
fn pipeline_steps(tenant: &'static str, from: f64, to: f64) -> Vec<Pod> {
    const EVERY: f64 = 2.0 * HOUR;
    const KEPT: f64 = 3.0 * HOUR;
    const STEPS: [(&str, f64, f64, f64); 3] =
        [("ingest", 0.0, 2_200.0, 60e6), ("train", 2_150.0, 3_900.0, 8e6), ("evaluate", 6_000.0, 1_500.0, 15e6)];
    let offset = unit(seed(tenant), 0.0) * EVERY;
    let first = ((from - offset - KEPT - 2.0 * EVERY) / EVERY).floor() as i64;
    let last = ((to - offset) / EVERY).ceil() as i64;
    let mut pods = Vec::new();
    for run in first..=last {
        let begin = run as f64 * EVERY + offset;
        let workflow = format!("{}-train-{}", tenant.trim_start_matches("team-"), suffix(&format!("{tenant}{run}")));
        let fails = unit(seed(tenant) ^ 0xfa, run as f64) < 0.12;
        for (step, after, length, moved) in STEPS {
            let start = begin + after;
            let mut pod = Pod::new(tenant, format!("{workflow}-{step}-{}", 100 + run.rem_euclid(900)), start);
            pod.node = "worker-b";
            pod.owner = ("Workflow", workflow.clone());
            pod.labels = vec![
                ("label_workflows_argoproj_io_workflow", workflow.clone()),
                ("label_pipelines_kubeflow_org_v2_component", "true".to_owned()),
            ];
            let (phase, reason) = if fails && step == "evaluate" { ("Failed", "Error") } else { ("Succeeded", "Completed") };
            let at = start + length * (0.9 + 0.1 * unit(pod.seed(), 1.0));
            pod.end = Some(End { at, phase, reason });
            pod.gone = at + KEPT;
            pod.network = steady(pod.seed(), moved, 0.6 * moved);
            pod.cpu = steady(pod.seed(), 1.3, 0.5);
            pods.push(pod);
        }
    }
    pods
}
