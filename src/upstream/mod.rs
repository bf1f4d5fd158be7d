//! The Prometheus-like backends: a pooled client for each, bounded in time, bytes and places.
//!
//! # Layout
//!
//! * [`Upstreams`]: all of them, by name and role
//! * `backend`: one of them: build, send, send again ([`Backend::send`])
//! * `call`, `path`, `params`: what may be asked ([`Call`], [`ApiPath`], [`Params`]); no text of a client becomes a path or a parameter name
//! * `body`: what comes back ([`Answer`], [`Body`])
//! * `error`, `prometheus_error`: failures, and which texts of an upstream a caller may read
//! * `client`, `credentials`: settings of the HTTP client, TLS and tokens
//! * `budget`, `health`, `metrics`: places and retries, up or down, numbers
//!
//! Invariant: whatever an upstream does, a call ends within its timeout, holds at most one piece of an answer, and
//! gives back its place when its caller goes away.

mod backend;
mod body;
mod budget;
mod call;
mod client;
mod credentials;
mod error;
mod health;
mod metrics;
mod params;
mod path;
mod prometheus_error;

use std::sync::Arc;

use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use backend::Backend;
pub use body::{Answer, Body};
pub use call::Call;
pub use client::{SetUpError, install_crypto};
pub use error::UpstreamError;
pub use health::{Health, HealthState};
pub use params::{BadParam, ParamName, Params};
pub use path::{ApiPath, BadLabelName, LabelName};
pub use prometheus_error::{PublicError, prometheus_error};

use crate::config::{Role, Upstream};
use metrics::Families;

/// All configured upstreams, at least one.
pub struct Upstreams {
    all: Vec<Arc<Backend>>,
    default_hot: Arc<Backend>,
}

impl Upstreams {
    /// Sets all of them up and registers their metrics; connects to none. Reads certificate and token files.
    pub fn new(settings: &[Upstream], registry: &Registry) -> Result<Upstreams, SetUpError> {
        for (place, upstream) in settings.iter().enumerate() {
            if settings[..place].iter().any(|earlier| earlier.name == upstream.name) {
                return Err(SetUpError::NameTwice(upstream.name.clone()));
            }
        }
        let families = Families::register(registry)?;
        let all =
            settings.iter().map(|upstream| Ok(Arc::new(Backend::new(upstream, &families)?))).collect::<Result<Vec<_>, SetUpError>>()?;
        let hot = all.iter().find(|backend| backend.role() == Role::Hot).or_else(|| all.first());
        let default_hot = Arc::clone(hot.ok_or(SetUpError::NoUpstream)?);
        Ok(Upstreams { all, default_hot })
    }

    /// The first one with the newest data; the first of all when none is hot.
    pub fn default_hot(&self) -> &Arc<Backend> {
        &self.default_hot
    }

    /// The one with this configured name.
    pub fn get(&self, name: &str) -> Option<&Arc<Backend>> {
        self.all.iter().find(|backend| backend.name() == name)
    }

    /// All, in the order of the configuration.
    pub fn all(&self) -> &[Arc<Backend>] {
        &self.all
    }

    /// Starts looking at the health of all, until `shutdown` becomes true or its sender is gone.
    pub fn spawn_health(&self, shutdown: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        self.all.iter().map(|backend| backend.spawn_health(shutdown.clone())).collect()
    }
}
