//! Which route a request fits, for logs and metrics; and what is said where none fits.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::{Response, StatusCode};

use super::refusal;
use crate::telemetry::{Metrics, RouteMetrics};

/// Every route of the public listener that is counted. A route that is not on this list is counted as `unmatched`: a test
/// holds the list against the router.
pub const PUBLIC: &[&str] = &[
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
    "/api/v1/metrics/stream",
    "/api/v1/metrics/stream/status",
    "/api/v1/cache",
    "/api/v1/health",
    "/api/v1/auth/me",
    "/auth/me",
    "/auth/login",
    "/auth/callback",
    "/auth/logout",
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
    "/api/v1/shared/{token}/stream",
    "/api/v1/shared/{token}/series",
    "/api/v1/shared/{token}/labels",
    "/api/v1/shared/{token}/label/{label}/values",
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
    "/api/openapi.json",
    "/api/docs",
    "/live",
    "/ready",
];

/// The same for the admin listener.
pub const ADMIN: &[&str] = &["/metrics", "/live", "/ready", "/debug/config"];

/// The counters of one listener's routes, found by the path of a request before it is routed: asking the router which of its
/// routes it took would cost every request a layer.
pub struct Routes {
    plain: HashMap<&'static str, Arc<RouteMetrics>>,
    /// Those with segments that may be anything (`None`); what is said word for word comes before what may be anything.
    open: Vec<(Vec<Option<&'static str>>, Arc<RouteMetrics>)>,
}

impl Routes {
    /// For templates such as `/api/v1/query` and `/api/v1/label/{name}/values`.
    pub fn new(templates: impl IntoIterator<Item = &'static str>, metrics: &Metrics) -> Routes {
        let mut routes = Routes { plain: HashMap::new(), open: Vec::new() };
        for template in templates {
            let counters = metrics.route(template);
            if template.contains('{') {
                let segments = template.split('/').map(|segment| (!segment.starts_with('{')).then_some(segment));
                routes.open.push((segments.collect(), counters));
            } else {
                routes.plain.insert(template, counters);
            }
        }
        routes.open.sort_by_key(|(segments, _)| segments.iter().map(Option::is_none).collect::<Vec<_>>());
        routes
    }

    /// The counters of the route that takes this path.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<RouteMetrics>> {
        self.plain.get(path).or_else(|| self.open.iter().find(|(segments, _)| fits(path, segments)).map(|(_, counters)| counters))
    }
}

fn fits(path: &str, segments: &[Option<&str>]) -> bool {
    let mut parts = path.split('/');
    let all_fit = segments.iter().all(|segment| match (segment, parts.next()) {
        (Some(word), Some(part)) => *word == part,
        (None, Some(part)) => !part.is_empty(),
        (_, None) => false,
    });
    all_fit && parts.next().is_none()
}

