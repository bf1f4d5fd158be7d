//! Cached windows against a real Prometheus: what is put together again is byte for byte what it answers to the whole, plain and
//! through every reader of gzip that is at hand.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking, and shows what it compared")]

#[path = "../support/bare_prometheus.rs"]
mod bare_prometheus;
mod expressions;
mod history;
mod prometheus;
mod readers;
mod windows;

use prometheus::Prometheus;

/// The scrape interval, a multiple of it, and steps that share nothing with the scrape interval.
const STEPS_MS: &[i64] = &[15_000, 60_000, 15_500, 7_001, 333];

#[test]
fn windows_are_what_prometheus_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    history::write(&folder.path().join("data"));
    let judge = Prometheus::start(folder, "");
    let tally = windows::compare(&judge, expressions::HISTORY, STEPS_MS, history::START_MS..history::END_MS);
    println!("{tally:?}");
    assert!(tally.windows > 400 && tally.infos > 0 && tally.refused.len() < 4, "too little was compared: {tally:?}");
}

#[test]
fn native_histograms_are_what_prometheus_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = "global: {scrape_interval: 1s, scrape_native_histograms: true}\n\
                  scrape_configs: [{job_name: self, static_configs: [{targets: [\"ADDRESS\"]}]}]\n";
    let judge = Prometheus::start(folder, config);
    let settled = judge.wait_for_history("prometheus_http_request_duration_seconds", 20);
    let tally = windows::compare(&judge, expressions::NATIVE, &[1_000, 1_500, 250], settled);
    println!("{tally:?}");
    assert!(tally.windows > 60 && tally.histograms > 0 && tally.mixed > 0, "too little was compared: {tally:?}");
}

#[test]
fn every_reader_of_gzip_reads_it() {
    readers::check();
}
