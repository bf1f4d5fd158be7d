//! One fetch, in a task of its own, so that a client who leaves cancels nothing: Redis, lease, upstreams, keep, publish.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::entry::GridEntry;
use super::flights::{Arrived, Landing, Takeoff};
use super::form;
use super::route::{self, Leg};
use super::{Blocks, Freshness};
use crate::cache::{Budget, Claim, Followed, Lease, Remote};
use crate::promql::{EnforcedText, ScopedQuery};
use crate::query::ask::{Asking, Origin, Whole, now_ms};
use crate::query::invalidation::CLOCKS_MS;
use crate::query::kept::Kept;
use crate::query::outcome::{AskedUpstream, Source};
use crate::query::parts::Parts;
use crate::query::requests::Evaluation;
use crate::query::wire::range_params;
use crate::query::{QueryError, shared};
use crate::series::{self, Decoded, Grid, PutError, Series, blocks_of, plan};
use crate::upstream::ApiPath;

/// Reading an answer takes about a microsecond for a kilobyte: longer ones leave the async threads, where they would be in the way of
/// whoever writes the answer to its client, and of the next request.
const LONG_BYTES: usize = 32 * 1024;
/// An upstream that answers faster than this is asked without agreeing with other replicas first.
const WORTH_A_LEASE: Duration = Duration::from_millis(1);
/// Nobody waits longer than this for another replica's fetch.
const LONGEST_FOLLOW: Duration = Duration::from_secs(10);

/// Everything that a fetch needs to know of the request that started it.
pub(in crate::query) struct Recipe {
    query: Arc<ScopedQuery>,
    pub(in crate::query) enforced: EnforcedText,
    evaluation: Evaluation,
    pub(in crate::query) grid: Grid,
    freshness: Freshness,
    origin: Origin,
}

impl Recipe {
    pub(super) fn new(blocks: &Blocks<'_>, grid: Grid, freshness: Freshness, origin: Origin) -> Recipe {
        Recipe {
            query: blocks.query.clone(),
            enforced: blocks.enforced.clone(),
            evaluation: blocks.evaluation.clone(),
            grid,
            freshness,
            origin,
        }
    }

    /// The part of a window that can change no more at `now_ms`.
    pub(in crate::query) fn settled(&self, window: Range<i64>, now_ms: i64) -> Range<i64> {
        Freshness { fresh_ttl_ms: -1, ..self.freshness }.usable(self.grid, window, now_ms, now_ms)
    }

    /// Asks one tier for its part.
    pub(in crate::query) async fn ask(&self, asking: &Asking, leg: &Leg<'_>) -> Result<Whole, QueryError> {
        let (start, end) = (self.grid.time(leg.range.start), self.grid.time(leg.range.end - 1));
        let (Some(start), Some(end)) = (start, end) else { return Err(QueryError::Parameter("the window is beyond all times".to_owned())) };
        let step = Duration::from_millis(self.grid.step_ms().unsigned_abs());
        let params = range_params(&self.enforced, start, end, step, &self.evaluation)?;
        asking.whole(leg.tier, asking.call(ApiPath::QueryRange, params, self.evaluation.timeout), &self.origin).await
    }
}

/// Makes the fetch and tells everybody who waits. `kept` is the entry; `now` is the time of the request that started it.
pub(super) async fn run(parts: Arc<Parts>, kept: Arc<Kept>, recipe: Recipe, takeoff: Takeoff, now: i64) {
    let Kept::Grid(entry) = &*kept else { return };
    let mut fetch = Fetch {
        parts: &parts,
        kept: &kept,
        entry,
        recipe: &recipe,
        takeoff: &takeoff,
        now,
        redis: Duration::ZERO,
        upstream: Duration::ZERO,
    };
    let landing = fetch.make(takeoff.range.clone()).await;
    // What was dropped while this was under way stays dropped.
    if let Some(memory) = &parts.memory
        && landing.result.is_ok()
        && now > parts.tombstones.not_before(&entry.subject)
    {
        // It has grown: it is weighed anew.
        entry.trim(now);
        memory.put(entry.key.clone(), kept.clone());
        parts.weigh();
    }
    takeoff.land(landing);
}

