//! Conformance: every text that Prometheus 3.16 accepts is accepted, every one that it rejects is rejected, and what we print has the
//! same tree. The judge is `/api/v1/parse_query` of a real Prometheus; the texts come from the corpus that its Go module carries (read
//! where it lies), from a generator and from a mutator.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking, and shows its table")]

mod ast;
#[path = "../support/bare_prometheus.rs"]
mod bare_prometheus;
mod compare;
mod corpus;
mod generate;
mod http;
mod mutate;
mod prometheus;
mod rng;
mod second_opinion;

use compare::{Dialect, Tally};
use hecate::promql::Features;

const FEATURES: &str = "promql-experimental-functions,promql-binop-fill-modifiers,promql-unquoted-utf8-names";
const GENERATED: usize = 2500;
const MUTATED: usize = 5000;

fn run(dialect: Dialect, flags: Option<&str>, seed: u64) {
    let judge = prometheus::start(flags);
    let corpora = corpus::read();
    let all: Vec<&str> = corpora.iter().flat_map(|(_, texts)| texts.iter().map(String::as_str)).collect();
    let generated = generate::texts(seed, GENERATED);
    let mutated = mutate::texts(seed, MUTATED, &all);
    let mixed = mutate::texts(seed + 1, MUTATED / 2, &generated.iter().map(String::as_str).collect::<Vec<_>>());
    let groups = corpora.into_iter().chain([("generated", generated), ("mutated corpus", mutated), ("mutated generated", mixed)]);
    let mut problems = Vec::new();
    println!("{}", Tally::HEADER);
    for (name, texts) in groups {
        assert!(texts.len() > 40, "{name}: only {} expressions, the corpus was not found", texts.len());
        let (tally, mut found) = compare::all(&judge, &texts, dialect);
        println!("{}", tally.row(name, texts.len()));
        problems.append(&mut found);
        assert!(tally.accepted > 20 && tally.injected > 20, "{name}: almost nothing was compared");
    }
    assert!(problems.is_empty(), "{} differences:\n{}", problems.len(), problems[..problems.len().min(50)].join("\n"));
}

#[test]
fn as_prometheus_without_features() {
    run(Dialect { features: Features::default() }, None, 1);
}

#[test]
fn as_prometheus_with_all_features() {
    run(Dialect { features: Features::all() }, Some(FEATURES), 1001);
}
