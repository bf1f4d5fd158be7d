//! What reading, binding and printing cost: `cargo bench --bench promql`.

use std::sync::Arc;

use hecate::promql::{ConflictMode, MetricName, NameGuard, Options, Refusal, Rule, ScopedQuery, TenantRules, Window, parse};

fn main() {
    divan::main();
}

const DASHBOARD: &str = concat!(
    r#"sum by (pod, container) (rate(container_cpu_usage_seconds_total{cluster="$c", job=~"kubelet|cadvisor", container!="", "#,
    r#"image!~"pause.*"}[5m])) / on (pod) group_left (node) kube_pod_info{node=~".+-gpu-.+"} * 100 > 80"#
);
const DURATIONS: &str = "rate(foo[max_of(5m, 4 * step())]) - rate(foo[range() / 2] offset -(1h + step())) </ 5";
const WINDOW: Window = Window { step_ms: 60_000, range_ms: 3_600_000 };

struct Tenant(Arc<[String]>);

impl TenantRules for Tenant {
    fn rule(&self, _: MetricName<'_>) -> Result<Rule, Refusal> {
        Ok(Rule::Tenant { label: "namespace".into(), values: self.0.clone(), names: NameGuard::default() })
    }

    fn everything(&self) -> Vec<Rule> {
        Vec::new()
    }
}

/// The texts by the names that the table shows.
fn text_of(name: &str) -> &str {
    match name {
        "dashboard" => DASHBOARD,
        "durations" => DURATIONS,
        other => other,
    }
}

fn tenant() -> Tenant {
    Tenant(["team-vision".to_owned()].into())
}

#[divan::bench(args = ["up", "dashboard", "durations"])]
fn read(name: &str) -> bool {
    parse(text_of(name), &Options::default()).is_ok()
}

#[divan::bench(args = ["up", "dashboard", "durations"])]
fn read_and_print(name: &str) -> usize {
    parse(text_of(name), &Options::default()).and_then(|query| query.text(None)).map_or(0, |text| text.len())
}

/// Read, bind, print, read again, check: all that a request without a cached rewriting pays.
#[divan::bench(args = ["up", "dashboard", "durations"])]
fn enforce(bencher: divan::Bencher<'_, '_>, name: &str) {
    let (rules, options) = (tenant(), Options::default());
    bencher.bench_local(|| ScopedQuery::new(text_of(name), &rules, &options, ConflictMode::Empty).is_ok());
}

#[divan::bench(args = ["up", "dashboard", "durations"])]
fn fold(bencher: divan::Bencher<'_, '_>, name: &str) {
    let query = ScopedQuery::new(text_of(name), &tenant(), &Options::default(), ConflictMode::Empty).ok();
    bencher.bench_local(|| query.as_ref().map(|query| query.text(Some(WINDOW)).is_ok()));
}

#[divan::bench(args = ["up", "dashboard", "durations"])]
fn cost(bencher: divan::Bencher<'_, '_>, name: &str) {
    let query = parse(text_of(name), &Options::default()).ok();
    bencher.bench_local(|| query.as_ref().map(|query| query.cost(WINDOW).is_ok()));
}

#[divan::bench]
fn a_thousand_terms(bencher: divan::Bencher<'_, '_>) {
    let text = vec!["foo"; 1000].join(" + ");
    let (rules, options) = (tenant(), Options { selectors: 1000, ..Options::default() });
    bencher.bench_local(|| ScopedQuery::new(&text, &rules, &options, ConflictMode::Empty).is_ok());
}
