//! All streams of this process: which queries they share, how many there may be, and what they are told together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use prometheus::Registry;
use tokio::task::AbortHandle;

use super::events::{Events, Followed, Position};
use super::frame::{self, Bounds, Told};
use super::line::{Farewell, Line};
use super::metrics::{RefusedFor, StreamMetrics};
use super::out::Out;
use super::question::{Name, Refusal, Wanted};
use super::resume::{EventId, fingerprint};
use super::rights::{self, Rights};
use super::shared::Shared;
use super::tick::{AHEAD_MS, Ticker, now_ms};
use super::topic::{Held, Topic};
use crate::cache::{Digest, Remote};
use crate::config;

/// How often is looked whether a heartbeat is due.
const ROUND: Duration = Duration::from_millis(250);
/// After this long a client that lost its connection comes back.
const RETRY_MS: u64 = 2000;
/// Clients that are sent away come back over at least this time.
const RETURN_MS: u64 = 2500;

/// The streams of this process.
pub struct Hub {
    settings: HubSettings,
    remote: Option<Arc<Remote>>,
    pub(super) metrics: StreamMetrics,
    topics: Mutex<HashMap<Digest, Vec<Running>>>,
    lines: Mutex<HashMap<u64, Arc<Line>>>,
    users: Mutex<HashMap<u64, usize>>,
    held: Arc<Held>,
    next_number: AtomicU64,
    is_draining: AtomicBool,
    born: Instant,
}

/// What bounds the streams.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// `stream:`
    pub stream: config::Stream,
    /// `limits.streams_per_user`
    pub streams_per_user: usize,
    /// What was taken away takes effect after this long at the latest.
    pub revocation_bound: Duration,
}

/// A topic and who evaluates it.
struct Running {
    topic: Arc<Topic>,
    ticker: AbortHandle,
}

/// What a client asks for.
pub struct Opening {
    /// Equal for all streams of one user.
    pub user: u64,
    /// The queries, under names that differ.
    pub queries: Vec<Wanted>,
    /// Queries that cannot be asked, by name: told once.
    pub refused: Vec<(String, Refusal)>,
    /// What it brought back.
    pub last_event_id: Option<EventId>,
    /// As one gzip member, each piece of which can be read at once.
    pub is_gzip: bool,
    /// Whether it may go on.
    pub rights: Arc<dyn Rights>,
}

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `stream.max_connections`.
    #[error("this server has {limit} streams open, which is the most (stream.max_connections): try again later")]
    Connections {
        /// The bound.
        limit: usize,
    },
    /// `limits.streams_per_user`.
    #[error("{limit} streams of this user are open here, which is the most (limits.streams_per_user): one stream can carry many queries")]
    User {
        /// The bound.
        limit: usize,
    },
    /// `stream.max_queries`.
    #[error("{found} queries are more than the {limit} of one stream (stream.max_queries)")]
    Queries {
        /// How many were asked for.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// `stream.memory`.
    #[error("the windows of all streamed queries fill the memory that they may have (stream.memory): try again later")]
    Memory,
}

impl Hub {
    /// To be called within a runtime.
    ///
    /// # Errors
    /// When the name of a metric is taken.
    pub fn new(settings: HubSettings, remote: Option<Arc<Remote>>, registry: &Registry) -> Result<Arc<Hub>, prometheus::Error> {
        let held = Held { bytes: AtomicUsize::new(0), most: settings.stream.memory };
        let hub = Arc::new(Hub {
            settings,
            remote,
            metrics: StreamMetrics::register(registry)?,
            topics: Mutex::default(),
            lines: Mutex::default(),
            users: Mutex::default(),
            held: Arc::new(held),
            next_number: AtomicU64::new(1),
            is_draining: AtomicBool::new(false),
            born: Instant::now(),
        });
        tokio::spawn(beat(Arc::downgrade(&hub)));
        tokio::spawn(rights::watch(Arc::downgrade(&hub)));
        Ok(hub)
    }

