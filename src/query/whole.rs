//! Whole answers to one very question: instant queries, series and labels, and range queries that have no blocks.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use super::ask::{Origin, Whole, now_ms};
use super::finished::Form;
use super::invalidation::CLOCKS_MS;
use super::kept::{Kept, Subject};
use super::outcome::{AskedUpstream, Outcome, Source};
use super::parts::Parts;
use super::stored::Stored;
use super::{Accepts, QueryError, Reply};
use crate::cache::{Budget, Claim, Followed, Key, Lease};
use crate::upstream::{Call, Tier};

/// For how long an answer is kept that nothing can change any more.
const SETTLED_LIFE_MS: i64 = 2 * 3_600_000;
/// For how long an error that is about the question is given again.
const REFUSED: Duration = Duration::from_secs(3);
/// Refused questions that are remembered.
const MOST_REFUSED: usize = 1024;
/// Nobody waits longer than this for another replica's fetch.
const LONGEST_FOLLOW: Duration = Duration::from_secs(10);
/// Shorter bodies are not compressed.
const WORTH_COMPRESSING: usize = 1400;

/// One answer that is kept.
pub(super) struct WholeEntry {
    pub(super) subject: Subject,
    stored: Stored,
    gzip: OnceLock<Bytes>,
    number: u64,
}

impl WholeEntry {
    pub(super) fn weight_bytes(&self) -> u64 {
        let gzip = self.gzip.get().map_or(0, Bytes::len);
        (size_of::<WholeEntry>() + self.stored.body.len() + gzip + self.subject.weight_bytes()) as u64
    }
}

/// A question.
pub(super) struct Question {
    pub(super) key: Key,
    pub(super) subject: Subject,
    pub(super) tier: Arc<Tier>,
    pub(super) call: Call,
    pub(super) origin: Origin,
    /// How long the answer is good for while it may change, and from which time on it cannot.
    pub(super) life: Life,
    /// What is shown to those who ask what was asked.
    pub(super) account: AskedUpstream,
}

/// How long an answer is good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// While samples may still change it, in milliseconds.
    pub(super) fresh_ms: i64,
    /// It cannot change any more when the upstream was asked at or after this time, in milliseconds since 1970.
    pub(super) settled_from_ms: i64,
}

impl Life {
    pub(super) fn ms(self, as_of_ms: i64) -> i64 {
        if as_of_ms >= self.settled_from_ms { SETTLED_LIFE_MS } else { self.fresh_ms }
    }
}

/// Fetches under way and refusals of a moment ago, by question.
#[derive(Default)]
pub(super) struct WholeFlights(Mutex<Table>);

#[derive(Default)]
struct Table {
    flying: HashMap<Key, watch::Receiver<Option<Landing>>>,
    refused: HashMap<Key, (Instant, QueryError)>,
}

#[derive(Clone)]
struct Landing {
    result: Result<Arc<Kept>, QueryError>,
    source: Source,
    kept: bool,
    reason: Option<&'static str>,
    upstream: Duration,
}

enum Joined {
    Wait(watch::Receiver<Option<Landing>>),
    Fetch(watch::Sender<Option<Landing>>, watch::Receiver<Option<Landing>>),
    Refused(QueryError),
}

impl WholeFlights {
    fn join(&self, key: &Key) -> Joined {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = table.flying.get(key) {
            return Joined::Wait(receiver.clone());
        }
        if let Some((at, error)) = table.refused.get(key)
            && at.elapsed() < REFUSED
        {
            return Joined::Refused(error.clone());
        }
        let (sender, receiver) = watch::channel(None);
        table.flying.insert(key.clone(), receiver.clone());
        Joined::Fetch(sender, receiver)
    }

    fn forget(&self, key: &Key, error: Option<&QueryError>) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.flying.remove(key);
        let Some(error) = error.filter(|error| error.is_about_the_question()) else { return };
        if table.refused.len() >= MOST_REFUSED {
            table.refused.retain(|_, (at, _)| at.elapsed() < REFUSED);
        }
        if table.refused.len() < MOST_REFUSED {
            table.refused.insert(key.clone(), (Instant::now(), error.clone()));
        }
    }
}

