//! Ground floor, pure: PromQL in, a tree, tenant matchers on every selector, PromQL out.

mod rules;

pub use rules::{MetricName, NameGuard, Refusal, Rule, TenantRules};