    /// Opens a stream. While this process is going, it is one that says so and ends: the client comes back to another one.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn open(self: &Arc<Hub>, opening: Opening) -> Result<Events, Refused> {
        let Opening { user, queries, refused, last_event_id, is_gzip, rights } = opening;
        self.admit(user, &queries).inspect_err(|refused| self.metrics.refused(refused.limit()))?;
        let number = self.next_number.fetch_add(1, Relaxed);
        let told: Vec<Told> = queries.iter().map(told).collect();
        let line = Arc::new(Line::new(number, user, format!("{:016x}", rand::random::<u64>()), told, rights, self.elapsed_ms()));
        let interval_ms = self.check_interval_ms();
        line.beat_at.store(self.elapsed_ms() + (self.heartbeat_ms() as f64 * rand::random_range(0.5..1.0)) as u64, Relaxed);
        line.check_at.store(self.elapsed_ms() + (interval_ms as f64 * rand::random_range(0.5..1.0)) as u64, Relaxed);
        let fingerprint = fingerprint(&queries);
        let latest = now_ms() + AHEAD_MS;
        let had_ms = last_event_id.filter(|id| id.fingerprint == fingerprint && id.complete_ms <= latest).map(|id| id.complete_ms);
        self.metrics.connections.inc();
        self.metrics.subscriptions.add(queries.len() as i64);
        let followed = queries.into_iter().map(|query| self.follow(query, &line, had_ms)).collect();
        lock(&self.lines).insert(number, line.clone());
        if self.is_draining.load(Relaxed) {
            line.end(Farewell::Shutdown { retry_ms: self.retry_ms() });
        }
        let shared = self.remote.as_ref().is_some_and(|remote| remote.is_connected());
        let greeting = frame::connected(&line.stream, &line.told, &self.bounds(), shared, RETRY_MS + rand::random_range(0..RETRY_MS / 2));
        Ok(Events::new(self.clone(), line, followed, fingerprint, Out::new(is_gzip), &greeting, &refused))
    }

    /// Takes a place among the streams of this user.
    fn admit(&self, user: u64, queries: &[Wanted]) -> Result<(), Refused> {
        let stream = &self.settings.stream;
        if queries.len() > stream.max_queries {
            return Err(Refused::Queries { found: queries.len(), limit: stream.max_queries });
        }
        if lock(&self.lines).len() >= stream.max_connections {
            return Err(Refused::Connections { limit: stream.max_connections });
        }
        // With the last eighth taken, a new window would most likely find no room.
        let is_full = self.held.bytes.load(Relaxed) > stream.memory - stream.memory / 8;
        if is_full && queries.iter().any(|query| !self.is_running(query)) {
            return Err(Refused::Memory);
        }
        let mut users = lock(&self.users);
        let open = users.entry(user).or_insert(0);
        if *open >= self.settings.streams_per_user {
            return Err(Refused::User { limit: self.settings.streams_per_user });
        }
        *open += 1;
        Ok(())
    }

    fn is_running(&self, query: &Wanted) -> bool {
        let topics = lock(&self.topics);
        topics.get(&query.key.digest()).is_some_and(|list| list.iter().any(|running| running.is(&query.key, query.window_ms)))
    }

    /// Joins those who follow the query, or begins to evaluate it.
    fn follow(&self, query: Wanted, line: &Arc<Line>, had_ms: Option<i64>) -> Followed {
        let mut topics = lock(&self.topics);
        let list = topics.entry(query.key.digest()).or_default();
        let topic = match list.iter().find(|running| running.is(&query.key, query.window_ms)) {
            Some(running) => running.topic.clone(),
            None => {
                let name = Name { key: query.key, window_ms: query.window_ms };
                let topic = Arc::new(Topic::new(name.clone(), query.step_ms, query.evaluate, self.held.clone()));
                let shared = self.remote.clone().map(|remote| Shared::new(remote, name, query.step_ms));
                let ticker = tokio::spawn(Ticker::new(topic.clone(), shared, self.metrics.clone()).run()).abort_handle();
                list.push(Running { topic: topic.clone(), ticker });
                self.metrics.topics.inc();
                topic
            }
        };
        topic.listen(line);
        drop(topics);
        let state = topic.state();
        // A failure that was before the window that is there is not news.
        let failures = if state.newest.is_some() { state.failures } else { 0 };
        // Texts can always be written.
        let id = serde_json::to_string(&query.id).unwrap_or_default();
        let position = had_ms.map_or(Position::New, |ms| Position::Had(ms.div_euclid(topic.step_ms) * topic.step_ms));
        let has_ms = match position {
            Position::Had(ms) => Some(ms),
            _ => None,
        };
        Followed { topic, id, position, failures, has_ms, waits: None }
    }

    /// A stream has ended.
    pub(super) fn close(&self, line: &Line, followed: Vec<Arc<Topic>>) {
        lock(&self.lines).remove(&line.number);
        self.metrics.connections.dec();
        self.metrics.subscriptions.sub(followed.len() as i64);
        if matches!(line.farewell(), Some(Farewell::Revoked { .. })) {
            self.metrics.revoked.inc();
        }
        let mut users = lock(&self.users);
        if let Some(open) = users.get_mut(&line.user) {
            *open -= 1;
            if *open == 0 {
                users.remove(&line.user);
            }
        }
        drop(users);
        for topic in followed {
            let digest = topic.name.key.digest();
            let mut topics = lock(&self.topics);
            if topic.leave(line.number)
                && let Some(list) = topics.get_mut(&digest)
            {
                list.retain(|running| {
                    let stays = !Arc::ptr_eq(&running.topic, &topic);
                    if !stays {
                        running.ticker.abort();
                        self.metrics.topics.dec();
                    }
                    stays
                });
                if list.is_empty() {
                    topics.remove(&digest);
                }
            }
        }
    }

    /// Another replica has evaluated a tick.
    pub fn hear(&self, digest: &Digest, tick_ms: i64) {
        if let Some(list) = lock(&self.topics).get(digest) {
            list.iter().for_each(|running| running.topic.hear(tick_ms));
        }
    }

    /// Whether ticks of other replicas are heard, for the metrics.
    pub fn hears(&self, hears: bool) {
        self.metrics.listening.set(i64::from(hears));
    }

    /// Sends everybody away, those too who come from now on: this process goes.
    pub fn drain(&self) {
        self.is_draining.store(true, Relaxed);
        for line in self.lines(|_| true) {
            line.end(Farewell::Shutdown { retry_ms: self.retry_ms() });
        }
    }

    /// A time to come back after, spread so that not all come at once.
    fn retry_ms(&self) -> u64 {
        let clients = lock(&self.lines).len() as u64;
        500 + rand::random_range(0..RETURN_MS.max(clients / 2))
    }

    /// The streams that fit.
    pub(super) fn lines(&self, fits: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
        lock(&self.lines).values().filter(|line| fits(line)).cloned().collect()
    }

    /// Milliseconds since this hub began.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How often rights are looked at. What a look says may be half of the bound old already, and a look may be a round late.
    pub(super) fn check_interval_ms(&self) -> u64 {
        let half = (self.revocation_bound_ms() / 2).saturating_sub(millis(rights::ROUND));
        millis(self.settings.stream.revalidate).min(half).max(1)
    }

    pub(super) fn revocation_bound_ms(&self) -> u64 {
        millis(self.settings.revocation_bound)
    }

    fn heartbeat_ms(&self) -> u64 {
        millis(self.settings.stream.heartbeat)
    }

    /// The bounds in force.
    pub fn settings(&self) -> &HubSettings {
        &self.settings
    }

    fn bounds(&self) -> Bounds {
        let stream = &self.settings.stream;
        Bounds {
            queries: stream.max_queries,
            streams_per_user: self.settings.streams_per_user,
            min_interval_seconds: stream.min_interval.as_secs_f64(),
            max_interval_seconds: stream.max_interval.as_secs_f64(),
            heartbeat_seconds: stream.heartbeat.as_secs_f64(),
        }
    }
}

impl Running {
    fn is(&self, key: &crate::cache::Key, window_ms: i64) -> bool {
        self.topic.name.window_ms == window_ms && self.topic.name.key == *key
    }
}

impl Refused {
    fn limit(&self) -> RefusedFor {
        match self {
            Refused::Connections { .. } => RefusedFor::Connections,
            Refused::User { .. } => RefusedFor::User,
            Refused::Queries { .. } => RefusedFor::Queries,
            Refused::Memory => RefusedFor::Memory,
        }
    }
}

fn told(query: &Wanted) -> Told {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    Told {
        id: query.id.clone(),
        query: query.query.clone(),
        step_seconds: seconds(query.step_ms),
        window_seconds: seconds(query.window_ms),
    }
}

/// One task for the heartbeats of all streams.
async fn beat(hub: Weak<Hub>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(hub) = hub.upgrade() else { return };
        let now_ms = hub.elapsed_ms();
        for line in hub.lines(|line| line.beat_at.load(Relaxed) <= now_ms) {
            line.beat_at.store(now_ms + hub.heartbeat_ms(), Relaxed);
            line.beat();
        }
        hub.metrics.memory.set(i64::try_from(hub.held.bytes.load(Relaxed)).unwrap_or(i64::MAX));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