struct Fetch<'a> {
    parts: &'a Arc<Parts>,
    kept: &'a Arc<Kept>,
    entry: &'a GridEntry,
    recipe: &'a Recipe,
    takeoff: &'a Takeoff,
    now: i64,
    redis: Duration,
    upstream: Duration,
}

impl Fetch<'_> {
    async fn make(&mut self, range: Range<i64>) -> Landing {
        let mut missing = vec![range.clone()];
        let mut lease = None;
        if let Some(remote) = self.parts.remote.clone() {
            let started = Instant::now();
            (missing, lease) = self.shared(&remote, &range).await;
            self.redis = started.elapsed();
        }
        if missing.is_empty() {
            // A lease that was not needed goes back when it is dropped.
            return self.landing(Ok(Arrived::Kept), Source::Redis, Vec::new(), 0);
        }
        let upstreams = self.parts.asking.upstreams.clone();
        let legs: Vec<Leg<'_>> =
            missing.iter().flat_map(|gap| route::legs(&upstreams, self.recipe.grid, self.entry.horizon, gap.clone(), self.now)).collect();
        let asked: Vec<AskedUpstream> = legs.iter().map(|leg| self.account(leg)).collect();
        let points = legs.iter().map(|leg| (leg.range.end - leg.range.start).unsigned_abs()).sum();
        let result = self.ask_upstreams(&legs, &range, &asked).await;
        match (&result, lease) {
            (Ok(Arrived::Kept), lease) => self.publish(&missing, lease),
            (_, Some(lease)) => drop(tokio::spawn(lease.fail())),
            _ => {}
        }
        self.landing(result, Source::Miss, asked, points)
    }

    fn landing(&self, result: Result<Arrived, QueryError>, source: Source, asked: Vec<AskedUpstream>, points_fetched: u64) -> Landing {
        Landing { result, source, asked: asked.into(), points_fetched, upstream: self.upstream, redis: self.redis }
    }

    /// Looks into Redis, agrees with the other replicas on who fetches the rest, and waits where it is somebody else.
    async fn shared(&self, remote: &Arc<Remote>, range: &Range<i64>) -> (Vec<Range<i64>>, Option<Lease>) {
        let mut budget = Budget::new(self.parts.redis_budget());
        let missing = self.read(remote, range, &mut budget).await;
        let quick = self.entry.last_fetch().is_some_and(|time| time < WORTH_A_LEASE);
        if missing.is_empty() || quick {
            return (missing, None);
        }
        let bound = self.parts.asking.upstreams.hot().timeout().min(LONGEST_FOLLOW);
        let asked = Instant::now();
        while asked.elapsed() < bound {
            let follow = match remote.claim(&self.entry.key, shared::ranges_hash(&missing), &mut budget).await {
                Claim::Alone => break,
                // Somebody has published between our look and the claim.
                Claim::Lead(lease) if lease.is_after_publication() => {
                    return (self.read(remote, range, &mut budget).await, Some(lease));
                }
                Claim::Lead(lease) => return (missing, Some(lease)),
                Claim::Follow(follow) => follow,
            };
            let followed = follow.wait(bound.saturating_sub(asked.elapsed())).await;
            budget = Budget::new(self.parts.redis_budget());
            match followed {
                Followed::Published => return (self.read(remote, range, &mut budget).await, None),
                Followed::Failed => break,
                // Whoever fetched is gone: one of those who waited takes its place, the others wait on.
                Followed::Gone => {}
            }
        }
        (missing, None)
    }

    /// Takes in the blocks that Redis has of a range, and says what is missing still.
    async fn read(&self, remote: &Remote, range: &Range<i64>, budget: &mut Budget) -> Vec<Range<i64>> {
        let numbers: Vec<i64> = blocks_of(range.clone()).collect();
        let found = remote.read(&self.entry.key, &numbers, budget).await;
        let not_before = self.parts.tombstones.not_before(&self.entry.subject).saturating_add(CLOCKS_MS);
        let usable: Vec<(i64, Bytes)> = numbers
            .into_iter()
            .zip(found)
            .filter_map(|(number, stored)| Some((number, stored.filter(|stored| stored.written_at_ms > not_before)?.bytes)))
            .collect();
        let grid = self.recipe.grid;
        if !usable.is_empty() {
            shared::take_in(self.entry, usable, self.bounds());
        }
        let series = self.entry.snapshot().series;
        let known = series.known(range.clone(), |run, at| self.recipe.freshness.usable(grid, run, at, self.now));
        plan::missing(known, range.clone(), plan::Policy { merge: super::MERGE_POINTS, longest: super::LONGEST_POINTS })
    }

    /// Asks for all legs side by side and keeps what comes.
    async fn ask_upstreams(&mut self, legs: &[Leg<'_>], range: &Range<i64>, asked: &[AskedUpstream]) -> Result<Arrived, QueryError> {
        let started = Instant::now();
        let answers = futures_util::future::try_join_all(legs.iter().map(|leg| self.recipe.ask(&self.parts.asking, leg))).await;
        self.upstream = started.elapsed();
        self.entry.fetch_took(self.upstream);
        let answers: Arc<[Whole]> = answers?.into();
        if let [only] = &*answers
            && legs[0].range == *range
            && !only.no_store
            && is_plain_matrix(&only.body)
        {
            let points = (range.end - range.start).unsigned_abs();
            let landing = self.landing(Ok(Arrived::Body(only.body.clone())), Source::Miss, asked.to_vec(), points);
            self.takeoff.answer(landing);
            // Who waits writes the answer now; keeping it comes after.
            tokio::task::yield_now().await;
        }
        let reason = match self.keep(legs, &answers).await? {
            Err(reason) => reason,
            Ok(size) => {
                let bytes = answers.iter().map(|answer| answer.body.len() as u64).sum();
                let (text, selector) = (self.recipe.enforced.as_str(), self.recipe.query.shown_selector());
                self.parts.estimates.note(text, selector, size.series, size.points, bytes);
                return Ok(Arrived::Kept);
            }
        };
        for (answer, leg) in answers.iter().zip(legs) {
            answer.checked(leg.tier.name())?;
        }
        self.parts.metrics.not_stored(reason);
        self.entry.set_apart(now_ms(), reason);
        match &*answers {
            [only] if legs[0].range == *range => Ok(Arrived::Passed(only.body.clone(), reason)),
            _ => Ok(Arrived::Apart(reason)),
        }
    }

    /// Keeps all answers, or none and says why.
    async fn keep(&self, legs: &[Leg<'_>], answers: &Arc<[Whole]>) -> Result<Result<Size, &'static str>, QueryError> {
        if answers.iter().any(|answer| answer.no_store) {
            return Ok(Err("the upstream says no-store"));
        }
        let windows: Vec<Range<i64>> = legs.iter().map(|leg| leg.range.clone()).collect();
        let (grid, limits) = (self.recipe.grid, self.bounds());
        if answers.iter().map(|answer| answer.body.len()).sum::<usize>() <= LONG_BYTES {
            return Ok(keep(self.entry, grid, limits, &windows, answers));
        }
        let (owner, answers) = (self.kept.clone(), answers.clone());
        let job = tokio::task::spawn_blocking(move || match &*owner {
            Kept::Grid(entry) => keep(entry, grid, limits, &windows, &answers),
            Kept::Whole(_) => Err("the key belongs to something else"),
        });
        job.await.map_err(|_| QueryError::FetchGivenUp)
    }

    fn bounds(&self) -> series::Limits {
        let limits = &self.parts.asking.limits;
        let bytes = usize::try_from(limits.response_bytes).unwrap_or(usize::MAX);
        let series = usize::try_from(limits.series).unwrap_or(usize::MAX);
        // A point takes no less than its brackets, a digit, a comma and an empty text.
        series::Limits { bytes, series, points: bytes / 6 }
    }

    /// Writes what has changed to Redis, in the background; with a lease, only while it is ours.
    fn publish(&self, missing: &[Range<i64>], lease: Option<Lease>) {
        let Some(remote) = self.parts.remote.clone() else { return };
        let (series, key) = (self.entry.snapshot().series, self.entry.key.clone());
        let numbers: Vec<i64> = missing.iter().cloned().flat_map(blocks_of).collect();
        tokio::task::spawn_blocking(move || {
            let blocks = shared::compact(&series, numbers);
            match lease {
                Some(lease) => drop(tokio::runtime::Handle::current().spawn(lease.publish(blocks, shared::LIFE))),
                None => remote.write(&key, blocks, shared::LIFE),
            }
        });
    }

    fn account(&self, leg: &Leg<'_>) -> AskedUpstream {
        let grid = self.recipe.grid;
        let seconds = |index| grid.time(index).map(|ms| ms as f64 / 1000.0);
        AskedUpstream {
            upstream: leg.tier.name().to_owned(),
            query: self.recipe.enforced.as_str().to_owned(),
            start: seconds(leg.range.start),
            end: seconds(leg.range.end - 1),
            step: Some(grid.step_ms() as f64 / 1000.0),
        }
    }
}

/// What an answer turned out to have.
#[derive(Clone, Copy, Debug)]
struct Size {
    series: u64,
    points: u64,
}

/// Whether an answer can go to its client as it is: Prometheus' form from its first byte to its last, with nothing said about it.
fn is_plain_matrix(body: &[u8]) -> bool {
    body.starts_with(br#"{"status":"success","data":{"resultType":"matrix","result":["#) && body.ends_with(b"]}}")
}

/// Reads the answers and keeps all of them, or none and says why.
fn keep(entry: &GridEntry, grid: Grid, limits: series::Limits, windows: &[Range<i64>], answers: &[Whole]) -> Result<Size, &'static str> {
    let mut decoded: Vec<Decoded<'_>> = Vec::with_capacity(answers.len());
    let bodies: Vec<Cow<'_, [u8]>> = answers.iter().map(|answer| form::plain(answer.kind, &answer.body)).collect();
    for body in &bodies {
        let read = series::decode(body, grid, limits).map_err(|error| {
            tracing::debug!(%error, "an answer is passed on as it came: it is not in the form that can be put together again");
            "the answer is not in Prometheus' form"
        })?;
        if !read.warnings.is_empty() {
            return Err("the answer has warnings");
        }
        decoded.push(read);
    }
    let put = entry.change(|series| put_all(series, &decoded, windows, answers)).or_else(|error| match error {
        // The upstream writes the same labels in another way than before: it is of another version now.
        PutError::Spelling => entry.change(|series| {
            *series = Series::new(grid);
            put_all(series, &decoded, windows, answers)
        }),
        other => Err(other),
    });
    let series = decoded.iter().map(|read| read.series_count() as u64).max().unwrap_or_default();
    let size = Size { series, points: decoded.iter().map(|read| read.points() as u64).sum() };
    put.map(|()| size).map_err(|error| {
        tracing::debug!(%error, "an answer is passed on as it came");
        "the answer cannot be put together again"
    })
}

fn put_all(series: &mut Series, decoded: &[Decoded<'_>], windows: &[Range<i64>], answers: &[Whole]) -> Result<(), PutError> {
    decoded.iter().zip(windows).zip(answers).try_for_each(|((read, window), answer)| series.put(window.clone(), read, answer.as_of_ms))
}
