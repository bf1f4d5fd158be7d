//! Range queries from blocks: plan → look up → fetch only what is missing → answer.
//!
//! * `horizon`: which points may be used again
//! * `entry`: what is kept of one expression on one grid
//! * `looked_at`: how far back windows reach: the rest is dropped
//! * `flights`: fetches under way, so that nobody fetches what somebody fetches already
//! * `fetch`: one fetch, in a task of its own: Redis, lease, upstreams, keep, publish
//! * `form`: other backends' answers in Prometheus' form
//! * `route`: which tier is asked for which points
//! * `answer`: from blocks to bytes

mod answer;
mod entry;
mod fetch;
mod flights;
pub(super) mod form;
mod horizon;
mod looked_at;
pub(super) mod route;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub(super) use entry::GridEntry;
pub(super) use fetch::Recipe;
pub(super) use horizon::{Freshness, Horizon};

use super::ask::{Origin, now_ms};
use super::kept::{Kept, Memory, Subject};
use super::outcome::{Outcome, Source};
use super::parts::Parts;
use super::requests::Evaluation;
use super::{Accepts, QueryError, Reply, self_check};
use crate::promql::{EnforcedText, ScopedQuery, Window};
use crate::series::{Grid, plan};
use crate::upstream::NativeScope;
use flights::{Arrived, Landing};

/// How long a sample counts when none is newer: Prometheus' default.
pub(super) const LOOKBACK_MS: i64 = 300_000;
/// Two gaps with this many known points between them become one question: a question costs about as much as that.
const MERGE_POINTS: i64 = 32;
/// No question has more steps than this; longer ones are asked in parts, side by side.
const LONGEST_POINTS: i64 = 4096;
/// How often missing points are looked for again before the window is asked for as a whole. More than one round is needed only when
/// points expire or are dropped at this very moment.
const ROUNDS: usize = 4;

/// A range query that can be answered from blocks.
pub(super) struct Blocks<'a> {
    pub(super) query: &'a Arc<ScopedQuery>,
    pub(super) enforced: &'a EnforcedText,
    pub(super) evaluation: &'a Evaluation,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
    /// Points that may still change are used again only when they were fetched since then.
    pub(super) since_ms: Option<i64>,
}

/// What became of it.
pub(super) enum Blocked {
    /// The answer.
    Answer(Box<Reply>),
    /// The window has to be asked for as a whole, and why.
    Apart(&'static str),
}

/// Who asks: what only a question to an upstream needs is made only then.
pub(super) struct Caller<'a, O, A> {
    /// On whose behalf upstreams are asked.
    pub(super) origin: O,
    /// Holds the query against the limits; asked only for windows that did not pass before.
    pub(super) admit: A,
    /// What backends that enforce by themselves are told.
    pub(super) native: Option<&'a NativeScope>,
    pub(super) accepts: Accepts,
}

impl Blocks<'_> {
    /// The grid and the grid points of the window; None when they cannot be counted.
    fn points(&self) -> Option<(Grid, Range<i64>)> {
        let grid = Grid::new(self.start_ms, self.step_ms)?;
        Some((grid, grid.window(self.start_ms, self.end_ms)?))
    }

    fn window(&self) -> Window {
        Window { step_ms: self.step_ms, range_ms: self.end_ms.saturating_sub(self.start_ms) }
    }
}

/// Answers from what is kept and fetches what is missing.
pub(super) async fn answer<O, A>(parts: &Arc<Parts>, blocks: &Blocks<'_>, caller: Caller<'_, O, A>) -> Result<Blocked, QueryError>
where
    O: Fn() -> Origin,
    A: Fn(Window) -> Result<(), QueryError>,
{
    let (Some(memory), Some((grid, wanted))) = (&parts.memory, blocks.points()) else {
        return Ok(Blocked::Apart("the window has no grid"));
    };
    let kept = kept(parts, memory, blocks, grid, &caller)?;
    let Kept::Grid(entry) = &*kept else { return Ok(Blocked::Apart("the key belongs to something else")) };
    if !entry.has_passed(blocks.window().range_ms) {
        (caller.admit)(blocks.window())?;
        entry.passed(blocks.window().range_ms);
    }
    let now = now_ms();
    let freshness = parts.freshness(entry.horizon, Some(grid.step_ms()));
    let freshness = blocks.since_ms.map_or(freshness, |since| freshness.only_since(since, now));
    entry.looked_at.note(wanted.start, now);
    let mut progress = Progress { outcome: Outcome { source: Source::Memory, ..Outcome::default() }, covered: Vec::new() };
    for _ in 0..ROUNDS {
        if let Some(reason) = entry.apart(now) {
            return Ok(Blocked::Apart(reason));
        }
        let snapshot = entry.snapshot();
        let missing = progress.missing(&snapshot.series.known(wanted.clone(), |range, at| freshness.usable(grid, range, at, now)), &wanted);
        if missing.is_empty() {
            let body = answer::body(parts, entry, &snapshot, &wanted, caller.accepts).await?;
            if progress.outcome.source == Source::Memory && self_check::is_due(parts.settings.self_check) {
                let recipe = Recipe::new(blocks, grid, freshness, (caller.origin)());
                tokio::spawn(self_check::compare(parts.clone(), kept.clone(), snapshot.series, recipe, wanted.clone()));
            }
            if progress.outcome.source != Source::Memory
                && let Some((series, bytes)) = body.size
            {
                parts.estimates.note(blocks.enforced.as_str(), blocks.query.shown_selector(), series, body.points, bytes);
            }
            return Ok(Blocked::Answer(Box::new(progress.reply(body, &wanted))));
        }
        if let Some(error) = entry.refused(&wanted, now) {
            return Err(error);
        }
        let (awaited, takeoffs) = entry.flights.join(&missing);
        progress.outcome.collapsed |= takeoffs.is_empty();
        for takeoff in takeoffs {
            let recipe = Recipe::new(blocks, grid, freshness, (caller.origin)());
            tokio::spawn(fetch::run(parts.clone(), kept.clone(), recipe, takeoff, now));
        }
        for one in awaited {
            let range = one.range.clone();
            let landing = one.landed(&wanted).await.ok_or(QueryError::FetchGivenUp)?;
            match progress.take(landing, range, &wanted) {
                Ok(None) => {}
                Ok(Some(blocked)) => return Ok(blocked),
                // The fetch was for other points too, and may have failed because of them.
                Err((_, range)) if range.start < wanted.start || range.end > wanted.end => {
                    return Ok(Blocked::Apart("a fetch for a longer window failed"));
                }
                Err((error, _)) => {
                    if let QueryError::TooManySeries { limit } = &error {
                        parts.estimates.note(blocks.enforced.as_str(), None, limit + 1, 0, 0);
                    }
                    entry.refuse(&wanted, now_ms(), &error);
                    return Err(error);
                }
            }
        }
    }
    Ok(Blocked::Apart("points expired while they were put together"))
}

