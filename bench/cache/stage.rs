//! The stage: a real Prometheus whose history is always the same, and where it is asked.

use std::fmt::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::common::load::Target;
use crate::common::programs::hecate_with;
use crate::support::{Hecate, Prometheus, PrometheusOptions};

/// Where the history begins, in seconds since 1970: fixed, so that every run asks the same.
pub const BEGIN: u64 = 1_700_000_000 / 7200 * 7200;
/// The usual step, and the distance of samples.
pub const STEP: u64 = 15;
/// Steps of the usual window: an hour.
pub const POINTS: u64 = 241;
/// Where the usual window begins.
pub const START: u64 = BEGIN + 2 * 3600;
/// How many series namespace `a` has of the counter.
pub const SERIES: u64 = 20;
/// How many series the wide gauges have: `bench_wide_1` and so on.
pub const WIDE: [u64; 4] = [1, 20, 200, 2000];

/// Twenty counters of namespace `a` and as many of `b` over eight hours, a sample every 15 s; with `wide`, gauges with long values over
/// two days, a sample every four minutes. In OpenMetrics.
pub fn history(wide: bool) -> String {
    let mut text = String::from("# TYPE bench_requests counter\n");
    let mut random = 1u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 11
    };
    for namespace in ["a", "b"] {
        for pod in 0..SERIES {
            let mut value = 0;
            for time in (BEGIN..BEGIN + 8 * 3600).step_by(15) {
                value += 100 + next() % 128;
                let _ = writeln!(text, "bench_requests_total{{namespace=\"{namespace}\",pod=\"pod-{pod}\",code=\"200\"}} {value} {time}");
            }
        }
    }
    for series in WIDE.into_iter().filter(|_| wide) {
        let _ = writeln!(text, "# TYPE bench_wide_{series} gauge");
        for pod in 0..series {
            for time in (BEGIN..BEGIN + 48 * 3600).step_by(240) {
                let value = next() as f64 / (1u64 << 53) as f64 * 1000.0;
                let _ = writeln!(text, "bench_wide_{series}{{namespace=\"a\",pod=\"pod-{pod}\"}} {value} {time}");
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// Prometheus with that history.
pub async fn prometheus(wide: bool) -> Prometheus {
    Prometheus::start(PrometheusOptions { history: Some(&history(wide)), ..Default::default() }).await
}

/// Hecate as it ships, but for limits on the rate; `cache` are further keys of `cache:`.
pub fn hecate(upstream: &str, cache: &str) -> Hecate {
    hecate_with(upstream, &format!("cache: {{{cache}}}\n"))
}

/// The tenant's way into Hecate.
pub fn tenant(name: &'static str, hecate: &Hecate) -> Target {
    Target { name, address: hecate.address().to_owned(), token: "token-a", also: "", pid: Some(hecate.pid()) }
}

/// Prometheus itself.
pub fn direct(prometheus: &Prometheus) -> Target {
    let address = prometheus.url().trim_start_matches("http://").to_owned();
    Target { name: "Prometheus, direct", address, token: "none", also: "", pid: Some(prometheus.pid()) }
}

/// A rate with long values, by pod; `selector` chooses how many series.
pub fn rate(selector: &str) -> String {
    format!("sum by (namespace, pod) (rate(bench_requests_total{{{selector}}}[5m]))")
}

/// One of the twenty series, and all of them.
pub const ONE: &str = "namespace=\"a\",pod=\"pod-0\"";
pub const ALL: &str = "namespace=\"a\"";

/// A range query of this many points from `start` on.
pub fn path(query: &str, start: u64, points: u64) -> String {
    let end = start + (points - 1) * STEP;
    format!("/api/v1/query_range?query={}&step={STEP}&start={start}&end={end}", encoded(query))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Windows that wrk asks for one after the other, and over again.
pub struct Script {
    pub file: PathBuf,
    /// Queries that cover all of them together.
    pub cover: Vec<String>,
    _folder: TempDir,
}

impl Script {
    /// Windows of this query, as first step, counted from `start`, and number of steps.
    pub fn from(query: &str, start: u64, windows: impl Iterator<Item = (u64, u64)> + Clone) -> Script {
        let (first, end) = (windows.clone().map(|w| w.0).min().unwrap(), windows.clone().map(|w| w.0 + w.1).max().unwrap());
        let mut lua = String::from("local paths, at = {}, 0\nfunction init(args)\n  for _, path in ipairs({\n");
        for (from, points) in windows {
            let _ = writeln!(lua, "    \"{}\",", path(query, start + from * STEP, points));
        }
        lua.push_str("  }) do paths[#paths + 1] = wrk.format(\"GET\", path) end\nend\n");
        lua.push_str("function request()\n  at = at % #paths + 1\n  return paths[at]\nend\n");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("windows.lua");
        std::fs::write(&file, lua).unwrap();
        // No answer may have more points than Prometheus allows.
        let cover = (first..end).step_by(10_000).map(|from| path(query, start + from * STEP, (end - from).min(10_000))).collect();
        Script { file, cover, _folder: folder }
    }

    /// Slides by one step at each request.
    pub fn slides(query: &str, points: u64) -> Script {
        Script::from(query, START, (0..400).map(move |from| (from, points)))
    }

    /// Changes its length at each request, around the usual one.
    pub fn lengths(query: &str) -> Script {
        Script::from(query, START, (0..61).map(|n| (0, POINTS - 30 + n * 37 % 61)))
    }
}
