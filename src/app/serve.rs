//! The server: built, bound, run, drained.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{auth_metrics, blame};
use crate::cache::Remote;
use crate::config::{self, Config, ConfigError, ConfigErrors};
use crate::dashboards::Store;
use crate::http::{self, Recorder, Site};
use crate::promql::{ConflictMode, Features, Options};
use crate::proxy::{Bound, Certificates, Edge, ListenError};
use crate::query::{Engine, EngineSettings, Fairness};
use crate::stream::{Bus, Hub, HubSettings};
use crate::telemetry::{self, AccessLog, Metrics, Readiness, SlowQueryLog, Tracer};
use crate::tenancy::{Authenticator, Policy};
use crate::upstream::{Perses, Upstreams, install_crypto};

/// How long the start waits for the database of dashboards.
const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Values that only their rooms can judge: all of them.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// An address that is taken, or is none of this machine.
    #[error("{0}")]
    Address(ConfigError),
    /// A listener that ended.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The metrics of sign-in.
    #[error("a metric could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Everything, built and bound; nothing is accepted yet.
pub struct App {
    settings: Arc<config::Server>,
    public: (Bound, Edge),
    admin: (Bound, Edge),
    certificates: Option<Arc<Certificates>>,
    upstreams: Arc<Upstreams>,
    dashboards: Arc<Store>,
    readiness: Arc<Readiness>,
    hub: Arc<Hub>,
}

/// The parts that answer queries, without a listener: for the server and for `hecate explain`.
pub(super) struct Parts {
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) engine: Engine,
}

/// Clients, policy and engine.
///
/// # Errors
/// When a setting cannot be used.
pub(super) fn parts(config: &Config, metrics: &Metrics, tracer: &Tracer, remote: Option<Arc<Remote>>) -> Result<Parts, ConfigErrors> {
    install_crypto();
    let upstreams = Upstreams::new(&config.upstreams, metrics.registry()).map_err(|e| blame::upstream(config, &e).into());
    let features = Features::from_names(&config.promql.features).map_err(|e| blame::key(config, "promql.features", e.to_string()).into());
    let (upstreams, features) = blame::both(upstreams.map(Arc::new), features)?;
    let limits = &config.limits;
    let options = Options { bytes: limits.query_bytes, depth: limits.depth, selectors: limits.selectors, features, ..Options::default() };
    let conflict = match config.tenancy.conflict {
        config::Conflict::Empty => ConflictMode::Empty,
        config::Conflict::Error => ConflictMode::Error,
    };
    let policy = Policy::new(&config.tenancy.labels);
    let engine = Engine::new(EngineSettings {
        upstreams: upstreams.clone(),
        policy,
        options,
        conflict,
        limits: limits.clone(),
        cache: config.cache.clone(),
        remote,
        metrics,
        tracer: tracer.clone(),
    });
    let engine = engine.map_err(|e| blame::key(config, "cache", e.to_string()))?;
    Ok(Parts { upstreams, engine })
}

/// The Redis that replicas share, where there is one; connects in the background.
///
/// # Errors
/// When a setting or a file cannot be used.
fn remote(config: &Config, metrics: &Metrics) -> Result<Option<Arc<Remote>>, ConfigErrors> {
    let Some(redis) = config.cache.redis.as_ref().filter(|_| config.cache.enabled) else { return Ok(None) };
    let remote = Remote::new(redis, metrics.registry()).map_err(|e| blame::redis(config, &e))?;
    Ok(Some(Arc::new(remote)))
}

/// Live streams, which hear what other replicas evaluate where there is a Redis.
///
/// # Errors
/// When the name of a metric is taken.
fn hub(config: &Config, metrics: &Metrics, remote: Option<Arc<Remote>>, revocation_bound: Duration) -> Result<Arc<Hub>, StartError> {
    let settings = HubSettings { stream: config.stream.clone(), streams_per_user: config.limits.streams_per_user, revocation_bound };
    let channel = remote.as_ref().map(|remote| remote.ticks_channel().to_owned());
    let hub = Hub::new(settings, remote, metrics.registry())?;
    if let (Some(channel), Some(redis)) = (channel, config.cache.redis.clone()) {
        Bus::open(&hub, redis, channel);
    }
    Ok(hub)
}

/// What stands at the door: who is let in, and the certificate.
pub(super) struct Door {
    authenticator: Authenticator,
    certificates: Option<Arc<Certificates>>,
}

/// Providers of identity, and the certificate.
///
/// # Errors
/// When a setting or a file cannot be used.
pub(super) fn door(config: &Config) -> Result<Door, ConfigErrors> {
    install_crypto();
    let on_loopback = config.server.listen.ip().is_loopback();
    let authenticator = Authenticator::new(&config.auth, on_loopback).map_err(|e| blame::identity(config, &e).into());
    let certificates = config.server.tls.as_ref().map(Certificates::load).transpose().map_err(|e| blame::certificate(config, &e).into());
    let (authenticator, certificates) = blame::both(authenticator, certificates)?;
    Ok(Door { authenticator, certificates })
}

/// The storage of dashboards; nothing is connected yet.
///
/// # Errors
/// When its address cannot be used.
pub(super) fn store(config: &Config, metrics: &Metrics) -> Result<Arc<Store>, ConfigErrors> {
    install_crypto();
    let store = Store::new(&config.dashboards, metrics.registry()).map_err(|e| blame::store(config, &e))?;
    Ok(Arc::new(store))
}

