//! Hecate: an edge proxy in front of Prometheus that shows every caller their own namespaces and nothing else.
//!
//! # Layout
//!
//! Rooms, from the door down to the cellar; imports run downward only (`tests/architecture.rs`):
//!
//! * [`config`]: one struct per topic, read and validated once (the stairwell, open to every floor)
//! * [`tenancy`]: who is asking, what they may see, which label of which metric says so
//! * [`promql`]: ground floor, pure: parse, enforce, print and weigh expressions

#![forbid(unsafe_code)]

pub mod config;
pub mod promql;
pub mod tenancy;
