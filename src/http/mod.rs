//! The HTTP API: axum handlers, one file per family and group of paths; inner errors become statuses in `error` and
//! `from_inner`, and nowhere else.
//!
//! * `prometheus`: family 1, the drop-in API
//! * `dashboards`: family 2, dashboards in the form of the Perses API, and what is around them
//! * `authors`: links go with the right of those who gave them
//! * `call`: sign-in, permission, narrowing and throttling, which every handler starts from
//! * `auth`: people with a browser, and what a request shows of who it comes from
//! * `methods`: what is said to a method that a path does not take
//! * `timing`: where the time of a request went
//! * `params`, `read`, `time`: parameters, decoded once and strictly
//! * `compress`: for those who accept it
//! * `pass`, `etag`, `accepts`: an engine's reply for the client, what the client has already, and which encodings it takes
//! * `stream`: live streams: what is asked for, by whom, and what is open
//! * `validate`, `cache`, `me`, `health`, `admin`: our own paths
//! * `openapi`: all of it described, for programs and for people
//! * `track`, `recorder`, `arrival`: what is written down of a request

mod accepts;
mod admin;
mod arrival;
mod auth;
mod authors;
mod cache;
mod call;
mod compress;
mod cors;
mod dashboards;
mod error;
mod etag;
mod from_inner;
mod health;
mod me;
mod methods;
mod narrow;
mod openapi;
mod params;
mod pass;
mod prometheus;
mod read;
mod recorder;
mod stream;
mod time;
mod timing;
mod track;
mod validate;
mod visitors;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::config;
use crate::dashboards::Store;
use crate::query::{Engine, Fairness};
use crate::stream::Hub;
use crate::telemetry::{AuthProvider, Metrics, Readiness};
use crate::tenancy::{Authenticator, ProviderKind};
use crate::upstream::Perses;

pub use accepts::Accepts;
pub use admin::router as admin_router;
pub use arrival::{Arrival, Story};
pub use auth::Front;
pub use authors::Authors;
use call::Call;
pub use compress::compressed;
use error::{OwnError, PrometheusError};
pub use error::{refusal, with_error_id};
use methods::{both, drops, read, write};
pub use narrow::{leave_as_it_is, take_prefix};
pub use openapi::openapi;
pub use params::{ParamError, Params};
pub use recorder::Recorder;
pub use time::parse_duration;
pub use track::{ADMIN, PUBLIC, Routes};
pub use visitors::Visitors;

/// The version of Prometheus whose API this is, told while the upstream's own is not known.
const SPEAKS_LIKE: &str = "3.16.0";

/// What handlers share.
pub struct Site {
    /// Who is asking.
    pub authenticator: Authenticator,
    /// Answers queries.
    pub engine: Arc<Engine>,
    /// Live streams.
    pub hub: Arc<Hub>,
    /// The storage of dashboards.
    pub dashboards: Arc<Store>,
    /// A Perses server behind us, where there is one.
    pub perses: Option<Perses>,
    /// Who has to wait.
    pub fairness: Fairness,
    /// People without a name, by address.
    pub visitors: Visitors,
    /// Rights of those who may have given links.
    pub authors: Authors,
    /// People who sign in, by address.
    pub sign_ins: Visitors,
    /// How browsers reach this server.
    pub front: Front,
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
}

/// The public listener's routes.
pub fn router(site: Arc<Site>, settings: &config::Server) -> Router {
    let routes = prometheus::routes()
        .merge(dashboards::routes())
        .route("/api/v1/metrics/validate", write(post(validate::validate)))
        .route("/api/v1/metrics/stream", both(get(stream::open).post(stream::open)))
        .route("/api/v1/metrics/stream/status", read(get(stream::status)))
        .route("/api/v1/cache", drops(delete(cache::drop_kept)))
        .route("/api/v1/auth/me", read(get(me::me)))
        .route("/auth/me", read(get(me::me)))
        .route("/auth/login", both(get(auth::login).post(auth::enter)))
        .route("/auth/callback", read(get(auth::callback)))
        .route("/auth/logout", write(post(auth::logout)))
        .route("/api/v1/health", read(get(health::health)))
        .route("/api/openapi.json", read(get(openapi::serve_document)))
        .route("/api/docs", read(get(openapi::serve_page)))
        .route("/live", read(get(health::live)))
        .route("/ready", read(get(health::ready)))
        .fallback(track::nothing_here);
    // Every layer costs each request some allocations: what can be done once at the edge is done there.
    let routes = if settings.cors_origins.is_empty() { routes } else { routes.layer(cors::layer(&settings.cors_origins)) };
    routes.with_state(site)
}

fn auth_provider(kind: ProviderKind) -> AuthProvider {
    match kind {
        ProviderKind::Static => AuthProvider::Static,
        ProviderKind::Jwt => AuthProvider::Jwt,
        ProviderKind::Anonymous => AuthProvider::Anonymous,
        ProviderKind::None => AuthProvider::None,
    }
}
