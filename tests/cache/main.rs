//! The query cache from outside: what it asks for and what it spares, whom it answers alike, what it never keeps, and what it does when
//! Redis, an upstream or another replica fails. A counting proxy stands between Hecate and a real Prometheus.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly anywhere")]
#![expect(clippy::disallowed_methods, reason = "answers of parts that the test starts are small")]
#![expect(clippy::print_stdout, reason = "what was measured is worth a line")]

mod browser;
mod clock;
mod coalescing;
mod control;
#[path = "../transparency/data.rs"]
mod data;
mod faults;
mod garbage;
mod house;
mod leader;
mod load;
mod never_stored;
#[path = "../promql/rng.rs"]
#[expect(dead_code, reason = "what the tests of the language pick with is not needed here")]
mod rng;
mod self_check;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod tiers;
mod victoria;
mod windows;
