//! Family 1 of the API, against a real Prometheus: what an unchanged client sees.
//!
//! * `same`, `wrong`: the cluster administrator's answers are Prometheus' own
//! * `paths`: what is served, to whom, with which methods
//! * `narrowing`: namespaces in the path, the parameter and the header
//! * `limits`, `throttle`: what a query and a user may cost
//! * `sign_in`: 401 and 403
//! * `grafana`, `promtool`: requests of real clients
//! * `rules`: pages and filters; `validate`, `own`: our own paths

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(clippy::disallowed_methods, reason = "answers of parts that the test started itself")]

#[path = "../support/mod.rs"]
mod support;

mod grafana;
mod house;
mod limits;
mod narrowing;
mod own;
mod paths;
mod promtool;
mod rules;
mod same;
mod sign_in;
mod throttle;
mod validate;
mod wrong;
