//! What history cannot carry: exemplars, help texts, native histograms. Samples have their own times, so that both Prometheis
//! hold the same ones whenever they scrape.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::native;
use crate::support::exporter::{Exporter, Page};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The times of the samples, in seconds: 13, 15 s apart, the last one `end`.
fn times(end: i64) -> Vec<i64> {
    (0..13).map(|i| end - (12 - i) * 15).collect()
}

/// All pages, with samples that end at `end` (in seconds).
pub fn exporter(end: i64) -> Exporter {
    let times = times(end);
    let times_ms: Vec<i64> = times.iter().map(|t| t * 1000).collect();
    let text = |body: String| Page { content_type: OPENMETRICS, body: (body + "# EOF\n").into_bytes() };
    let native = |t: &str, seed| Page { content_type: native::CONTENT_TYPE, body: native::page(t, &times_ms, seed) };
    let (a, b) = (tenant("a", 1, &times), tenant("b", 7, &times));
    let pages = BTreeMap::from([
        ("/mixed/a".to_owned(), text(a.clone())),
        ("/mixed/b".to_owned(), text(b + &only_b(&times))),
        ("/mixed/platform".to_owned(), text(platform(&["b", "a", "aa"], &times))),
        ("/mixed/native/a".to_owned(), native("a", 1)),
        ("/mixed/native/b".to_owned(), native("b", 7)),
        ("/only/a".to_owned(), text(a + &platform(&["a"], &times))),
        ("/only/native/a".to_owned(), native("a", 1)),
    ]);
    Exporter::start(pages)
}

fn tenant(t: &str, seed: i64, times: &[i64]) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    line(format!("# HELP live_requests Requests as {t} tells it.\n# TYPE live_requests counter"));
    for pod in ["web-0", "web-1"] {
        for (i, at) in times.iter().enumerate() {
            let value = (i as i64 + 1) * seed;
            let exemplar = format!("# {{trace_id=\"{t}-{pod}-{i}\",namespace_hint=\"{t}\"}} {value} {at}");
            line(format!("live_requests_total{{namespace=\"{t}\",pod=\"{pod}\",job=\"shop\"}} {value} {at} {exemplar}"));
        }
    }
    line(format!("# HELP live_wait_seconds Waiting in {t}.\n# TYPE live_wait_seconds histogram\n# UNIT live_wait_seconds seconds"));
    for (le, part) in [("0.1", 1), ("1.0", 3), ("+Inf", 4)] {
        for (i, at) in times.iter().enumerate() {
            let value = part * (i as i64 + 1) * seed;
            line(format!("live_wait_seconds_bucket{{namespace=\"{t}\",le=\"{le}\"}} {value} {at} # {{span=\"{t}{le}{i}\"}} 0.05 {at}"));
        }
    }
    for (i, at) in times.iter().enumerate() {
        line(format!("live_wait_seconds_count{{namespace=\"{t}\"}} {} {at}", 4 * (i as i64 + 1) * seed));
        line(format!("live_wait_seconds_sum{{namespace=\"{t}\"}} {} {at}", (i as i64 + 1) * seed));
    }
    line(format!("# HELP live_temperature Same name, told by {t}.\n# TYPE live_temperature gauge"));
    for pod in ["web-0", "web-1"] {
        for at in times {
            line(format!("live_temperature{{namespace=\"{t}\",pod=\"{pod}\"}} {} {at}", 10 * seed + 20));
        }
    }
    line(format!("# HELP live_only_{t} A secret of {t}.\n# TYPE live_only_{t} gauge"));
    line(format!("live_only_{t}{{namespace=\"{t}\"}} {seed} {}", times[0]));
    // Families of `b` that are called like series of `a` without their endings.
    if t == "a" {
        line("# HELP backlog_count Open tasks of a.\n# TYPE backlog_count gauge".to_owned());
        line(format!("backlog_count{{namespace=\"a\"}} 5 {}", times[12]));
        line("# HELP plan_info Plan of a.\n# TYPE plan_info gauge".to_owned());
        line(format!("plan_info{{namespace=\"a\"}} 1 {}", times[12]));
    }
    out
}

fn only_b(times: &[i64]) -> String {
    let mut out = String::new();
    for (family, series, kind) in
        [("backlog", "backlog", "gauge"), ("plan", "plan", "gauge"), ("backlog_count_x", "backlog_count_x", "gauge")]
    {
        writeln!(out, "# HELP {family} What b does not tell.\n# TYPE {family} {kind}\n{series}{{namespace=\"b\"}} 1 {}", times[12])
            .unwrap();
    }
    out
}

/// One exporter that counts for all tenants, as kube-state-metrics does.
fn platform(namespaces: &[&str], times: &[i64]) -> String {
    let mut out = String::from("# HELP kube_pod_info About pods.\n# TYPE kube_pod_info gauge\n");
    for t in namespaces {
        for pod in ["web-0", "web-1"] {
            let labels = format!("namespace=\"{t}\",pod=\"{pod}\",job=\"kube\",instance=\"kube:80\"");
            writeln!(out, "kube_pod_info{{{labels}}} 1 {}", times[12]).unwrap();
        }
    }
    out
}
