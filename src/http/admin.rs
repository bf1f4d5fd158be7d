//! The admin listener: metrics, liveness, and the configuration in force with its secrets masked.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};

use super::methods::read;
use super::{Site, health, track};
use crate::telemetry::Metrics;

/// Its routes; never part of the public listener.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/metrics", read(get(metrics)))
        .route("/live", read(get(health::live)))
        .route("/ready", read(get(health::ready)))
        .route("/debug/config", read(get(config)))
        .fallback(track::nothing_here)
        .with_state(site)
}

async fn metrics(State(site): State<Arc<Site>>) -> Response<Body> {
    match site.metrics.render() {
        Ok(text) => ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written out");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn config(State(site): State<Arc<Site>>) -> Response<Body> {
    ([(CONTENT_TYPE, "application/yaml")], site.masked_config.clone()).into_response()
}
