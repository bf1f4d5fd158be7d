//! Hecate: an edge proxy in front of Prometheus that shows every caller their own namespaces and nothing else.
//!
//! # Layout
//!
//! Rooms, from the door down to the cellar; imports run downward only (`tests/architecture.rs`):
//!
//! * [`app`]: builds the parts and hands them to each other; the commands
//! * [`proxy`]: Pingora: sockets, TLS, bounds, slow clients, drain, the bridge to axum
//! * [`http`]: axum: one file per family and group of paths; errors become statuses here
//! * [`query`]: the engine: enforce, weigh, ask, filter; explain; fairness per user
//! * [`stream`]: live streams: ticks, deltas, the hub of all connections, what replicas tell each other
//! * [`dashboards`]: the storage of dashboards, in SQLite or PostgreSQL
//! * [`upstream`]: clients of Prometheus-like backends: places, retries, health
//! * [`cache`]: what is remembered: keys, and the Redis that replicas share: values, leases, notices
//! * [`tenancy`]: who is asking, what they may see, which label says so
//! * [`promql`]: ground floor, pure: parse, enforce, print and weigh expressions
//! * [`series`]: ground floor, pure: cached range answers as text, cut into windows, plain or compressed
//! * [`config`]: one struct per topic, read and validated once (the stairwell, open to every floor)
//! * [`telemetry`]: logs, metrics, traces and health, called by every floor (the other stairwell)

#![forbid(unsafe_code)]

pub mod app;
pub mod cache;
pub mod config;
pub mod dashboards;
pub mod http;
pub mod promql;
pub mod proxy;
pub mod query;
pub mod series;
pub mod stream;
pub mod telemetry;
pub mod tenancy;
pub mod upstream;
