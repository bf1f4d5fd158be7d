//! The upstream room against a stand-in that misbehaves and against a real Prometheus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]

mod credentials;
mod health;
mod nasty;
mod native;
mod places;
mod real;
#[path = "../support/request.rs"]
mod request;
mod requests;
mod retries;
mod stand_in;
mod tiers;
mod tls;
#[path = "../support/victoria.rs"]
mod victoria;
