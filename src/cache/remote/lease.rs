//! Leases across replicas: the first to miss does the work, the others wait for what comes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::budget::Budget;
use super::core::{Core, Failure};
use super::follow::Follow;
use super::followers::{LeaseId, Place, Word};
use super::metrics::{Leased, Operation};
use super::{millis, writer};
use crate::cache::Key;

/// How long the mark of a publication stays: longer than any time between a read and the claim that follows it.
const MARK_MS: i64 = 2000;
/// Longest publication, in bytes: a script holds up the whole server while it stores them.
const MAX_PUBLICATION: usize = 64 << 20;

/// What became of asking for the lease.
#[derive(Debug)]
pub enum Claim {
    /// The work is ours.
    Lead(Lease),
    /// Another does it, here or on another replica.
    Follow(Follow),
    /// Redis is away or slow: to be done without asking anybody.
    Alone,
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Stored, and everybody who waits is awake.
    Done,
    /// The lease was no longer ours: nothing was stored.
    Fenced,
    /// Redis did not take it: nobody may count on it. Those who wait are woken when that is possible.
    Unavailable,
}

/// The right, and the duty, to do some work. Renewed in the background, given back when dropped.
#[derive(Debug)]
pub struct Lease {
    held: Arc<Held>,
    renewal: JoinHandle<()>,
    runtime: Handle,
    is_after_publication: bool,
    is_settled: bool,
}

/// What identifies a lease that is ours.
struct Held {
    core: Arc<Core>,
    key: Key,
    id: LeaseId,
    names: [String; 2],
    token: String,
    ttl: Duration,
    is_lost: AtomicBool,
}

/// Asks for the lease. Listens before it asks, so that no wake-up is lost.
pub(super) async fn claim(core: &Arc<Core>, key: &Key, what: u64, ttl: Duration, budget: &mut Budget) -> Claim {
    let id = LeaseId { digest: key.digest(), what };
    let Some(place) = core.followers.listen(id) else {
        core.metrics.leased(Leased::Alone);
        return Claim::Alone;
    };
    let names = [core.names.lease(&id.digest, what), core.names.mark(&id.digest, what)];
    let token = format!("{:032x}", rand::random::<u128>());
    let held = Held { core: core.clone(), key: key.clone(), id, names, token, ttl, is_lost: AtomicBool::new(false) };
    // Whoever stops waiting for the answer may have got the lease without hearing of it.
    let mut asking = Asking(Some(Arc::new(held)));
    let answer = match &asking.0 {
        Some(held) => ask(held, budget).await,
        None => Err(Failure::Away),
    };
    let claim = judge(answer, &mut asking, place);
    core.metrics.leased(match &claim {
        Claim::Lead(_) => Leased::Lead,
        Claim::Follow(_) => Leased::Follow,
        Claim::Alone => Leased::Alone,
    });
    claim
}

async fn ask(held: &Held, budget: &mut Budget) -> Result<(i64, i64), Failure> {
    let arguments = [held.token.clone(), millis(held.ttl).to_string()];
    let ask = async |mut connection| held.core.scripts.claim.run(&mut connection, &held.names, &arguments).await;
    held.core.within(Operation::Claim, budget, ask).await
}

fn judge(answer: Result<(i64, i64), Failure>, asking: &mut Asking, place: Place) -> Claim {
    // Only after silence is it unknown whether the lease is ours.
    let held = if answer == Err(Failure::Timeout) { None } else { asking.0.take() };
    match (answer, held) {
        (Ok((1, lately)), Some(held)) => {
            let renewal = tokio::spawn(renew(held.clone()));
            Claim::Lead(Lease { held, renewal, runtime: Handle::current(), is_after_publication: lately == 1, is_settled: false })
        }
        (Ok((_, ms)), Some(held)) => {
            let left = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
            Claim::Follow(Follow::new(held.core.clone(), held.names[0].clone(), place, left))
        }
        _ => Claim::Alone,
    }
}

/// A claim that is under way; when it is dropped before the answer, the lease is given back in case it was granted.
struct Asking(Option<Arc<Held>>);

