//! A Prometheus that scrapes twenty series, with an hour and a half of history, and Hecate in front of it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::exporter::{Exporter, Page};
use crate::support::{Hecate, Prometheus, PrometheusOptions, users};

/// Seconds between two points.
pub const STEP: u64 = 15;
/// Seconds of a window.
pub const WINDOW: u64 = 3600;
const SERIES: u64 = 20;
const PAST: u64 = 5400;

/// What has to live as long as the measurement.
pub struct Stage {
    pub prometheus: Prometheus,
    _exporter: Exporter,
}

pub fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

pub async fn prometheus() -> Stage {
    let now = seconds_now() as u64;
    let exporter = Exporter::serving(|path| (path == "/metrics").then(page));
    let config = format!(
        "global: {{scrape_interval: {STEP}s}}\nscrape_configs:\n- job_name: bench\n  honor_labels: true\n  \
         static_configs: [{{targets: [\"{}\"], labels: {{instance: one}}}}]\n",
        exporter.address()
    );
    let mut history = String::from("# TYPE bench_requests counter\n");
    for pod in 0..SERIES {
        for time in (now - PAST..now).step_by(STEP as usize) {
            let labels = format!("namespace=\"a\",pod=\"pod-{pod}\",code=\"200\"");
            let _ = writeln!(history, "bench_requests_total{{job=\"bench\",instance=\"one\",{labels}}} {} {time}", value(pod, time));
        }
    }
    history.push_str("# EOF\n");
    let options = PrometheusOptions { config: &config, history: Some(&history), ..Default::default() };
    Stage { prometheus: Prometheus::start(options).await, _exporter: exporter }
}

fn page() -> Page {
    let now = seconds_now() as u64;
    let mut body = String::from("# TYPE bench_requests_total counter\n");
    for pod in 0..SERIES {
        let _ = writeln!(body, "bench_requests_total{{namespace=\"a\",pod=\"pod-{pod}\",code=\"200\"}} {}", value(pod, now));
    }
    Page { content_type: "text/plain; version=0.0.4", body: body.into_bytes() }
}

/// Grows at a rate that is no round number.
fn value(pod: u64, time: u64) -> u64 {
    (time - 1_600_000_000) * (100 + pod * 7) + time % 17
}

/// With limits that nothing here reaches.
pub fn hecate(upstream: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{upstream}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n\
         limits: {{rate_per_user: 1000000/s, concurrent_per_user: 100000, streams_per_user: 100000}}\n\
         cache: {{self_check: 0}}\nstream: {{max_connections: 100000}}\ntelemetry: {{access_log: false}}\n"
    );
    Hecate::start("max_connections: 100000", &rest, &[("users.yaml", &users(&[("ann", "token-a", "namespaces: [a]")]))])
}

/// A query that no other number has, over all twenty series.
pub fn query(number: usize) -> String {
    format!("sum by (namespace, pod) (rate(bench_requests_total{{pod=~\"pod-.*|m{number}\"}}[5m]))")
}

/// Which of them an enforced text is.
pub fn number_of(enforced: &str) -> Option<usize> {
    enforced.split("|m").nth(1)?.split('"').next()?.parse().ok()
}
