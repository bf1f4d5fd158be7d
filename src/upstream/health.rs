//! How an upstream is: looked at in the background, and learned in passing. No request waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus::IntGauge;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::backend::Backend;
use super::error::UpstreamError;

/// One look takes no longer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Looks are not closer together, whatever is configured.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// Build information has some hundred bytes.
const BUILDINFO_LIMIT_BYTES: usize = 16 * 1024;

/// Whether an upstream answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// Not asked yet.
    Unknown,
    /// The last look or request was answered.
    Up,
    /// The last look or request was not.
    Down {
        /// The first failure since it was last up.
        since: SystemTime,
        /// The newest failure, fit to be shown.
        last_error: String,
    },
}

/// What we know of one upstream.
pub struct Health {
    upstream: Arc<str>,
    state: Mutex<HealthState>,
    /// Whether `state` is `Up`, so that the usual request takes no lock.
    is_up: AtomicBool,
    /// Whether `state` is `Down`.
    is_down: AtomicBool,
    buildinfo: Mutex<Option<Arc<Value>>>,
    up: IntGauge,
}

impl Health {
    pub(super) fn new(upstream: Arc<str>, up: IntGauge) -> Health {
        Health {
            upstream,
            state: Mutex::new(HealthState::Unknown),
            is_up: AtomicBool::new(false),
            is_down: AtomicBool::new(false),
            buildinfo: Mutex::new(None),
            up,
        }
    }

    /// The state now.
    pub fn state(&self) -> HealthState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The `data` of the upstream's own buildinfo answer, once it gave one.
    pub fn version(&self) -> Option<Arc<Value>> {
        self.buildinfo.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the last look or request found it away; what was not asked yet is not away.
    pub(super) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// It answered.
    pub(super) fn seen_up(&self) {
        if self.is_up.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let HealthState::Down { .. } = *state {
            tracing::info!(upstream = %self.upstream, "upstream answers again");
        }
        *state = HealthState::Up;
        self.is_up.store(true, Ordering::Relaxed);
        self.is_down.store(false, Ordering::Relaxed);
        self.up.set(1);
    }

    /// It could not be reached, or said that it is not ready.
    pub(super) fn seen_down(&self, error: &UpstreamError) {
        self.down(error.to_string(), error.detail());
    }

    fn down(&self, last_error: String, detail: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *state {
            HealthState::Down { since, .. } => since,
            HealthState::Unknown | HealthState::Up => {
                tracing::warn!(upstream = %self.upstream, detail, "upstream is down: {last_error}");
                SystemTime::now()
            }
        };
        *state = HealthState::Down { since, last_error };
        self.is_up.store(false, Ordering::Relaxed);
        self.is_down.store(true, Ordering::Relaxed);
        self.up.set(0);
    }

    fn learn(&self, buildinfo: Value) {
        *self.buildinfo.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(buildinfo));
    }
}

impl Backend {
    /// Looks at the upstream every `health_interval` until `shutdown` becomes true or its sender is gone.
    pub fn spawn_health(self: &Arc<Self>, mut shutdown: watch::Receiver<bool>) -> JoinHandle<()> {
        let backend = Arc::clone(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(backend.settings.health_interval.max(SHORTEST_INTERVAL));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let looking = async {
                loop {
                    ticks.tick().await;
                    backend.client.sweep();
                    backend.look().await;
                }
            };
            tokio::select! {
                () = looking => {}
                // Either way it is over: told to stop, or nobody is left to tell.
                _ = shutdown.wait_for(|stop| *stop) => {}
            }
        })
    }

    /// Asks once. Mimir and others have no `/-/ready` behind their prefix, old ones no buildinfo; everybody can add.
    async fn look(&self) {
        let ready = self.asked("/-/ready", "").await;
        if let Look::Failed = ready {
            return;
        }
        let buildinfo = self.asked("/api/v1/status/buildinfo", "").await;
        if let Look::Fine(body) = &buildinfo
            && let Ok(Envelope { data }) = serde_json::from_slice(body)
        {
            self.health.learn(data);
        }
        let fine = match (ready, buildinfo) {
            (Look::Fine(_), _) | (_, Look::Fine(_)) => true,
            (_, Look::Failed) => return,
            _ => match self.asked("/api/v1/query", "query=1").await {
                Look::Fine(_) => true,
                Look::Failed => return,
                Look::Unknown => false,
            },
        };
        if fine {
            self.health.seen_up();
        } else {
            let upstream = &self.health.upstream;
            self.health.down(format!("upstream {upstream} serves none of the paths of the Prometheus API: check its url"), "");
        }
    }

    /// One small GET. A failure is noted at once.
    async fn asked(&self, path: &str, params: &str) -> Look {
        let timeout = LOOK_TIMEOUT.min(self.settings.timeout);
        let asked = async {
            let mut answer = self.probe(path, params, BUILDINFO_LIMIT_BYTES as u64, timeout).await?;
            let body = answer.body.read_up_to(BUILDINFO_LIMIT_BYTES).await?;
            Ok::<_, UpstreamError>((answer.status, body.unwrap_or_default()))
        };
        match asked.await {
            Ok((200..=299, body)) => Look::Fine(body),
            Ok((400 | 404 | 405 | 501, _)) => Look::Unknown,
            Ok((status, _)) => {
                let upstream = &self.health.upstream;
                self.health.down(format!("upstream {upstream} is not ready: {path} answered {status}"), "");
                Look::Failed
            }
            Err(error) => {
                self.health.seen_down(&error);
                Look::Failed
            }
        }
    }
}

enum Look {
    Fine(bytes::Bytes),
    /// It does not know the path.
    Unknown,
    Failed,
}

#[derive(Deserialize)]
struct Envelope {
    data: Value,
}
