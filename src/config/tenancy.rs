//! `tenancy:` and `promql:` which label carries the tenant, and the dialect.

/// The policy: which label of which metric carries the tenant.
#[derive(Clone, Debug, Default)]
pub struct Tenancy {
    /// The rules of `labels_file`, or the map that Hecate ships when the key is not set.
    pub labels: TenantLabels,
    /// What a matcher outside the scope gives.
    pub conflict: Conflict,
}

/// An ordered list of rules; the first whose pattern fits a metric name decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLabels {
    /// In the order of the file.
    pub rules: Vec<LabelRule>,
    /// The tenant label of metrics that no rule names.
    pub default_label: String,
}

/// One line of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRule {
    /// Whole-name globs, `*` only, such as `DCGM_*`.
    pub metrics: Vec<String>,
    /// What holds for them.
    pub target: RuleTarget,
}

/// Who may read the metrics of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleTarget {
    /// The tenant named by this label.
    Label(String),
    /// Cluster-wide scope only.
    Cluster,
    /// Everyone who may query at all.
    Shared,
}

/// What a matcher that contradicts the scope gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// An empty answer, as from a Prometheus that holds only the caller's data.
    #[default]
    Empty,
    /// An error that says so.
    Error,
}

/// `promql:` the dialect.
#[derive(Clone, Debug, Default)]
pub struct Promql {
    /// Names of Prometheus' `--enable-feature` that every backend has.
    pub features: Vec<String>,
}

impl Default for TenantLabels {
    fn default() -> Self {
        TenantLabels { rules: Vec::new(), default_label: "namespace".into() }
    }
}
