//! What the query cache gives, side by side with Prometheus itself and with nginx' cache: `cargo bench --bench cache`.
//!
//! Everything is measured in one run, in turns, so that ratios hold on any machine. `-- --rounds 2 --seconds 1 --refreshes 4` makes it
//! shorter, `--only NAME` (repeatable) chooses phases: repeat, slide, miss, redis, dashboards, live, memory, growth, together. The tables go
//! to standard output; a run of everything writes bench/RESULTS-cache.md and docs/caching-cost.svg.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::large_futures,
    reason = "a benchmark: what goes wrong ends it"
)]
#![allow(missing_docs, reason = "nobody calls it")]

#[path = "../common/mod.rs"]
mod common;
mod growth;
mod latency;
mod live;
mod memory;
mod plot;
mod samples;
mod stage;
#[path = "../../tests/support/mod.rs"]
mod support;
mod warm;

use std::path::Path;

use common::load;
use common::verdict::Report;
use live::Live;

/// How long and how much.
pub struct Plan {
    rounds: usize,
    /// Of load, for each target in each round.
    seconds: u64,
    /// Of each target in each round, where they are asked one at a time.
    queries: usize,
    /// Of a dashboard.
    refreshes: usize,
    only: Vec<String>,
    write: bool,
}

impl Plan {
    fn of(words: &[String]) -> Plan {
        let after = |name: &str| words.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1].clone()).collect::<Vec<_>>();
        let number = |name: &str, usual| after(name).first().map_or(usual, |text| text.parse().unwrap());
        let only = after("--only");
        Plan {
            rounds: number("--rounds", 5),
            seconds: number("--seconds", 3) as u64,
            queries: number("--queries", 300),
            refreshes: number("--refreshes", 40),
            write: only.is_empty() && !words.iter().any(|word| word == "--no-file"),
            only,
        }
    }

    fn has(&self, phase: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == phase)
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    // `cargo test` runs the targets of `cargo bench` too, without this word.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let plan = Plan::of(&words);
    assert!(load::has_wrk(), "wrk is missing: run make setup");
    let live = plan.has("live").then(|| Live::begin(plan.refreshes));
    eprintln!("starting Prometheus with history");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let prometheus = runtime.block_on(stage::prometheus(plan.has("growth")));
    let mut all = Report::default();
    let mut picture = None;
    if plan.has("repeat") {
        all.add(warm::repeat(&plan, &prometheus));
    }
    if plan.has("slide") {
        all.add(warm::slide(&plan, &prometheus));
    }
    if plan.has("miss") {
        all.add(latency::miss(&plan, &prometheus));
    }
    if plan.has("redis") {
        all.add(latency::redis(&plan, &prometheus, &runtime));
    }
    if plan.has("together") {
        all.add(samples::together(&plan, &prometheus, &runtime));
    }
    if plan.has("memory") {
        all.add(memory::million(&prometheus, &runtime));
    }
    if plan.has("growth") {
        let (report, svg) = growth::growth(&plan, &prometheus);
        all.add(report);
        picture = Some(svg);
    }
    if plan.has("dashboards") || live.is_some() {
        all.add(samples::dashboards(&plan, &prometheus, live, &runtime));
    }
    let text = format!("{}\n{}\n{}", preface(&plan), all.table(), all.text);
    println!("{text}");
    if plan.write {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(root.join("bench/RESULTS-cache.md"), text.trim_end().to_owned() + "\n").unwrap();
        picture.iter().for_each(|svg| std::fs::write(root.join("docs/caching-cost.svg"), svg).unwrap());
    }
}

fn preface(plan: &Plan) -> String {
    format!(
        "# What the query cache gives\n\n\
         Written by `cargo bench --bench cache`; docs/performance.md says what these figures mean and what they do not. One run on {} cores that the load \
         generator (wrk), Prometheus and everything in front of it share. {} rounds; in each round every target has its turn. Shown: **median** \
         (least–greatest) over the rounds.\n\n## Figures that have to be reached\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        plan.rounds,
    )
}