/// The answer as it is kept, or as the upstream gives it now.
pub(super) async fn answer(parts: &Arc<Parts>, question: Question, accepts: Accepts) -> Result<Reply, QueryError> {
    let Some(memory) = &parts.memory else { return Err(QueryError::FetchGivenUp) };
    if let Some(kept) = memory.get(&question.key)
        && let Kept::Whole(entry) = &*kept
        && entry.stored.is_usable(now_ms())
    {
        return Ok(reply(&kept, Outcome { source: Source::Memory, ..Outcome::default() }, accepts));
    }
    let account = question.account.clone();
    let (receiver, collapsed) = match parts.whole_flights.join(&question.key) {
        Joined::Refused(error) => return Err(error),
        Joined::Wait(receiver) => (receiver, true),
        Joined::Fetch(sender, receiver) => {
            tokio::spawn(fetch(parts.clone(), question, sender));
            (receiver, false)
        }
    };
    let mut receiver = receiver;
    let landing = match receiver.wait_for(Option::is_some).await {
        Ok(landing) => landing.clone().ok_or(QueryError::FetchGivenUp)?,
        Err(_) => return Err(QueryError::FetchGivenUp),
    };
    let kept = landing.result?;
    let asked = if landing.source == Source::Miss { vec![account] } else { Vec::new() };
    let upstream = (landing.source == Source::Miss).then_some(landing.upstream);
    let outcome =
        Outcome { source: landing.source, stored: landing.kept, collapsed, detail: landing.reason, asked, upstream, ..Outcome::default() };
    Ok(reply(&kept, outcome, accepts))
}

fn reply(kept: &Arc<Kept>, outcome: Outcome, accepts: Accepts) -> Reply {
    let Kept::Whole(entry) = &**kept else { return Reply::made(Bytes::new(), outcome) };
    let stored = &entry.stored;
    // What is asked for once is compressed on its way by whoever writes it, if at all.
    let form = match accepts.gzip && stored.body.len() >= WORTH_COMPRESSING && outcome.source == Source::Memory {
        true => Form::Gzip,
        false => Form::Plain,
    };
    let bytes = match form {
        Form::Plain => stored.body.clone(),
        Form::Gzip => entry.gzip.get_or_init(|| gzip(&stored.body)).clone(),
    };
    Reply { status: stored.status, content_type: stored.content_type.clone(), ..Reply::finished(bytes, form, entry.number, outcome) }
}

/// One fetch, in a task of its own. Dropping the sender without a word tells those who wait that it failed.
async fn fetch(parts: Arc<Parts>, question: Question, sender: watch::Sender<Option<Landing>>) {
    let _flying = Flying { parts: &parts, key: &question.key };
    let started = now_ms();
    let landing = make(&parts, &question).await;
    // What was dropped while this was under way stays dropped.
    let stays = landing.kept && started > parts.tombstones.not_before(&question.subject);
    if let (Some(memory), Ok(kept), true) = (&parts.memory, &landing.result, stays) {
        memory.put(question.key.clone(), kept.clone());
        parts.weigh();
    }
    parts.whole_flights.forget(&question.key, landing.result.as_ref().err());
    sender.send_replace(Some(landing));
}

/// Takes the fetch off the list also when its task panics.
struct Flying<'a> {
    parts: &'a Parts,
    key: &'a Key,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.parts.whole_flights.forget(self.key, None);
        }
    }
}

