//! `tenancy:` and `promql:` which label carries the tenant, and the dialect.

use std::path::PathBuf;

use super::error::ConfigError;
use super::reader::Map;
use super::{labels, values};

/// The policy: which label of which metric carries the tenant.
#[derive(Clone, Debug)]
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

/// `conflict`, as it is written.
pub(super) const CONFLICTS: &[(&str, Conflict)] = &[("empty", Conflict::Empty), ("error", Conflict::Error)];

impl Default for Tenancy {
    fn default() -> Self {
        Tenancy { labels: TenantLabels::shipped(), conflict: Conflict::default() }
    }
}

impl Tenancy {
    /// The policy and the file that it came from. Errors in that file are added to `errors`.
    pub(super) fn read(map: &mut Map<'_>, errors: &mut Vec<ConfigError>) -> (Tenancy, Option<PathBuf>) {
        let labels_file = map.value("labels_file", values::path);
        let default_label = map.value("default_label", labels::label_name);
        let conflict = map.value("conflict", values::word(CONFLICTS)).unwrap_or_default();
        let mut tenant_labels = TenantLabels::shipped();
        if let Some(path) = &labels_file {
            match labels::read(path, errors) {
                Ok(Some(file)) => {
                    if let (Some(here), Some(there)) = (&default_label, &file.default_label)
                        && here != there
                    {
                        let message = format!("\"{here}\", but {} says `default: {there}`; keep one", path.display());
                        map.error_at("default_label", message);
                    }
                    let usual = TenantLabels::default().default_label;
                    tenant_labels = TenantLabels { rules: file.rules, default_label: file.default_label.unwrap_or(usual) };
                }
                Ok(None) => {}
                Err(message) => map.error_at("labels_file", message),
            }
        }
        if let Some(label) = default_label {
            tenant_labels.default_label = label;
        }
        (Tenancy { labels: tenant_labels, conflict }, labels_file)
    }
}

impl Promql {
    pub(super) fn read(map: &mut Map<'_>) -> Promql {
        Promql { features: map.values("features", values::text).unwrap_or_default() }
    }
}