/// The list of paths is an allow-list.
pub(super) async fn nothing_here(request: Request) -> Response<Body> {
    let path = request.uri().path();
    refusal(path, StatusCode::NOT_FOUND, "there is nothing at this path: docs/api.md lists what is served, and nothing else is passed on")
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use tower::ServiceExt;

    use super::super::{Accepts, Arrival, Site, Story, admin_router, router};
    use super::*;
    use crate::config::Config;
    use crate::promql::{ConflictMode, Options};
    use crate::query::{Engine, EngineSettings, Fairness};
    use crate::stream::{Hub, HubSettings};
    use crate::telemetry::{Metrics, Readiness, RequestId, TraceContext, Tracer};
    use crate::tenancy::{Authenticator, Policy};
    use crate::upstream::{Upstreams, install_crypto};

    /// What handlers share, with nobody behind it.
    pub(in crate::http) fn site(config: &Config) -> Arc<Site> {
        install_crypto();
        let metrics = Metrics::new().unwrap();
        let upstreams = Arc::new(Upstreams::new(&config.upstreams, metrics.registry()).unwrap());
        let policy = Policy::new(&config.tenancy.labels);
        let (limits, options) = (config.limits.clone(), Options::default());
        let hub = HubSettings { stream: config.stream.clone(), streams_per_user: 1, revocation_bound: Duration::from_secs(120) };
        Arc::new(Site {
            authenticator: Authenticator::new(&config.auth, true).unwrap(),
            engine: Arc::new(
                Engine::new(EngineSettings {
                    upstreams,
                    policy,
                    options,
                    conflict: ConflictMode::Empty,
                    limits,
                    cache: config.cache.clone(),
                    remote: None,
                    metrics: &metrics,
                    tracer: Tracer::disabled(),
                })
                .unwrap(),
            ),
            hub: Hub::new(hub, None, metrics.registry()).unwrap(),
            dashboards: Arc::new(crate::dashboards::Store::new(&config.dashboards, metrics.registry()).unwrap()),
            perses: None,
            fairness: Fairness::new(1000.0, 1000),
            visitors: super::super::Visitors::default(),
            authors: super::super::Authors::default(),
            sign_ins: super::super::Visitors::default(),
            front: super::super::Front::new(&config.server),
            public_url: None,
            readiness: Arc::new(Readiness::new(&metrics)),
            masked_config: config.masked_yaml(),
            started: Instant::now(),
            metrics,
        })
    }

    #[tokio::test]
    async fn every_template_is_a_route_of_its_listener_and_is_found() {
        let config = Config::default();
        let site = site(&config);
        for (router, templates) in [(router(site.clone(), &config.server), PUBLIC), (admin_router(site.clone()), ADMIN)] {
            let routes = Routes::new(templates.iter().copied(), &site.metrics);
            for template in PUBLIC.iter().chain(ADMIN) {
                let path = template.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
                let arrival = Arc::new(Arrival {
                    client: None,
                    request_id: RequestId::generate(),
                    trace: TraceContext::new_root(false),
                    http2: false,
                    accepts: Accepts::PLAIN,
                    started: Instant::now(),
                    story: Story::default(),
                });
                // No handler takes it: nothing is asked of anybody.
                let request = Request::builder().method("TRACE").uri(&path).extension(arrival);
                let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
                assert_eq!(answer.status() != StatusCode::NOT_FOUND, templates.contains(template), "{template}");
                assert_eq!(routes.find(&path).map(|route| route.template()), templates.contains(template).then_some(*template));
            }
        }
    }

    #[test]
    fn paths_find_their_route_and_no_other() {
        let routes = Routes::new(PUBLIC.iter().copied(), &Metrics::new().unwrap());
        for (path, template) in [
            ("/api/v1/query", Some("/api/v1/query")),
            ("/api/v1/label/caf%C3%A9/values", Some("/api/v1/label/{name}/values")),
            ("/api/v1/label//values", None),
            ("/api/v1/label/values", None),
            ("/api/v1/label/a/b/values", None),
            ("/api/v1/label/a/values/", None),
            ("/api/v1/projects/p/dashboards/d", Some("/api/v1/projects/{project}/dashboards/{name}")),
            ("/api/v1/projects/p/dashboards/export", Some("/api/v1/projects/{project}/dashboards/export")),
            (
                "/api/v1/projects/p/dashboards/d/versions/3/diff",
                Some("/api/v1/projects/{project}/dashboards/{name}/versions/{version}/diff"),
            ),
            ("/api/v1/projects//dashboards", None),
            ("/api/v1/query/", None),
            ("/API/v1/query", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(routes.find(path).map(|route| route.template()), template, "{path}");
        }
    }

    #[test]
    fn every_route_is_a_template_and_is_documented() {
        let sources =
            [include_str!("mod.rs"), include_str!("prometheus/mod.rs"), include_str!("dashboards/mod.rs"), include_str!("admin.rs")];
        // rustfmt puts a long one on a line of its own.
        let routes = sources.iter().flat_map(|source| source.split(".route(").skip(1)).map(|rest| rest.split('"').nth(1).unwrap());
        let templates: BTreeSet<_> = PUBLIC.iter().chain(ADMIN).copied().collect();
        assert_eq!(routes.collect::<BTreeSet<_>>(), templates);
        let documented = include_str!("../../docs/api.md");
        for template in templates {
            assert!(documented.contains(&format!("`{template}`")), "docs/api.md misses {template}");
        }
    }
}
