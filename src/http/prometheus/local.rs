//! What Hecate answers itself, in Prometheus' shape.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::{Call, PrometheusError, Site};

/// Grafana asks this to learn what the API can do: so the upstream's version is what counts, once it is known.
pub(super) async fn buildinfo(State(site): State<Arc<Site>>, _call: Call) -> Result<Response<Body>, PrometheusError> {
    let upstream = site.engine.upstream_version();
    let told = |key: &str| upstream.as_ref().and_then(|data| data.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = Some(told("version")).filter(|v| !v.is_empty()).unwrap_or_else(|| super::super::SPEAKS_LIKE.to_owned());
    let data = json!({
        "version": version,
        "revision": told("revision"),
        "branch": told("branch"),
        "buildUser": concat!("hecate/", env!("CARGO_PKG_VERSION")),
        "buildDate": told("buildDate"),
        "goVersion": told("goVersion"),
    });
    Ok(Json(json!({"status": "success", "data": data})).into_response())
}

/// The process runs.
pub(super) async fn healthy() -> &'static str {
    "Hecate is Healthy.\n"
}

/// The process takes requests.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Response<Body> {
    if site.readiness.is_ready() {
        "Hecate is Ready.\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Hecate is not ready.\n").into_response()
    }
}
