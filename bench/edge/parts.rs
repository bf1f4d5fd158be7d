//! The parts: a real Prometheus with history, Hecate in front of it, and what else stands in front of it today.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

pub use super::common::programs::nginx_proxy;
use super::common::programs::{Nginx, Program, hecate_with, nginx};
use super::support::{Hecate, free_port};

/// Where the history begins, in seconds since 1970: fixed, so that every run asks the same. It lasts three hours.
pub const BEGIN: u64 = 1_700_000_000 / 7200 * 7200;
const LENGTH: u64 = 3 * 3600;
const SERIES: usize = 20;

/// Twenty counters of namespace `a`, as many of `b`, a sample every 15 s, in OpenMetrics.
pub fn history() -> String {
    let mut text = String::from("# TYPE bench_requests counter\n");
    for namespace in ["a", "b"] {
        for pod in 0..SERIES {
            let (mut value, mut random) = (0u64, 1 + pod as u64 * 7919);
            for time in (BEGIN..BEGIN + LENGTH).step_by(15) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                value += 100 + (random >> 57);
                let _ = writeln!(text, "bench_requests_total{{namespace=\"{namespace}\",pod=\"pod-{pod}\",code=\"200\"}} {value} {time}");
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// One hour at 15 s; `selector` chooses how many series.
pub fn range_path(selector: &str) -> String {
    let query = format!("sum by (namespace, pod) (rate(bench_requests_total{{{selector}}}[5m]))");
    let start = BEGIN + 3600;
    format!("/api/v1/query_range?start={start}&end={}&step=15&query={}", start + 3600, encoded(&query))
}

/// An instant query that was not asked before.
pub fn unique_path(number: usize) -> String {
    let query = format!("sum by (pod) (rate(bench_requests_total{{namespace=\"a\",code=~\"2..\"}}[5m])) > {number}e-9");
    format!("/api/v1/query?time={}.{:03}&query={}", BEGIN + 3600 + number as u64 % 3600, number % 1000, encoded(&query))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Hecate with or without its access log. Every request goes to the upstream: what the cache does is measured elsewhere.
pub fn hecate(upstream: &str, access_log: bool) -> Hecate {
    hecate_with(upstream, &format!("telemetry: {{access_log: {access_log}}}\ncache: {{enabled: false}}\n"))
}

/// nginx that answers every request with this text at once: an upstream that costs next to nothing.
pub fn nginx_with(answer: &str) -> Option<Program> {
    nginx(Nginx::Sendfile, |folder| {
        fs::write(folder.join("answer.json"), answer).unwrap();
        let serve = format!("root {}; default_type application/json; try_files /answer.json =404;", folder.display());
        ("open_file_cache max=10;".to_owned(), format!("{serve} access_log off;"))
    })
}

/// prom-label-proxy, which enforces one label by the query parameter `namespace`.
pub fn label_proxy(upstream: &str) -> Option<Program> {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin/prom-label-proxy");
    if !binary.exists() {
        return None;
    }
    let port = free_port();
    let mut command = Command::new(binary);
    command.args(["-label", "namespace", "-query-param", "namespace", "-upstream", upstream]);
    command.arg("-insecure-listen-address").arg(format!("127.0.0.1:{port}"));
    Program::start(&mut command, port, tempfile::tempdir().ok()?)
}
