//! The Prometheus-like backends: a pooled client for each, bounded in time, bytes and places.
//!
//! # Layout
//!
//! * [`Upstreams`]: all of them, by name and role
//! * `tier`: the equal ones of one role, asked in their order ([`Tier::send`])
//! * `backend`: one of them: build, send, send again ([`Backend::send`])
//! * `call`, `path`, `params`: what may be asked ([`Call`], [`ApiPath`], [`Params`]); no text of a client becomes a path or a parameter name
//! * `native`: the backend's own enforcement, in addition to ours ([`NativeScope`])
//! * `body`: what comes back ([`Answer`], [`Body`])
//! * `error`, `prometheus_error`: failures, and which texts of an upstream a caller may read
//! * `wire`, `tls`: connections, kept and driven by the request that uses them
//! * `set_up`, `credentials`: what the settings make: fixed headers, tokens, and what can be wrong
//! * `places`, `budget`: who may ask now, fair between callers; how often a request is sent again
//! * `health`, `metrics`: up or down, numbers
//! * [`Perses`]: a Perses server, for what only it can do
//!
//! Invariant: whatever an upstream does, a call ends within its timeout, holds at most one piece of an answer, and
//! gives back its place when its caller goes away.

mod backend;
mod body;
mod budget;
mod call;
mod credentials;
mod error;
mod health;
mod metrics;
mod native;
mod params;
mod path;
mod perses;
mod places;
mod prometheus_error;
mod set_up;
mod tier;
mod tls;
mod wire;

use std::sync::Arc;

use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use backend::Backend;
pub use body::{Answer, Body};
pub use call::Call;
pub use error::UpstreamError;
pub use health::{Health, HealthState};
pub use native::NativeScope;
pub use params::{BadParam, ParamName, Params};
pub use path::{ApiPath, BadLabelName, LabelName};
pub use perses::{Perses, PersesError, PersesSetUpError};
pub use prometheus_error::{PublicError, prometheus_error};
pub use set_up::SetUpError;
pub use tier::Tier;
pub use tls::install_crypto;

use crate::config::{Role, Upstream};
use metrics::Families;

/// All configured upstreams, at least one.
pub struct Upstreams {
    all: Vec<Arc<Backend>>,
    hot: Arc<Tier>,
    cold: Option<Arc<Tier>>,
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
        let of_role = |role| Tier::new(all.iter().filter(|backend| backend.role() == role).cloned().collect()).map(Arc::new);
        let (hot, cold) = match (of_role(Role::Hot), of_role(Role::Cold)) {
            (Some(hot), cold) => (hot, cold),
            (None, cold) => (cold.ok_or(SetUpError::NoUpstream)?, None),
        };
        Ok(Upstreams { all, hot, cold })
    }

    /// Those with the newest data; the cold ones when none is hot.
    pub fn hot(&self) -> &Arc<Tier> {
        &self.hot
    }

    /// Those with what is older than the hot ones keep.
    pub fn cold(&self) -> Option<&Arc<Tier>> {
        self.cold.as_ref()
    }

    /// The first one with the newest data; the first of all when none is hot.
    pub fn default_hot(&self) -> &Arc<Backend> {
        self.hot.first()
    }

    /// Whether any of them enforces tenancy by itself and is to be told to.
    pub fn enforce_natively(&self) -> bool {
        self.all.iter().any(|backend| backend.settings.native_enforcement)
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
