//! Live streams from outside: a real Prometheus that is fed while they run, a real Redis, replicas as processes, and clients that know
//! nothing but docs/streams.md.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly anywhere")]
#![expect(clippy::disallowed_methods, reason = "answers of parts that the test starts are small")]

mod assembled;
mod bounds;
mod client;
mod cluster;
mod dashboard;
mod faults;
mod feed;
mod first;
mod gzip;
mod redises;
mod rolling;
mod schema;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod through;
mod world;