/// The Perses server behind us, where there is one.
///
/// # Errors
/// When no client can be made.
fn perses(config: &Config, metrics: &Metrics) -> Result<Option<Perses>, ConfigErrors> {
    Ok(Perses::new(&config.perses, metrics.registry()).map_err(|e| blame::key(config, "perses.url", e.to_string()))?)
}

/// Starts logs and traces.
///
/// # Errors
/// A setting that cannot be used.
pub fn start_telemetry(config: &Config, metrics: &Metrics) -> Result<telemetry::Guard, StartError> {
    telemetry::init(&config.telemetry, metrics).map_err(|e| StartError::Config(blame::telemetry(config, &e).into()))
}

impl App {
    /// Builds the parts and binds the listeners, so that everything that can be wrong is wrong before anything is served.
    ///
    /// # Errors
    /// A setting that cannot be used, a file that cannot be read, an address that is taken.
    pub fn build(config: &Config, metrics: &Metrics, tracer: &Tracer, started: Instant) -> Result<App, StartError> {
        let queries = || {
            let remote = remote(config, metrics)?;
            Ok((parts(config, metrics, tracer, remote.clone())?, remote))
        };
        let ((Parts { upstreams, engine }, remote), (Door { authenticator, certificates }, dashboards)) =
            blame::both(queries(), blame::both(door(config), store(config, metrics)))?;
        engine.listen();
        let settings = Arc::new(config.server.clone());
        let readiness = Arc::new(Readiness::new(metrics));
        auth_metrics::register(authenticator.stats().clone(), metrics.registry())?;
        let hub = hub(config, metrics, remote, authenticator.revocation_bound())?;
        let site = Arc::new(Site {
            authenticator,
            engine: Arc::new(engine),
            hub: hub.clone(),
            dashboards: dashboards.clone(),
            perses: perses(config, metrics)?,
            fairness: Fairness::new(config.limits.rate_per_user, config.limits.concurrent_per_user),
            visitors: http::Visitors::default(),
            authors: http::Authors::default(),
            sign_ins: http::Visitors::default(),
            front: http::Front::new(&config.server),
            public_url: config.server.public_url.clone(),
            readiness: readiness.clone(),
            metrics: metrics.clone(),
            masked_config: config.masked_yaml(),
            started,
        });
        let recorder = |templates: &[&'static str], access_log| {
            let slow = SlowQueryLog::new(config.telemetry.slow_query, metrics);
            let routes = http::Routes::new(templates.iter().copied(), metrics);
            Arc::new(Recorder::new(routes, metrics, AccessLog::new(access_log), slow, tracer.clone()))
        };
        let edge = |router, prepare, settings: &Arc<config::Server>, recorder| {
            Edge::new(router, prepare, settings.clone(), metrics.clone(), recorder)
        };
        let public_recorder = recorder(http::PUBLIC, config.telemetry.access_log);
        let public = edge(http::router(site.clone(), &settings), http::take_prefix as _, &settings, public_recorder);
        // Scrapes and probes every few seconds are not worth a line.
        let admin_settings = Arc::new(config::Server { compression: false, ..config.server.clone() });
        let admin = edge(http::admin_router(site), http::leave_as_it_is as _, &admin_settings, recorder(http::ADMIN, false));
        let bind = |key, address| Bound::bind(address).map_err(|e| StartError::Address(blame::key(config, key, e.to_string())));
        Ok(App {
            public: (bind("server.listen", settings.listen)?, public),
            admin: (bind("server.admin_listen", settings.admin_listen)?, admin),
            settings,
            certificates,
            upstreams,
            dashboards,
            readiness,
            hub,
        })
    }

    /// Where it listens: the public address and the admin address.
    pub fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.public.0.address(), self.admin.0.address())
    }

    /// Whether the public listener speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.certificates.is_some()
    }

    /// Serves, says so by calling `serving`, and goes on until `stop`; then says that it is not ready, goes on for `server.drain_delay`, and ends what is under way
    /// within `server.drain`. The admin listener goes last, so that the drain can be watched.
    ///
    /// # Errors
    /// When a listener cannot be set up.
    pub async fn run(self, serving: impl FnOnce(), stop: impl Future<Output = ()>) -> Result<(), StartError> {
        let (stop_public, public_stops) = watch::channel(false);
        let (stop_admin, admin_stops) = watch::channel(false);
        let _health = self.upstreams.spawn_health(&admin_stops);
        // The tables are there before the first request, unless the database is away: then everything else is served.
        let _ = tokio::time::timeout(DATABASE_PATIENCE, self.dashboards.migrate()).await;
        let upkeep = self.dashboards.spawn_upkeep(&admin_stops);
        if let Some(certificates) = &self.certificates {
            tokio::spawn(certificates.clone().watch());
        }
        let (bound, edge) = self.public;
        let public = tokio::spawn(bound.serve(edge, self.certificates, public_stops));
        let (bound, edge) = self.admin;
        let admin = tokio::spawn(bound.serve(edge, None, admin_stops));
        self.readiness.set_ready();
        serving();

        stop.await;
        self.readiness.set_draining();
        tracing::info!(drain_seconds = self.settings.drain.as_secs(), "draining: no longer ready, requests under way are ended");
        tokio::time::sleep(self.settings.drain_delay).await;
        self.hub.drain();
        let _ = stop_public.send(true);
        if let Ok(stopped) = public.await {
            let abandoned = stopped?.abandoned;
            if abandoned > 0 {
                tracing::warn!(connections = abandoned, "the drain time is over: connections that are still busy are cut");
            }
        }
        let _ = stop_admin.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(2), upkeep).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), admin).await;
        Ok(())
    }
}
