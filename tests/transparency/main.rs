//! Transparency: whatever was asked before, the `data` of an answer are the very bytes that Prometheus gives to the same request.
//!
//! Expressions × windows × steps × what the cache knows already (nothing, the window itself, a part of it, its neighbours, all but
//! its middle). Everything is drawn from a seed, which a failure tells. `HECATE_TRANSPARENCY_SEED=n` draws from another one;
//! `HECATE_TRANSPARENCY=full` takes every history for every expression and door, which takes an hour.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]
#![expect(clippy::disallowed_methods, reason = "answers of parts that the test starts are small")]
#![expect(clippy::print_stdout, reason = "what was compared is worth a line")]

mod arriving;
#[path = "../isolation/corpus.rs"]
#[expect(dead_code, reason = "what the isolation tests expect of an entry is not of interest here")]
mod corpus;
mod data;
mod expressions;
#[path = "../isolation/history.rs"]
#[expect(dead_code, reason = "the history of one tenant alone is not of interest here")]
mod history;
mod instants;
mod judge;
mod metadata;
mod parameters;
mod ranges;
#[path = "../promql/rng.rs"]
#[expect(dead_code, reason = "what the tests of the language pick with is not needed here")]
mod rng;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
mod window;
mod world;
mod wrong;
