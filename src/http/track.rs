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
    "/api/v1/dashboards",
    "/api/v1/projects",
    "/api/v1/projects/{project}",
    "/api/v1/projects/{project}/dashboards",
    "/api/v1/projects/{project}/dashboards/{name}",
    "/api/v1/projects/{project}/dashboards/export",
    "/api/v1/projects/{project}/dashboards/import",
    "/api/v1/projects/{project}/dashboards/{name}/export",
    "/api/v1/projects/{project}/dashboards/{name}/clone",
    "/api/v1/projects/{project}/dashboards/{name}/restore",
    "/api/v1/projects/{project}/dashboards/{name}/shares",
    "/api/v1/projects/{project}/dashboards/{name}/shares/{id}",
    "/api/v1/shared/{token}",
    "/api/v1/shared/{token}/query",
    "/api/v1/shared/{token}/query_range",
    "/api/v1/projects/{project}/dashboards/{name}/versions",
    "/api/v1/projects/{project}/dashboards/{name}/versions/{version}",
    "/api/v1/projects/{project}/dashboards/{name}/versions/{version}/diff",
    "/api/v1/projects/{project}/dashboards/{name}/versions/{version}/restore",
    "/api/v1/projects/{project}/dashboards/from-template",
    "/api/v1/templates",
    "/api/v1/templates/{id}",
    "/api/v1/presets",
    "/api/v1/preferences",
    "/api/v1/preferences/favourites/{project}/{name}",
    "/api/v1/preferences/recents/{project}/{name}",
    "/api/v1/audit/logs",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Instant;

    use tower::ServiceExt;

    use super::super::{Story, admin_router, route_metrics, router};
    use super::*;
    use crate::config::Config;
    use crate::promql::{ConflictMode, Options};
    use crate::query::{Engine, Fairness};
    use crate::telemetry::{Metrics, Readiness, RequestId, TraceContext, Tracer};
    use crate::tenancy::{Authenticator, Policy};
    use crate::upstream::{Upstreams, install_crypto};

    fn site(config: &Config) -> Arc<Site> {
        install_crypto();
        let metrics = Metrics::new().unwrap();
        let upstreams = Arc::new(Upstreams::new(&config.upstreams, metrics.registry()).unwrap());
        let policy = Policy::new(&config.tenancy.labels);
        let (limits, options) = (config.limits.clone(), Options::default());
        Arc::new(Site {
            authenticator: Authenticator::new(&config.auth, true).unwrap(),
            engine: Engine::new(upstreams, policy, options, ConflictMode::Empty, limits, metrics.clone(), Tracer::disabled()),
            dashboards: Arc::new(crate::dashboards::Store::new(&config.dashboards, metrics.registry()).unwrap()),
            fairness: Fairness::new(1000.0, 1000),
            visitors: super::super::Visitors::default(),
            public_url: None,
            readiness: Arc::new(Readiness::new(&metrics)),
            masked_config: config.masked_yaml(),
            started: Instant::now(),
            routes: route_metrics(&metrics),
            metrics,
        })
    }

    #[tokio::test]
    async fn every_template_is_a_route_that_is_counted() {
        let config = Config::default();
        let site = site(&config);
        let routers = [router(site.clone(), &config.server), admin_router(site)];
        for template in TEMPLATES {
            let mut fits = false;
            for router in &routers {
                let arrival = Arc::new(Arrival {
                    client: None,
                    request_id: RequestId::generate(),
                    trace: TraceContext::new_root(false),
                    http2: false,
                    started: Instant::now(),
                    story: Story::default(),
                });
                // No handler takes it: nothing is asked of anybody.
                let request = Request::builder().method("DELETE").uri(template.replace("{name}", "x")).extension(arrival.clone());
                router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
                fits |= arrival.story.so_far().route.is_some_and(|route| route.template() == *template);
            }
            assert!(fits, "{template}");
        }
    }

    #[test]
    fn every_route_is_a_template_and_is_documented() {
        let sources =
            [include_str!("mod.rs"), include_str!("prometheus/mod.rs"), include_str!("dashboards/mod.rs"), include_str!("admin.rs")];
        // rustfmt puts a long one on a line of its own.
        let routes = sources.iter().flat_map(|source| source.split(".route(").skip(1)).map(|rest| rest.split('"').nth(1).unwrap());
        assert_eq!(routes.collect::<BTreeSet<_>>(), TEMPLATES.iter().copied().collect());
        let documented = include_str!("../../docs/api.md");
        for template in TEMPLATES {
            assert!(documented.contains(&format!("`{template}`")), "docs/api.md misses {template}");
        }
    }
}
