//! Which route a request fits, noted for logs and metrics; and what is said where none fits.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn_with_state};
use http::{Response, StatusCode};

use super::{Arrival, Site, refusal};

/// Every route that is counted. A route that is not on this list is counted as `unmatched`: a test holds the list
/// against the routers.
pub(super) const TEMPLATES: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/{name}/values",
    "/api/v1/format_query",
    "/api/v1/parse_query",
    "/api/v1/metadata",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/federate",
    "/api/v1/status/buildinfo",
    "/-/healthy",
    "/-/ready",
    "/api/v1/targets",
    "/api/v1/targets/metadata",
    "/api/v1/alertmanagers",
    "/api/v1/status/config",
    "/api/v1/status/flags",
    "/api/v1/status/tsdb",
    "/api/v1/status/runtimeinfo",
    "/api/v1/metrics/validate",
    "/api/v1/health",
    "/api/v1/auth/me",
    "/live",
    "/ready",
    "/metrics",
    "/debug/config",
];

/// Adds the note to every route.
pub(super) fn tracked(routes: Router<Arc<Site>>, site: &Arc<Site>) -> Router<Arc<Site>> {
    routes.route_layer(from_fn_with_state(site.clone(), note_route))
}

async fn note_route(axum::extract::State(site): axum::extract::State<Arc<Site>>, request: Request, next: Next) -> Response<Body> {
    let metrics = request.extensions().get::<MatchedPath>().and_then(|path| site.routes.get(path.as_str())).cloned();
    if let (Some(metrics), Some(arrival)) = (metrics, request.extensions().get::<Arc<Arrival>>()) {
        arrival.story.tell(|story| story.route = Some(metrics));
    }
    next.run(request).await
}

/// The list of paths is an allow-list.
pub(super) async fn nothing_here(request: Request) -> Response<Body> {
    let path = request.uri().path();
    refusal(path, StatusCode::NOT_FOUND, "there is nothing at this path: docs/api.md lists what is served, and nothing else is passed on")
}
