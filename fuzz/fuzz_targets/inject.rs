//! Whatever is written, every selector of the enforced text carries its matcher.
#![no_main]

use std::sync::Arc;

use hecate::promql::{ConflictMode, Features, MetricName, NameGuard, Options, Refusal, Rule, ScopeError, ScopedQuery, TenantRules, parse};
use libfuzzer_sys::fuzz_target;

struct Tenants(Arc<[String]>);

impl TenantRules for Tenants {
    fn rule(&self, name: MetricName<'_>) -> Result<Rule, Refusal> {
        let label = if matches!(name, MetricName::Literal(n) if n.len() % 2 == 0) { "namespace" } else { "exported_namespace" };
        let except = matches!(name, MetricName::Any).then(|| "DCGM_.*".into());
        Ok(Rule::Tenant { label: label.into(), values: self.0.clone(), names: NameGuard { only: None, except } })
    }

    fn everything(&self) -> Vec<Rule> {
        Vec::new()
    }
}

fuzz_target!(|text: &str| {
    let options = Options { features: Features::all(), ..Options::default() };
    let rules = Tenants(["a".to_owned(), "b.c".to_owned()].into());
    match ScopedQuery::new(text, &rules, &options, ConflictMode::Empty) {
        Err(ScopeError::Internal(message)) => panic!("{message}"),
        Err(_) => {}
        Ok(query) => {
            let enforced = query.text(None).expect("unfolded text needs no window");
            let roomy = Options { bytes: usize::MAX, tokens: usize::MAX, depth: 64, matchers: usize::MAX, ..options };
            let again = parse(enforced.as_str(), &roomy).expect("enforced text is valid");
            assert_eq!(again.selectors().len(), query.selectors().len());
        }
    }
});
