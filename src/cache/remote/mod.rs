//! The second level of the cache, on Redis or Valkey, shared by all replicas.
//!
//! Nothing in here is needed for an answer: Redis may be away, slow, full or wrong, and costs a request never more than its [`Budget`], and
//! nothing at all once it is known. Nothing that Redis answers is believed unchecked (`envelope`).
//!
//! From a request down: `Remote` → `core` (connection, breaker, time, count) → `line` (one connection that is kept) → `dialer`
//! (one server, Sentinels, a cluster). `lease` and `follow` share out work, `bus` is the one subscription that wakes whoever waits,
//! `ticks` announces what streams have evaluated, `writer` stores in the background, `scripts` calls what stands in `lua/`.

mod breaker;
mod budget;
mod bus;
mod core;
mod dialer;
mod envelope;
mod error;
mod follow;
mod followers;
mod lease;
mod line;
mod metrics;
mod names;
mod notices;
mod probe;
mod scripts;
mod ticks;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prometheus::Registry;
use tokio::sync::broadcast;

use self::bus::Bus;
use self::core::Core;
use self::metrics::Operation;
use self::writer::Writer;
use super::Key;
use crate::config;

pub use self::budget::Budget;
pub use self::envelope::Stored;
pub use self::error::{NoticeError, ProbeError, RemoteError};
pub use self::follow::{Follow, Followed};
pub use self::lease::{Claim, Lease, Published};
pub use self::probe::probe;
pub use self::ticks::Tick;

/// How long a lease lives without renewal.
const LEASE_TTL: Duration = Duration::from_secs(5);
/// Longest answer to one read, in bytes: with many parts each may be shorter.
const MAX_ANSWER: usize = 64 << 20;
/// Parts that one read may ask for.
const MAX_PARTS: usize = 4096;

/// The shared cache. Cheap to clone; connections end with the last clone.
#[derive(Clone)]
pub struct Remote {
    inner: Arc<Inner>,
    lease_ttl: Duration,
}

struct Inner {
    core: Arc<Core>,
    writer: Writer,
    _bus: Bus,
}

impl Remote {
    /// Begins to connect in the background and returns at once, whether Redis is there or not. To be called within a runtime.
    ///
    /// # Errors
    /// A PEM file that cannot be used, or a metric that is registered already.
    pub fn new(settings: &config::Redis, registry: &Registry) -> Result<Remote, RemoteError> {
        let core = Arc::new(Core::new(settings, registry)?);
        let (writer, bus) = (Writer::open(&core), Bus::open(&core));
        Ok(Remote { inner: Arc::new(Inner { core, writer, _bus: bus }), lease_ttl: LEASE_TTL })
    }

    /// The same with leases that live this long without renewal; the default is five seconds.
    #[must_use]
    pub fn with_lease_ttl(self, lease_ttl: Duration) -> Remote {
        Remote { lease_ttl, ..self }
    }

    /// Whether requests have a connection now.
    pub fn is_connected(&self) -> bool {
        self.inner.core.requests.get().is_some()
    }

    /// Reads parts of one key in one round trip, in the order asked for. Whatever is not there, not in time or not to be believed is `None`.
    pub async fn read(&self, key: &Key, parts: &[i64], budget: &mut Budget) -> Vec<Option<Stored>> {
        let core = &self.inner.core;
        let asked = &parts[..parts.len().min(MAX_PARTS)];
        let digest = key.digest();
        let longest = envelope::MAX_VALUE.min(MAX_ANSWER / asked.len().max(1));
        let mut stored = Vec::with_capacity(parts.len());
        if !asked.is_empty() {
            let mut gets = redis::Pipeline::with_capacity(asked.len());
            for part in asked {
                // Not MGET: a value that somebody else put there could have half a gigabyte. One byte more tells that it is longer.
                gets.cmd("GETRANGE").arg(core.names.part(&digest, *part)).arg(0).arg(longest);
            }
            gets.ignore_errors();
            let ask = async |mut connection| gets.query_async::<Vec<redis::Value>>(&mut connection).await;
            if let Ok(values) = core.within(Operation::Read, budget, ask).await {
                stored.extend(asked.iter().zip(values).map(|(part, value)| believed(core, key, *part, value, longest)));
            }
        }
        stored.resize(parts.len(), None);
        stored
    }

    /// Stores parts of one key in the background, for `ttl`. Never waits; what the queue has no room for, and what Redis does not take, is
    /// dropped and counted.
    pub fn write(&self, key: &Key, parts: Vec<(i64, Bytes)>, ttl: Duration) {
        self.inner.writer.write(&self.inner.core, key, parts, ttl);
    }

    /// Asks for the lease for `what`, some work on a key. Between a read that missed and the claim somebody may have published:
    /// see [`Lease::is_after_publication`].
    pub async fn claim(&self, key: &Key, what: u64, budget: &mut Budget) -> Claim {
        lease::claim(&self.inner.core, key, what, self.lease_ttl, budget).await
    }

    /// Tells all replicas, this one too, and keeps the notice for `keep` for replicas that are away now; at most 1,000 notices of at most 4 KiB.
    /// The same notice again counts from now. Waits a second at most.
    ///
    /// # Errors
    /// When Redis did not take it.
    pub async fn post(&self, notice: Bytes, keep: Duration) -> Result<(), NoticeError> {
        notices::post(&self.inner.core, notice, keep).await
    }

    /// Tells the replicas that listen that a tick of the query with this key was evaluated. Waits a second at most.
    pub async fn announce(&self, key: &Key, at_ms: i64) {
        ticks::announce(&self.inner.core, key, at_ms).await;
    }

    /// The channel that [`Remote::announce`] speaks on.
    pub fn ticks_channel(&self) -> &str {
        &self.inner.core.names.ticks_channel
    }

    /// Notices from now on, with their time in ms since 1970 by Redis' clock. After every connection, also the first, those that still stand are
    /// told again. A receiver that lags is told so, and must take it that everything was said.
    pub fn notices(&self) -> broadcast::Receiver<(i64, Bytes)> {
        self.inner.core.notices.subscribe()
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("connected", &self.is_connected()).finish_non_exhaustive()
    }
}

fn believed(core: &Core, key: &Key, part: i64, value: redis::Value, longest: usize) -> Option<Stored> {
    let opened = match value {
        redis::Value::BulkString(value) if value.is_empty() => return None,
        redis::Value::Nil => return None,
        redis::Value::BulkString(value) if value.len() > longest => Err(envelope::Rejected::Oversize),
        redis::Value::BulkString(value) => envelope::open(key, part, value),
        // Something that is no string stands there.
        _ => Err(envelope::Rejected::Foreign),
    };
    match opened {
        Ok(stored) => {
            core.metrics.bytes_read.inc_by(stored.bytes.len() as u64);
            Some(stored)
        }
        Err(reason) => {
            core.metrics.rejected(reason);
            None
        }
    }
}

/// Whole milliseconds, at least one: Redis takes no zero.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2).clamp(1, i64::MAX / 2)
}
