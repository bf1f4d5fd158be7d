//! Hecate: an edge proxy in front of Prometheus that shows every caller their own namespaces and nothing else.
//!
//! # Layout
//!
//! Rooms, from the door down to the cellar; imports run downward only (`tests/architecture.rs`):
//!
//! * [`config`]: one struct per topic, read and validated once (the stairwell, open to every floor)
//! * [`telemetry`]: logs, metrics, traces and health, called by every floor (the other stairwell)
//! * [`promql`]: ground floor, pure: parse, enforce, print and weigh expressions

#![forbid(unsafe_code)]

pub mod config;
pub mod promql;
pub mod telemetry;
