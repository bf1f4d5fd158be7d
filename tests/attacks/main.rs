//! The families of attack: every request is sent to a Hecate before a real Prometheus in which everything of another
//! tenant carries a secret marker, and to one before an upstream that records what it gets. docs/security.md explains.

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
