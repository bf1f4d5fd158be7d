//! What live streams cost: `cargo bench --bench stream`.
//!
//! `-- --idle 2000 --streams 200 --ticks 3` makes it shorter, `--only idle` or `--only load` chooses one. The tables go to standard output; a run of
//! everything at its usual size writes bench/RESULTS-stream.md.

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

mod client;
#[path = "../common/mod.rs"]
mod common;
mod idle;
mod load;
mod stage;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::Path;

use common::verdict::Report;

/// How much.
pub struct Plan {
    /// Streams that have nothing to do.
    pub idle: usize,
    /// Streams with work.
    pub streams: usize,
    /// Steps of 15 s that are measured.
    pub ticks: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    // `cargo test` runs the targets of `cargo bench` too, without this word.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let after = |name: &str| words.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    let number = |name: &str, usual| after(name).map_or(usual, |text| text.parse().unwrap());
    let plan = Plan { idle: number("--idle", 10_000), streams: number("--streams", 1_000), ticks: number("--ticks", 8) };
    let only = after("--only");
    let has = |phase: &str| only.as_deref().is_none_or(|only| only == phase);
    let is_whole = only.is_none() && (plan.idle, plan.streams) == (10_000, 1_000) && plan.ticks >= 8;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut all = Report::default();
    eprintln!("starting Prometheus with history");
    let prometheus = runtime.block_on(stage::prometheus());
    if has("idle") {
        all.add(runtime.block_on(idle::measure(&plan, &prometheus)));
    }
    if has("load") {
        for form in [client::Form::Plain, client::Form::Gzip] {
            all.add(runtime.block_on(load::measure(&plan, &prometheus, form)));
        }
    }
    let preface = format!(
        "# What live streams cost\n\n\
         Written by `cargo bench --bench stream`. One run on {} cores that Prometheus, Hecate and all clients share.\n\n## Figures that have to be reached\n",
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    let text = format!("{preface}\n{}\n{}", all.table(), all.text);
    println!("{text}");
    if is_whole && !words.iter().any(|word| word == "--no-file") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/RESULTS-stream.md");
        std::fs::write(file, text.trim_end().to_owned() + "\n").unwrap();
    }
}
