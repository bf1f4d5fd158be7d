//! The product's own edge and router, with one more route whose answer is at hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ::http::HeaderValue;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use hecate::config::{self, Config};
use hecate::http::{self, Call, Encoding, Finished, Recorder, Site};
use hecate::promql::{ConflictMode, Options};
use hecate::proxy::{Bound, Edge};
use hecate::query::{Engine, EngineSettings, Fairness};
use hecate::telemetry::{AccessLog, Metrics, Readiness, SlowQueryLog};
use hecate::tenancy::{Authenticator, Policy};
use hecate::upstream::{Upstreams, install_crypto};
use tokio::sync::watch;

/// Small and large: one series and twenty, an hour at 15 s.
pub const SIZES: [usize; 2] = [8_000, 163_000];

/// Serves until the process is killed; says where on standard output.
#[expect(clippy::print_stdout, reason = "how its parent learns the address")]
pub fn serve(config: &Path) {
    let config = Config::load(Some(config), config::environment()).unwrap();
    let metrics = Metrics::new().unwrap();
    let telemetry = hecate::app::start_telemetry(&config, &metrics).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(config.server.threads).enable_all().build().unwrap();
    runtime.block_on(async {
        install_crypto();
        let settings = Arc::new(config.server.clone());
        let upstreams = Arc::new(Upstreams::new(&config.upstreams, metrics.registry()).unwrap());
        let policy = Policy::new(&config.tenancy.labels);
        let (options, limits) = (Options::default(), config.limits.clone());
        let engine = Engine::new(EngineSettings {
            upstreams,
            policy,
            options,
            conflict: ConflictMode::Empty,
            limits,
            cache: config.cache.clone(),
            remote: None,
            metrics: &metrics,
            tracer: telemetry.tracer(),
        })
        .unwrap();
        let site = Arc::new(Site {
            authenticator: Authenticator::new(&config.auth, true).unwrap(),
            engine,
            fairness: Fairness::new(config.limits.rate_per_user, config.limits.concurrent_per_user),
            readiness: Arc::new(Readiness::new(&metrics)),
            masked_config: config.masked_yaml(),
            started: Instant::now(),
            metrics: metrics.clone(),
        });
        let slow = SlowQueryLog::new(config.telemetry.slow_query, &metrics);
        let routes = http::Routes::new(["/answered/{bytes}"], &metrics);
        let recorder = Arc::new(Recorder::new(routes, &metrics, AccessLog::new(config.telemetry.access_log), slow, telemetry.tracer()));
        let router = http::router_with(answered(), site, &settings);
        let edge = Edge::new(router, http::take_prefix, settings.clone(), metrics, recorder);
        let bound = Bound::bind(settings.listen).unwrap();
        println!("{}", bound.address());
        let (_stop, stops) = watch::channel(false);
        bound.serve(edge, None, stops).await.unwrap();
    });
}

/// `/answered/{bytes}`: sign-in, permission, limits and parameters as for a range query; then bytes that are there.
fn answered() -> Router<Arc<Site>> {
    SIZES.into_iter().fold(Router::new(), |router, size| {
        let body = Bytes::from(super::body(size));
        let handler = async move |State(_): State<Arc<Site>>, call: Call| answer(&call_query(&call), call, body.clone());
        router.route(&format!("/answered/{size}"), get(handler.clone()).post(handler))
    })
}

/// The parameters of a range query, decoded.
fn call_query(call: &Call) -> (String, Vec<f64>) {
    let text = call.params.required("query").unwrap().to_owned();
    let number = |name| call.params.one(name).unwrap().map(|text| text.parse::<f64>().unwrap());
    (text, ["start", "end", "step", "timeout", "limit", "lookback_delta", "stats"].into_iter().filter_map(number).collect())
}

fn answer(query: &(String, Vec<f64>), call: Call, body: Bytes) -> impl IntoResponse + use<> {
    std::hint::black_box(query);
    let call_took = call.arrival.started.elapsed();
    let content_type = HeaderValue::from_static("application/json");
    let mut response = http::finished(Finished { body, encoding: Encoding::Plain, content_type, fingerprint: Some(7) }, call);
    response.headers_mut().insert("cache-status", HeaderValue::from_static("hecate; hit"));
    response.headers_mut().insert("server-timing", http::server_timing([("cache", call_took)]));
    response
}
