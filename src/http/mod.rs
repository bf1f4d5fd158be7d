//! The HTTP API: axum handlers, one file per family and group of paths; inner errors become statuses in `error` and
//! `from_inner`, and nowhere else.
//!
//! * `prometheus`: family 1, the drop-in API
//! * `dashboards`: family 2, dashboards in the form of the Perses API, and what is around them
//! * `call`: sign-in, permission, narrowing and throttling, which every handler starts from
//! * `methods`: what is said to a method that a path does not take
//! * `params`, `read`, `time`: parameters, decoded once and strictly
//! * `pass`: an engine's reply for the client
//! * `validate`, `me`, `health`, `admin`: our own paths
//! * `track`, `recorder`, `arrival`: what is written down of a request

mod admin;
mod arrival;
mod call;
mod cors;
mod dashboards;
mod error;
mod from_inner;
mod health;
mod me;
mod methods;
mod narrow;
mod params;
mod pass;
mod prometheus;
mod read;
mod recorder;
mod time;
mod track;
mod validate;
mod visitors;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::config;
use crate::dashboards::Store;
use crate::query::{Engine, Fairness};
use crate::telemetry::{AuthProvider, Metrics, Readiness, RouteMetrics};
use crate::tenancy::{Authenticator, ProviderKind};

pub use admin::router as admin_router;
pub use arrival::{Arrival, Story};
use call::Call;
pub use error::refusal;
use error::{OwnError, PrometheusError};
use methods::{read, write};
pub use narrow::{leave_as_it_is, take_prefix};
pub use params::{ParamError, Params};
pub use recorder::Recorder;
pub use time::parse_duration;
pub use visitors::Visitors;

/// The version of Prometheus whose API this is, told while the upstream's own is not known.
const SPEAKS_LIKE: &str = "3.16.0";

/// What handlers share.
pub struct Site {
    /// Who is asking.
    pub authenticator: Authenticator,
    /// Answers queries.
    pub engine: Engine,
    /// The storage of dashboards.
    pub dashboards: Arc<Store>,
    /// Who has to wait.
    pub fairness: Fairness,
    /// People without a name, by address.
    pub visitors: Visitors,
    /// Where the public listener is reached from outside, for links.
    pub public_url: Option<String>,
    /// Whether requests are taken.
    pub readiness: Arc<Readiness>,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// The configuration in force, secrets masked.
    pub masked_config: String,
    /// When the process started.
    pub started: Instant,
    /// Counters by route template.
    pub routes: HashMap<&'static str, Arc<RouteMetrics>>,
}

/// The counters of every route, for [`Site::routes`].
pub fn route_metrics(metrics: &Metrics) -> HashMap<&'static str, Arc<RouteMetrics>> {
    track::TEMPLATES.iter().map(|template| (*template, metrics.route(template))).collect()
}

/// The public listener's routes.
pub fn router(site: Arc<Site>, settings: &config::Server) -> Router {
    let routes = prometheus::routes()
        .merge(dashboards::routes())
        .route("/api/v1/metrics/validate", write(post(validate::validate)))
        .route("/api/v1/auth/me", read(get(me::me)))
        .route("/api/v1/health", read(get(health::health)))
        .route("/live", read(get(health::live)))
        .route("/ready", read(get(health::ready)))
        .fallback(track::nothing_here)
        .layer(DefaultBodyLimit::disable());
    let routes = track::tracked(routes, &site);
    let routes = if settings.cors_origins.is_empty() { routes } else { routes.layer(cors::layer(&settings.cors_origins)) };
    // Event streams, small answers and what is compressed already are left alone by the layer itself.
    let compressed = if settings.compression { routes.layer(CompressionLayer::new().quality(CompressionLevel::Fastest)) } else { routes };
    compressed.with_state(site)
}

fn auth_provider(kind: ProviderKind) -> AuthProvider {
    match kind {
        ProviderKind::Static => AuthProvider::Static,
        ProviderKind::Jwt => AuthProvider::Jwt,
        ProviderKind::Anonymous => AuthProvider::Anonymous,
        ProviderKind::None => AuthProvider::None,
    }
}
