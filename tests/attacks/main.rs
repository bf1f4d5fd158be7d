//! The families of attack: every request is sent to a Hecate before a real Prometheus in which everything of another
//! tenant carries a secret marker, and to one before an upstream that records what it gets. docs/security.md explains.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, clippy::large_futures, reason = "answers and futures of a test are small enough")]
#![allow(clippy::print_stdout, reason = "how many requests a family has is for --nocapture")]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod controls;
mod headers;
mod http2;
mod identity;
mod model;
mod parameters;
mod paths;
mod promql;
mod recorder;
mod stage;
mod world;
