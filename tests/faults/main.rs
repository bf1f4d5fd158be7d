//! Upstreams in trouble, and more requests than there are places: every answer is right, in time, and nothing is left behind.

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

mod away;
mod crowded;
mod cut;
mod large;
mod refusing;
mod silent;

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use support::{Answered, Hecate, StandIn, Wire, usual_users};

const QUERY: &str = "/api/v1/query?query=up";
/// Far above every bound that is set here, far below for ever.
const SOON: Duration = Duration::from_secs(10);

/// Hecate in front of this upstream with its keys, short times, and further configuration. It keeps nothing, so that every request meets
/// the fault by itself.
fn hecate(upstream: &str, more: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, {upstream}}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\ncache: {{enabled: false}}\n{more}"
    );
    Hecate::start("", &rest, &[("users.yaml", &usual_users())])
}

/// In front of a stand-in, with times that tests can wait for.
fn before(upstream: &StandIn) -> Hecate {
    hecate(&format!("url: \"{}\", timeout: 2s, connect_timeout: 1s, read_timeout: 1s", upstream.url()), "")
}

/// Alice's query; `None` when the connection ended before an answer began.
async fn ask(hecate: &Hecate) -> Option<Answered> {
    let mut wire = Wire::connect(hecate.address()).await;
    wire.get(QUERY).await;
    let began = Instant::now();
    let answer = wire.answer().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    answer
}

/// Prometheus' error form with this status and type: its text.
fn error(answer: &Answered, status: u16, kind: &str) -> String {
    assert_eq!(answer.status, status, "{} {}", answer.head, answer.text());
    assert!(answer.complete, "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.head);
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()));
    assert_eq!((&body["status"], &body["errorType"]), (&"error".into(), &kind.into()), "{body}");
    let text = body["error"].as_str().unwrap().to_owned();
    assert!(!text.is_empty() && !text.contains("127.0.0.1"), "{text}");
    let retry = answer.header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
    assert_eq!(retry.is_some_and(|seconds| seconds >= 1), matches!(status, 503 | 429), "{}", answer.head);
    text
}

/// A 503 in Prometheus' form that names the upstream.
fn unavailable(answer: Option<Answered>, kind: &str, part: &str) {
    let text = error(&answer.expect("no answer at all"), 503, kind);
    assert!(text.contains("prometheus") && text.contains(part), "{text}");
}
