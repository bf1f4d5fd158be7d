//! A backend's own enforcement, against a real VictoriaMetrics: it holds although nothing of ours is in the query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hecate::config::{Upstream, UpstreamKind};
use hecate::promql::{MetricName, NameGuard, Refusal, Rule, ScopedSelectors, TenantRules};
use hecate::upstream::{ApiPath, Backend, Call, LabelName, NativeScope, Params};

use crate::stand_in::{backend, settings, text, whole};
use crate::victoria::VictoriaMetrics;

const LIMIT: Duration = Duration::from_secs(10);

/// Two metrics in each of two namespaces; `gpu` has its tenant in another label.
const SAMPLES: &str = "requests{namespace=\"a\"} 1\nrequests{namespace=\"b\"} 2\n\
                       gpu{namespace=\"exporter\",tenant=\"a\"} 3\ngpu{namespace=\"a\",tenant=\"b\"} 4\n";

struct Everything;

impl TenantRules for Everything {
    fn rule(&self, _name: MetricName<'_>) -> Result<Rule, Refusal> {
        Ok(Rule::Open(NameGuard::default()))
    }

    fn everything(&self) -> Vec<Rule> {
        let values: Arc<[String]> = ["a".to_owned()].into();
        let guard = |only: Option<&str>, except: Option<&str>| NameGuard { only: only.map(Into::into), except: except.map(Into::into) };
        vec![
            Rule::Tenant { label: "tenant".into(), values: Arc::clone(&values), names: guard(Some("gpu"), None) },
            Rule::Tenant { label: "namespace".into(), values, names: guard(None, Some("gpu")) },
        ]
    }
}

fn scope() -> Arc<NativeScope> {
    Arc::new(NativeScope::new(&ScopedSelectors::everything(&Everything).unwrap()).unwrap())
}

async fn body(backend: &Backend, mut call: Call, native: bool) -> String {
    call.native = native.then(scope);
    let (status, body) = whole(backend, call, LIMIT).await.unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn victoria_metrics_binds_what_no_matcher_bound() {
    let database = VictoriaMetrics::with(SAMPLES).await;
    let on = Upstream { kind: UpstreamKind::VictoriaMetrics, native_enforcement: true, timeout: LIMIT, ..settings(&database.url) };
    let (off, _) = backend(Upstream { native_enforcement: false, ..on.clone() });
    let (on, _) = backend(on);
    let all = text("{__name__=~\".+\"}");
    let query = |text: &str| Call::new(ApiPath::Query, Params::new().query(&crate::stand_in::text(text)), 1 << 20);
    let matching = |path| Call::new(path, Params::new().matcher(&all), 1 << 20);

    let count = |body: &str| {
        let parsed: serde_json::Value = serde_json::from_str(body).unwrap();
        parsed["data"]["result"][0]["value"][1].as_str().unwrap_or_default().to_owned()
    };
    let sum = "sum({__name__=~\".+\"})";
    let began = Instant::now();
    while count(&body(&off, query(sum), false).await).is_empty() {
        assert!(began.elapsed() < LIMIT, "what was imported does not appear");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count(&body(&off, query(sum), true).await), "10", "everything is there, and switched off nothing is added");
    assert_eq!(count(&body(&on, query(sum), false).await), "10", "cluster-wide scope");
    assert_eq!(count(&body(&on, query(sum), true).await), "4", "1 of requests and 3 of gpu");
    // As a form, too.
    let long = format!("{sum} + 0 * ({})", vec!["100"; 700].join("+"));
    assert_eq!(count(&body(&on, query(&long), true).await), "4");

    let series = body(&on, matching(ApiPath::Series), true).await;
    assert_eq!(series.matches("__name__").count(), 2, "{series}");
    let values = LabelName::new("namespace").unwrap();
    let of_all = body(&on, matching(ApiPath::LabelValues(values.clone())), false).await;
    let of_scope = body(&on, matching(ApiPath::LabelValues(values)), true).await;
    assert!(of_all.contains("[\"a\",\"b\",\"exporter\"]") && of_scope.contains("[\"a\",\"exporter\"]"), "{of_all} {of_scope}");
    let federated = body(&on, matching(ApiPath::Federate), true).await;
    assert_eq!(federated.lines().filter(|line| line.contains('{')).count(), 2, "{federated}");
}
