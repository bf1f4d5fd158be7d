//! Pods: what most metrics of a cluster are about.

use crate::curve::{Curve, constant, seed, steady};
use crate::series::{Labels, Life};

/// GiB in bytes.
pub(crate) const GIB: f64 = 1_073_741_824.0;

/// One pod with one container.
#[derive(Clone)]
pub(crate) struct Pod {
    /// The tenant, or a platform namespace.
    pub(crate) namespace: &'static str,
    /// The pod's name.
    pub(crate) name: String,
    /// The container's name.
    pub(crate) container: &'static str,
    /// Where it runs.
    pub(crate) node: &'static str,
    /// Kind and name of the owner.
    pub(crate) owner: (&'static str, String),
    /// As kube-state-metrics names them: `label_…`.
    pub(crate) labels: Vec<(&'static str, String)>,
    /// From when it runs.
    pub(crate) start: f64,
    /// How and when it ended, if it did.
    pub(crate) end: Option<End>,
    /// When its object is deleted.
    pub(crate) gone: f64,
    /// Cores asked for; also the limit.
    pub(crate) cpu_limit: f64,
    /// Cores in use.
    pub(crate) cpu: Curve,
    /// Bytes asked for; also the limit.
    pub(crate) memory_limit: f64,
    /// Bytes in use.
    pub(crate) memory: Curve,
    /// Bytes received in a second; two thirds of it are sent.
    pub(crate) network: Curve,
    /// Bytes written in a second; a third of it is read.
    pub(crate) disk: Curve,
    /// The devices it holds: places in the node's row of GPUs.
    pub(crate) gpus: Vec<usize>,
    /// Percent of each GPU in use.
    pub(crate) gpu_use: Curve,
    /// Share of the GPU's memory in use.
    pub(crate) gpu_memory: f64,
    /// Crashes every so many seconds.
    pub(crate) crashes_every: Option<f64>,
    /// Waits for a place and never runs.
    pub(crate) pending: bool,
    /// The claim it mounts, if any.
    pub(crate) claim: Option<String>,
}

/// The end of a pod that is done.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// When its container ended.
    pub(crate) at: f64,
    /// `Succeeded` or `Failed`.
    pub(crate) phase: &'static str,
    /// `Completed`, `Error` or `OOMKilled`.
    pub(crate) reason: &'static str,
}

impl Pod {
    /// A modest pod without GPU that runs for ever; callers change what differs.
    pub(crate) fn new(namespace: &'static str, name: impl Into<String>, start: f64) -> Self {
        let name = name.into();
        let seed = seed(&name);
        Pod {
            namespace,
            container: "main",
            node: "worker-a",
            owner: ("ReplicaSet", name.rsplit_once('-').map_or(name.clone(), |(owner, _)| owner.to_owned())),
            labels: vec![],
            start,
            end: None,
            gone: f64::INFINITY,
            cpu_limit: 2.0,
            cpu: steady(seed, 0.4, 0.2),
            memory_limit: 4.0 * GIB,
            memory: steady(seed ^ 1, 1.4 * GIB, 0.2 * GIB),
            network: steady(seed ^ 2, 60e3, 40e3),
            disk: steady(seed ^ 3, 20e3, 15e3),
            gpus: vec![],
            gpu_use: constant(0.0),
            gpu_memory: 0.0,
            crashes_every: None,
            pending: false,
            claim: None,
            name,
        }
    }

    /// While its container runs: what the kubelet and the GPU exporter see.
    pub(crate) fn running(&self) -> Life {
        if self.pending {
            return Life { start: f64::INFINITY, end: f64::INFINITY };
        }
        Life { start: self.start, end: self.end.map_or(self.gone, |end| end.at) }
    }

    /// While its object exists: what kube-state-metrics sees.
    pub(crate) fn known(&self) -> Life {
        Life { start: self.start, end: self.gone }
    }

    /// Job, instance, namespace and pod, as most exporters label them: the kubelet of its node, one exporter for all, or the pod itself.
    pub(crate) fn identity(&self, job: &str) -> Labels {
        let instance = match job {
            "kubelet" => format!("{}:10250", self.node),
            "kube-state-metrics" => format!("{job}:8080"),
            _ => format!("10.128.{}.{}:8080", self.seed() % 16, 2 + (self.seed() >> 8) % 250),
        };
        Labels::of(&[("job", job), ("instance", &instance), ("namespace", self.namespace), ("pod", &self.name)])
    }

    /// What the noise of this pod alone hangs on.
    pub(crate) fn seed(&self) -> u64 {
        seed(&self.name)
    }
}