/// The entry of an expression on a grid; a new one only for what is within the limits.
fn kept<O, A>(parts: &Parts, memory: &Memory, blocks: &Blocks<'_>, grid: Grid, caller: &Caller<'_, O, A>) -> Result<Arc<Kept>, QueryError>
where
    A: Fn(Window) -> Result<(), QueryError>,
{
    let key = parts
        .key("range", caller.native)
        .text(blocks.enforced.as_str())
        .number(grid.step_ms())
        .number(grid.phase_ms())
        .optional(blocks.evaluation.lookback_delta.map(nanos))
        .optional(blocks.evaluation.timeout.map(nanos))
        .finish();
    if let Some(kept) = memory.get(&key) {
        return Ok(kept);
    }
    (caller.admit)(blocks.window())?;
    let lookback_ms = blocks.evaluation.lookback_delta.map_or(LOOKBACK_MS, millis);
    let horizon = Horizon::of(blocks.query, blocks.window(), lookback_ms)?;
    let subject = Subject::of(parts.backends.clone(), blocks.query);
    Ok(memory.get_or_make(&key, || Kept::Grid(Box::new(GridEntry::new(key.clone(), subject, grid, horizon)))))
}

/// What is known of one request by now.
struct Progress {
    outcome: Outcome,
    /// What was fetched for this request: good for it, however short points live.
    covered: Vec<Range<i64>>,
}

impl Progress {
    fn missing(&self, known: &[Range<i64>], wanted: &Range<i64>) -> Vec<Range<i64>> {
        let policy = plan::Policy { merge: MERGE_POINTS, longest: LONGEST_POINTS };
        if self.covered.is_empty() {
            return plan::missing(known.iter().cloned(), wanted.clone(), policy);
        }
        let mut all: Vec<Range<i64>> = known.iter().chain(&self.covered).cloned().collect();
        all.sort_by_key(|range| range.start);
        plan::missing(all, wanted.clone(), policy)
    }

    /// Takes in what a fetch brought. An answer that is not kept ends the request when it is for this very window.
    fn take(&mut self, landing: Landing, range: Range<i64>, wanted: &Range<i64>) -> Result<Option<Blocked>, (QueryError, Range<i64>)> {
        self.outcome.note(&landing);
        match landing.result {
            Err(error) => Err((error, range)),
            Ok(Arrived::Kept) => {
                self.covered.push(range);
                Ok(None)
            }
            Ok(Arrived::Body(body)) => {
                let points = (wanted.end - wanted.start).unsigned_abs();
                let outcome = Outcome { source: Source::Miss, stored: true, points, ..self.outcome.clone() };
                Ok(Some(Blocked::Answer(Box::new(Reply::made(body, outcome)))))
            }
            Ok(Arrived::Passed(body, reason)) if range == *wanted => {
                let outcome = Outcome { source: Source::Miss, stored: false, detail: Some(reason), ..self.outcome.clone() };
                Ok(Some(Blocked::Answer(Box::new(Reply::made(body, outcome)))))
            }
            Ok(Arrived::Passed(_, reason) | Arrived::Apart(reason)) => Ok(Some(Blocked::Apart(reason))),
        }
    }

    fn reply(self, body: answer::Made, wanted: &Range<i64>) -> Reply {
        let mut outcome = self.outcome;
        outcome.points = (wanted.end - wanted.start).unsigned_abs();
        outcome.points_fetched = outcome.points_fetched.min(outcome.points);
        outcome.points_saved = body.points / outcome.points.max(1) * (outcome.points - outcome.points_fetched);
        if outcome.source == Source::Partial && outcome.points_fetched == outcome.points {
            outcome.source = Source::Miss;
        }
        outcome.collapsed &= outcome.source != Source::Memory;
        Reply::finished(body.bytes, body.form, body.fingerprint, outcome)
    }
}

impl Outcome {
    fn note(&mut self, landing: &Landing) {
        let fetched = landing.points_fetched > 0;
        self.source = match (self.source, fetched) {
            (Source::Memory | Source::Redis, false) => landing.source,
            _ => Source::Partial,
        };
        self.stored |= fetched && matches!(landing.result, Ok(Arrived::Kept));
        self.points_fetched += landing.points_fetched;
        self.asked.extend_from_slice(&landing.asked);
        let longest =
            |so_far: Option<Duration>, now: Duration| if now.is_zero() { so_far } else { Some(so_far.unwrap_or_default().max(now)) };
        self.upstream = longest(self.upstream, landing.upstream);
        self.redis = longest(self.redis, landing.redis);
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
