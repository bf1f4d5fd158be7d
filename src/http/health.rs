//! `/live`, `/ready` and `/api/v1/health`: for probes and for people.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{Response, StatusCode};

use super::Site;
use crate::telemetry::{self, Health, ReadinessState};

/// The process runs; nothing outside it is looked at.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The process takes requests: started, and not draining.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Response<Body> {
    match site.readiness.state() {
        ReadinessState::Ready => "ready\n".into_response(),
        ReadinessState::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
        ReadinessState::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
    }
}

/// What is well and what is not. 503 only when nothing can be answered, so that a probe on it does not restart a
/// replica whose upstream is away for a moment.
pub(super) async fn health(State(site): State<Arc<Site>>) -> Response<Body> {
    let mut checks = site.engine.checks();
    checks.insert("database".to_owned(), site.dashboards.check());
    let health = Health::new(checks, site.started.elapsed());
    let status = match health.status {
        telemetry::State::Healthy | telemetry::State::Degraded => StatusCode::OK,
        telemetry::State::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health)).into_response()
}
