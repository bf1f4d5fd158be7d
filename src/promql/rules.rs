//! What the tenancy policy has to say about one selector: the words that `promql/` and `tenancy/` share.

use std::sync::Arc;

/// What a selector says about the names of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricName<'a> {
    /// Exactly this name.
    Literal(&'a str),
    /// One of these names: the selector has `__name__=~"a|b"`, an alternation of plain words.
    OneOf(&'a [String]),
    /// Some pattern that seems to start like this. A hint to choose a rule by, never a proof.
    Prefix(&'a str),
    /// Nothing that could be told without evaluating a user's regular expression.
    Any,
}

/// What is added to one selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: the caller may read every series of it.
    Open(NameGuard),
    /// The label must have one of the values.
    Tenant {
        /// The label that carries the tenant.
        label: Arc<str>,
        /// The caller's namespaces: DNS-1123 labels, sorted, without repeats, at least one.
        values: Arc<[String]>,
        /// Keeps metrics of other rules out.
        names: NameGuard,
    },
}

/// Matchers on `__name__` that bind a selector without a literal name to the metrics of one rule.
///
/// They make the choice of the rule safe: whatever the user's own matchers let through, only metrics of that rule remain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameGuard {
    /// `__name__=~"…"`, when the rule is not the default one.
    pub only: Option<Arc<str>>,
    /// `__name__!~"…"`: the metrics of the rules that come before it (of all rules, for the default one).
    pub except: Option<Arc<str>>,
}

/// Why a caller may not read the metrics of a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For the caller: names the metric and what would be right, never other tenants.
    pub message: String,
}

/// The policy as one caller meets it: their scope, already resolved.
pub trait TenantRules {
    /// What to add to a selector with such a name.
    ///
    /// # Errors
    /// When the metrics need a wider scope, or a list of names falls under different rules.
    fn rule(&self, name: MetricName<'_>) -> Result<Rule, Refusal>;

    /// The selectors that stand for "everything that the caller may read": one per rule with other labels.
    /// Empty for cluster-wide scope, where no selector is needed.
    fn everything(&self) -> Vec<Rule>;
}