async fn make(parts: &Arc<Parts>, question: &Question) -> Landing {
    let mut lease = None;
    if parts.remote.is_some() {
        match from_redis(parts, question).await {
            Ok(stored) => {
                let kept = Arc::new(Kept::Whole(entry(question, stored)));
                return Landing { result: Ok(kept), source: Source::Redis, kept: true, reason: None, upstream: Duration::ZERO };
            }
            Err(taken) => lease = taken,
        }
    }
    let failed = |error, lease: Option<Lease>| {
        if let Some(lease) = lease {
            drop(tokio::spawn(lease.fail()));
        }
        Landing { result: Err(error), source: Source::Miss, kept: false, reason: None, upstream: Duration::ZERO }
    };
    let whole = match parts.asking.whole(&question.tier, question.call.clone(), &question.origin).await {
        Ok(whole) => whole,
        Err(error) => return failed(error, lease),
    };
    if let Err(error) = whole.checked(question.tier.name()) {
        return failed(error, lease);
    }
    let upstream = whole.waited;
    let reason = not_kept(&whole);
    if let Some(reason) = reason {
        parts.metrics.not_stored(reason);
    }
    let kept = reason.is_none();
    let stored = Stored::new(whole, question.life);
    match (lease, &parts.remote) {
        (Some(lease), _) if !kept => drop(tokio::spawn(lease.fail())),
        (lease, Some(remote)) if kept => {
            let (bytes, life, key, remote) = (stored.encode(), stored.life(), question.key.clone(), remote.clone());
            match lease {
                Some(lease) => drop(tokio::spawn(lease.publish(vec![(0, bytes)], life))),
                None => remote.write(&key, vec![(0, bytes)], life),
            }
        }
        _ => {}
    }
    Landing { result: Ok(Arc::new(Kept::Whole(entry(question, stored)))), source: Source::Miss, kept, reason, upstream }
}

fn entry(question: &Question, stored: Stored) -> WholeEntry {
    WholeEntry { subject: question.subject.clone(), stored, gzip: OnceLock::new(), number: rand::random() }
}

/// The answer that another replica has put into Redis; else the lease for fetching it, if there is one to be had.
async fn from_redis(parts: &Parts, question: &Question) -> Result<Stored, Option<Lease>> {
    let Some(remote) = &parts.remote else { return Err(None) };
    let mut budget = Budget::new(parts.redis_budget());
    if let Some(stored) = read(parts, question, &mut budget).await {
        return Ok(stored);
    }
    let (bound, asked) = (question.tier.timeout().min(LONGEST_FOLLOW), Instant::now());
    while asked.elapsed() < bound {
        let follow = match remote.claim(&question.key, 0, &mut budget).await {
            Claim::Alone => break,
            // Somebody has published between our look and the claim.
            Claim::Lead(lease) if lease.is_after_publication() => return read(parts, question, &mut budget).await.ok_or(Some(lease)),
            Claim::Lead(lease) => return Err(Some(lease)),
            Claim::Follow(follow) => follow,
        };
        let followed = follow.wait(bound.saturating_sub(asked.elapsed())).await;
        budget = Budget::new(parts.redis_budget());
        match followed {
            Followed::Published => return read(parts, question, &mut budget).await.ok_or(None),
            Followed::Failed => break,
            // Whoever fetched is gone: one of those who waited takes its place, the others wait on.
            Followed::Gone => {}
        }
    }
    Err(None)
}

async fn read(parts: &Parts, question: &Question, budget: &mut Budget) -> Option<Stored> {
    let found = parts.remote.as_ref()?.read(&question.key, &[0], budget).await.into_iter().next()??;
    if found.written_at_ms <= parts.tombstones.not_before(&question.subject).saturating_add(CLOCKS_MS) {
        return None;
    }
    let limit = parts.asking.limits.response_bytes;
    Stored::decode(&found.bytes, limit).filter(|stored| stored.is_usable(now_ms()))
}

/// Why an answer may not be kept.
fn not_kept(whole: &Whole) -> Option<&'static str> {
    // In a string every quote is escaped, so these stand nowhere but as keys.
    let has = |text: &[u8]| memchr::memmem::find(&whole.body, text).is_some();
    if whole.no_store {
        Some("the upstream says no-store")
    } else if has(br#""warnings":["#) {
        Some("the answer has warnings")
    } else if has(br#""isPartial":true"#) {
        Some("the answer is partial")
    } else {
        None
    }
}

fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 3), flate2::Compression::new(4));
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}
