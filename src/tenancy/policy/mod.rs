//! Which label of which metric carries the tenant.
//!
//! An ordered list: the first rule whose pattern fits a metric's name decides. A selector without a literal name can meet
//! several rules, so a rule is chosen for it and a [`NameGuard`] keeps the metrics of all other rules out: a wrong choice
//! shows too little, never somebody else's data.

mod glob;
#[cfg(test)]
mod oracle;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::rows::{Row, Rows, Target};
use super::Scope;
use crate::config::{RuleTarget, TenantLabels};
use crate::promql::{MetricName, NameGuard, Refusal, Rule, TenantRules};

/// The policy of this installation, worked out once and shared. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    rows: Arc<Rows>,
    fingerprint: u64,
}

/// The policy as one scope meets it. Cheap to clone.
#[derive(Clone)]
pub struct ScopeRules {
    policy: Policy,
    view: View,
}

#[derive(Clone)]
enum View {
    ClusterWide,
    /// Sorted, without repeats, at least one.
    Tenants(Arc<[String]>),
    Nothing,
}

impl Policy {
    /// Works the rules out: patterns become regular expressions, rules with the same label are put together.
    pub fn new(labels: &TenantLabels) -> Policy {
        Policy { rows: Arc::new(Rows::new(labels)), fingerprint: fingerprint(labels) }
    }

    /// The rules for a caller with this scope. Costs one copy of the namespaces' names: keep it for further selectors.
    pub fn for_scope(&self, scope: &Scope) -> ScopeRules {
        let view = match scope {
            Scope::ClusterWide => View::ClusterWide,
            Scope::Namespaces(set) if !set.is_empty() => View::Tenants(set.iter().map(|name| name.as_str().to_owned()).collect()),
            Scope::Namespaces(_) | Scope::Nothing => View::Nothing,
        };
        ScopeRules { policy: self.clone(), view }
    }

    /// The same for the same rules, on every replica and after every start: a part of cache keys.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl TenantRules for ScopeRules {
    fn rule(&self, name: MetricName<'_>) -> Result<Rule, Refusal> {
        let values = match &self.view {
            View::ClusterWide => return Ok(Rule::Open(NameGuard::default())),
            View::Tenants(values) => values,
            View::Nothing => return Err(nothing()),
        };
        let rows = &self.policy.rows;
        match name {
            MetricName::Literal(name) => {
                let row = rows.of_name(name);
                apply(&row.target, NameGuard::default(), values).ok_or_else(|| cluster_only(&format!("the metric {name:?}")))
            }
            MetricName::OneOf(names) if !names.is_empty() => {
                let target = common_target(rows, names)?;
                apply(target, NameGuard::default(), values).ok_or_else(|| cluster_only(&format!("the metric {:?}", names[0])))
            }
            MetricName::Prefix(prefix) => {
                let row = rows.of_prefix(prefix);
                let described = || format!("the metrics whose names start with {prefix:?} ({})", patterns(row));
                apply(&row.target, row.guard.clone(), values).ok_or_else(|| cluster_only(&described()))
            }
            MetricName::OneOf(_) | MetricName::Any => apply(&rows.default.target, rows.default.guard.clone(), values).ok_or_else(nothing),
        }
    }

    fn everything(&self) -> Vec<Rule> {
        match &self.view {
            View::ClusterWide => Vec::new(),
            View::Tenants(values) => {
                self.policy.rows.groups.iter().filter_map(|group| apply(&group.target, group.guard.clone(), values)).collect()
            }
            // An empty list would mean "no selector is needed". No series has an empty name.
            View::Nothing => vec![Rule::Open(NameGuard { only: Some("".into()), except: Some(".*".into()) })],
        }
    }
}

impl ScopeRules {
    /// Whether a series, rule or alert with these labels is inside the scope, for answers that Prometheus cannot filter.
    /// Without a metric name the default rule holds.
    pub fn admits<'a>(&self, metric_name: Option<&str>, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        let values = match &self.view {
            View::ClusterWide => return true,
            View::Tenants(values) => values,
            View::Nothing => return false,
        };
        let rows = &self.policy.rows;
        let row = metric_name.map_or(&rows.default, |name| rows.of_name(name));
        match &*row.target {
            Target::Shared => true,
            Target::Cluster => false,
            Target::Label(name) => label(name).is_some_and(|value| values.binary_search_by(|have| have.as_str().cmp(value)).is_ok()),
        }
    }

    /// The label that says whose a series of this metric is; `None` where no label does.
    pub fn tenant_label(&self, metric_name: &str) -> Option<&str> {
        match &*self.policy.rows.of_name(metric_name).target {
            Target::Label(name) => Some(name),
            Target::Shared | Target::Cluster => None,
        }
    }

    /// Whether nothing is hidden from this caller.
    pub fn is_cluster_wide(&self) -> bool {
        matches!(self.view, View::ClusterWide)
    }

    /// The policy behind it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// The rule for a row; `None` when only cluster-wide scope may read it.
fn apply(target: &Target, names: NameGuard, values: &Arc<[String]>) -> Option<Rule> {
    match target {
        Target::Label(label) => Some(Rule::Tenant { label: Arc::clone(label), values: Arc::clone(values), names }),
        Target::Shared => Some(Rule::Open(names)),
        Target::Cluster => None,
    }
}

fn common_target<'a>(rows: &'a Rows, names: &[String]) -> Result<&'a Target, Refusal> {
    let first = &*rows.of_name(&names[0]).target;
    match names.iter().map(|name| (name, &*rows.of_name(name).target)).find(|(_, target)| *target != first) {
        None => Ok(first),
        Some((other, target)) => Err(Refusal {
            message: format!(
                "one selector asks for {:?} ({}) and {other:?} ({}): write a selector for each and join them with `or`",
                names[0],
                describe(first),
                describe(target)
            ),
        }),
    }
}

fn describe(target: &Target) -> String {
    match target {
        Target::Label(label) => format!("its tenant is in the label {label:?}"),
        Target::Cluster => "it needs cluster-wide scope".into(),
        Target::Shared => "everyone may read it".into(),
    }
}

fn patterns(row: &Row) -> String {
    row.globs.iter().map(glob::Glob::as_str).collect::<Vec<_>>().join(", ")
}

fn cluster_only(what: &str) -> Refusal {
    Refusal { message: format!("{what} cannot be told apart by namespace: cluster-wide permission is needed to read it") }
}

fn nothing() -> Refusal {
    Refusal { message: "no namespace is granted to you: ask an administrator for access to one".into() }
}

/// A hash of the rules in which no two texts can be confused: each is written with its length.
fn fingerprint(labels: &TenantLabels) -> u64 {
    let mut hash = Sha256::new();
    let mut text = |kind: u8, text: &str| {
        hash.update([kind]);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for rule in &labels.rules {
        for pattern in &rule.metrics {
            text(b'm', pattern);
        }
        match &rule.target {
            RuleTarget::Label(label) => text(b'l', label),
            RuleTarget::Cluster => text(b'c', ""),
            RuleTarget::Shared => text(b's', ""),
        }
    }
    text(b'd', &labels.default_label);
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}
