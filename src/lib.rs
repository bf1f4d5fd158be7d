//! Hecate: an edge proxy in front of Prometheus that shows every caller their own namespaces and nothing else.
//!
//! # Layout
//!
//! Rooms, from the door down to the cellar; imports run downward only (`tests/architecture.rs`):
//!
//! * [`config`]: one struct per topic, read and validated once (the stairwell, open to every floor)
//! * [`upstream`]: the Prometheus-like backends: one pooled client for each, bounded in time, bytes and places
//! * [`promql`]: ground floor, pure: parse, enforce, print and weigh expressions

#![forbid(unsafe_code)]

pub mod config;
pub mod promql;
pub mod upstream;