impl Drop for Asking {
    fn drop(&mut self) {
        let (Some(held), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        // On the same connection as the claim, so that it arrives behind it.
        runtime.spawn(async move {
            let mut budget = Budget::new(super::core::PATIENCE);
            let core = &held.core;
            let _ = core.within(Operation::Release, &mut budget, |connection| release(&held, connection)).await;
        });
    }
}

async fn release(held: &Held, mut connection: super::dialer::Connection) -> Result<i64, redis::RedisError> {
    let failed = held.id.message(Word::Failed);
    let arguments = [held.token.as_bytes(), held.core.names.leases_channel.as_bytes(), &failed];
    held.core.scripts.release.run(&mut connection, &held.names[..1], &arguments).await
}

/// Lets the lease live on until the task is aborted, or the lease is another's.
async fn renew(held: Arc<Held>) {
    let arguments = [held.token.clone(), millis(held.ttl).to_string()];
    loop {
        tokio::time::sleep(held.ttl / 3).await;
        let renewed = held.core.behind(Operation::Renew, None, async |mut connection| {
            held.core.scripts.renew.run::<i64>(&mut connection, &held.names[..1], &arguments).await
        });
        // After a failure there is time for another attempt.
        if renewed.await == Ok(0) {
            held.is_lost.store(true, Relaxed);
            held.core.metrics.leased(Leased::Lost);
            return;
        }
    }
}

impl Lease {
    /// Whether somebody published a moment ago: what was missing may be there by now, and is worth reading again before any work.
    pub fn is_after_publication(&self) -> bool {
        self.is_after_publication
    }

    /// Whether it is known to be another's by now; whatever is published would be fenced off.
    pub fn is_lost(&self) -> bool {
        self.held.is_lost.load(Relaxed)
    }

    /// Stores the parts, gives the lease back and wakes everybody, in one step; does nothing when the lease is another's by now.
    /// Takes a second at most; whoever has an answer to give does not wait for it.
    pub async fn publish(mut self, parts: Vec<(i64, Bytes)>, ttl: Duration) -> Published {
        self.renewal.abort();
        let (held, core) = (self.held.clone(), self.held.core.clone());
        let total: usize = parts.iter().map(|(_, payload)| payload.len()).sum();
        let sealed = if total > MAX_PUBLICATION { Vec::new() } else { writer::seal_all(&core, &held.key, &parts) };
        if sealed.is_empty() && !parts.is_empty() {
            self.fail().await;
            return Published::Unavailable;
        }
        let mut keys = held.names.to_vec();
        keys.extend(sealed.iter().map(|(part, _)| core.names.part(&held.id.digest, *part)));
        let bytes = sealed.iter().map(|(_, value)| value.len() as u64).sum();
        let answer = core.behind(Operation::Publish, Some(&core.writes), async |mut connection| {
            let words = [held.id.message(Word::Published), held.id.message(Word::Failed)];
            let numbers = [MARK_MS.to_string(), millis(ttl).to_string()];
            let mut arguments = vec![held.token.as_bytes(), core.names.leases_channel.as_bytes(), &words[0], &words[1]];
            arguments.extend(numbers.iter().map(String::as_bytes));
            arguments.extend(sealed.iter().map(|(_, value)| value.as_slice()));
            core.scripts.publish.run::<i64>(&mut connection, &keys, &arguments).await
        });
        let published = match answer.await {
            Ok(1) => Published::Done,
            Ok(0) => Published::Fenced,
            Ok(_) | Err(_) => Published::Unavailable,
        };
        core.metrics.leased(match published {
            Published::Done => Leased::Published,
            Published::Fenced => Leased::Fenced,
            Published::Unavailable => Leased::Failed,
        });
        if published == Published::Done {
            core.metrics.bytes_written.inc_by(bytes);
        }
        // What Redis did not take may be taken off its hands a moment later: dropping the lease gives it back.
        self.is_settled = published != Published::Unavailable;
        published
    }

    /// Gives the lease back, so that whoever waits goes on at once.
    pub async fn fail(mut self) {
        self.is_settled = true;
        self.renewal.abort();
        self.held.core.metrics.leased(Leased::Failed);
        give_back(&self.held).await;
    }
}

async fn give_back(held: &Held) {
    let _ = held.core.behind(Operation::Release, None, |connection| release(held, connection)).await;
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        if !self.is_settled {
            let held = self.held.clone();
            self.runtime.spawn(async move { give_back(&held).await });
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("id", &self.id).finish_non_exhaustive()
    }
}
