//! The edge as a client meets it: Hecate as a process, sockets, files and signals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failure here is a failed test")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::large_futures,
    reason = "bounds are what is tested"
)]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod compression;
mod continued;
mod drain;
mod health;
mod http2;
mod keep_alive;
mod logs;
mod methods;
mod metrics;
mod slow_clients;
mod start;
mod tls;
mod traces;

use support::{Hecate, usual_users};

/// Hecate with these `server` keys, in front of this upstream with its keys, and further configuration. It keeps nothing, so that
/// every request goes all the way.
fn hecate(server: &str, upstream: &str, more: &str) -> Hecate {
    hecate_that_keeps(server, upstream, &format!("cache: {{enabled: false}}\n{more}"))
}

/// The same with its cache as shipped.
fn hecate_that_keeps(server: &str, upstream: &str, more: &str) -> Hecate {
    let rest =
        format!("upstreams: [{{name: prometheus, {upstream}}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n{more}");
    Hecate::start(server, &rest, &[("users.yaml", &usual_users())])
}

/// In front of a stand-in that answers at once.
async fn simple(server: &str) -> (Hecate, support::StandIn) {
    let upstream = support::StandIn::answering(support::stand_in::NOTHING, std::time::Duration::ZERO).await;
    let hecate = hecate(server, &format!("url: \"{}\"", upstream.url()), "");
    (hecate, upstream)
}

const QUERY: &str = "/api/v1/query?query=up";
