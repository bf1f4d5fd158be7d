//! Which points of an answer may be used again: those that no late sample can change any more, and young ones for a moment.

use std::ops::Range;

use crate::promql::{Anchor, ParseError, ScopedQuery, Window};
use crate::series::Grid;

/// For how long a settled point is kept at least.
const SHORTEST_LIFE_MS: i64 = 2 * 3_600_000;
/// For how long any point is kept at most: what was deleted or filled in later shows after that.
pub(super) const LONGEST_LIFE_MS: i64 = 7 * 86_400_000;
/// Another replica's clock, or our own after a correction, may be this far ahead.
const CLOCK_TOLERANCE_MS: i64 = 5_000;

/// Where the samples lie that the value at a grid point depends on, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query) struct Horizon {
    /// The latest one that moves with the point: at most this long after it. None when no selector moves with it.
    ahead_ms: Option<i64>,
    /// The earliest one that moves with the point: at most this long before it.
    back_ms: Option<i64>,
    /// The first and the last fixed time, of `@`.
    fixed_ms: Option<(i64, i64)>,
}

impl Horizon {
    /// Of a query in a window; `lookback_ms` is how long a sample counts when none is newer.
    ///
    /// # Errors
    /// When a duration has no value in the window.
    pub(in crate::query) fn of(query: &ScopedQuery, window: Window, lookback_ms: i64) -> Result<Horizon, ParseError> {
        let mut horizon = Horizon { ahead_ms: None, back_ms: None, fixed_ms: None };
        for selector in query.selectors() {
            let reach = selector.reach(window, lookback_ms)?;
            match reach.from.anchor {
                Anchor::Epoch => horizon.fix(reach.from.offset_ms),
                // What hangs on the end of the window reads no earlier than what hangs on its start.
                Anchor::Start | Anchor::End => {
                    let back = reach.from.offset_ms.saturating_neg();
                    horizon.back_ms = Some(horizon.back_ms.map_or(back, |most| most.max(back)));
                }
            }
            match reach.to.anchor {
                Anchor::Epoch => horizon.fix(reach.to.offset_ms),
                Anchor::Start | Anchor::End => {
                    let ahead = reach.to.offset_ms;
                    horizon.ahead_ms = Some(horizon.ahead_ms.map_or(ahead, |most| most.max(ahead)));
                }
            }
        }
        Ok(horizon)
    }

    fn fix(&mut self, at_ms: i64) {
        self.fixed_ms = Some(self.fixed_ms.map_or((at_ms, at_ms), |(first, last)| (first.min(at_ms), last.max(at_ms))));
    }

    /// The last point whose samples all lie at or before `as_of_ms`; None when no point's do.
    pub(in crate::query) fn complete_until(&self, as_of_ms: i64) -> Option<i64> {
        if self.fixed_ms.is_some_and(|(_, last)| last > as_of_ms) {
            return None;
        }
        Some(self.ahead_ms.map_or(i64::MAX, |ahead| as_of_ms.saturating_sub(ahead)))
    }

    /// The first point whose samples all lie at or after `from_ms`; None when no point's do.
    pub(in crate::query) fn reads_only_since(&self, from_ms: i64) -> Option<i64> {
        if self.fixed_ms.is_some_and(|(first, _)| first < from_ms) {
            return None;
        }
        Some(self.back_ms.map_or(i64::MIN, |back| from_ms.saturating_add(back)))
    }

    /// Of what reads the very window that it names.
    pub(in crate::query) fn plain() -> Horizon {
        Horizon { ahead_ms: Some(0), back_ms: Some(0), fixed_ms: None }
    }

    /// From which time on an answer up to `last_ms` can change no more.
    pub(in crate::query) fn settled_from_ms(&self, last_ms: i64, settle_ms: i64) -> i64 {
        let moving = self.ahead_ms.map_or(i64::MIN, |ahead| last_ms.saturating_add(ahead));
        let fixed = self.fixed_ms.map_or(i64::MIN, |(_, last)| last);
        moving.max(fixed).saturating_add(settle_ms)
    }

    /// The earliest sample that an answer from `first_ms` on reads; None when it reads none.
    pub(in crate::query) fn reads_from_ms(&self, first_ms: i64) -> Option<i64> {
        let moving = self.back_ms.map(|back| first_ms.saturating_sub(back));
        let fixed = self.fixed_ms.map(|(first, _)| first);
        moving.into_iter().chain(fixed).min()
    }
}

/// How long points of one expression are good for.
#[derive(Clone, Copy, Debug)]
pub(in crate::query) struct Freshness {
    /// Younger samples may still change.
    pub settle_ms: i64,
    /// Points that may still change are given again for this long.
    pub fresh_ttl_ms: i64,
    /// What the points depend on.
    pub horizon: Horizon,
}

impl Freshness {
    /// The same, with points that may still change given again only when they were fetched since then.
    pub(in crate::query) fn only_since(self, since_ms: i64, now_ms: i64) -> Freshness {
        Freshness { fresh_ttl_ms: self.fresh_ttl_ms.min(now_ms.saturating_sub(since_ms)).max(0), ..self }
    }

    /// The part of a fetch of `range`, made at `fetched_at_ms`, that may be used at `now_ms`: a beginning of it, as points settle in order.
    pub(in crate::query) fn usable(&self, grid: Grid, range: Range<i64>, fetched_at_ms: i64, now_ms: i64) -> Range<i64> {
        let elapsed = now_ms.saturating_sub(fetched_at_ms);
        if (-CLOCK_TOLERANCE_MS..=self.fresh_ttl_ms).contains(&elapsed) && self.fresh_ttl_ms > 0 {
            return range;
        }
        let elapsed = jittered(elapsed, fetched_at_ms, range.start);
        if elapsed > LONGEST_LIFE_MS {
            return range.start..range.start;
        }
        // A point lives twice as long as it was old when it was fetched: what was still in motion an hour ago is looked at again.
        let age_needed = if elapsed > SHORTEST_LIFE_MS { elapsed / 2 } else { 0 };
        let as_of = fetched_at_ms.saturating_sub(self.settle_ms.max(age_needed));
        let end = match self.horizon.complete_until(as_of) {
            None => range.start,
            Some(i64::MAX) => range.end,
            Some(until) => first_after(grid, until).clamp(range.start, range.end),
        };
        range.start..end
    }
}

/// The first grid point after a time.
fn first_after(grid: Grid, ms: i64) -> i64 {
    ms.saturating_sub(grid.phase_ms()).div_euclid(grid.step_ms()).saturating_add(1)
}

/// Up to a tenth more, different from fetch to fetch, so that not everything ends at the same moment.
fn jittered(elapsed_ms: i64, fetched_at_ms: i64, place: i64) -> i64 {
    let mixed = (fetched_at_ms ^ place).unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
    elapsed_ms.saturating_add(elapsed_ms / 1280 * i64::try_from(mixed).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{ConflictMode, Options};
    use crate::tenancy::{Policy, Scope};

    const MINUTE: i64 = 60_000;
    const NOW: i64 = 1_795_424_400_000;

    fn horizon(text: &str) -> Horizon {
        let rules = Policy::new(&crate::config::TenantLabels::shipped()).for_scope(&Scope::ClusterWide);
        let query = ScopedQuery::new(text, &rules, &Options::default(), ConflictMode::Empty).unwrap();
        Horizon::of(&query, Window { step_ms: 15_000, range_ms: 3_600_000 }, 5 * MINUTE).unwrap()
    }

    fn usable(text: &str, range_ms: Range<i64>, fetched_at_ms: i64, now_ms: i64) -> i64 {
        let grid = Grid::new(NOW, 15_000).unwrap();
        let freshness = Freshness { settle_ms: MINUTE, fresh_ttl_ms: 15_000, horizon: horizon(text) };
        let range = grid.index(range_ms.start).unwrap()..grid.index(range_ms.end).unwrap();
        let found = freshness.usable(grid, range.clone(), fetched_at_ms, now_ms);
        assert_eq!(found.start, range.start);
        found.end - range.start
    }

    #[test]
    fn how_far_expressions_look() {
        let check = |text, ahead, back, fixed| {
            assert_eq!(horizon(text), Horizon { ahead_ms: ahead, back_ms: back, fixed_ms: fixed }, "{text}");
        };
        check("up", Some(0), Some(5 * MINUTE), None);
        check("rate(up[10m])", Some(0), Some(10 * MINUTE), None);
        check("up offset 1h", Some(-60 * MINUTE), Some(65 * MINUTE), None);
        check("up offset -1h", Some(60 * MINUTE), Some(-55 * MINUTE), None);
        check("up + up offset -1h", Some(60 * MINUTE), Some(5 * MINUTE), None);
        check("max_over_time(up[1h:1m] offset 2m)", Some(-2 * MINUTE), Some(67 * MINUTE), None);
        check("up @ 1000", None, None, Some((700_000, 1_000_000)));
        check("up @ 1000 + up @ 2000 + up", Some(0), Some(5 * MINUTE), Some((700_000, 2_000_000)));
        check("vector(time())", None, None, None);
    }

    #[test]
    fn young_points_are_given_again_for_a_moment_only() {
        let window = NOW - 60 * MINUTE..NOW + 15_000;
        assert_eq!(usable("up", window.clone(), NOW, NOW + 15_000), 241);
        assert_eq!(usable("up", window.clone(), NOW, NOW + 15_001), 237, "the last minute is asked for again");
        assert_eq!(usable("up", window.clone(), NOW, NOW + 60 * MINUTE), 237);
        assert_eq!(usable("up", window.clone(), NOW, NOW - 4_000), 241, "a replica's clock is a little ahead");
        assert_eq!(usable("up", window, NOW, NOW - 60_000), 237, "the clock was put back: no longer young, settled all the same");
    }

    #[test]
    fn for_a_tick_only_what_was_fetched_for_it_is_given_again() {
        let freshness = Freshness { settle_ms: MINUTE, fresh_ttl_ms: 15_000, horizon: horizon("up") };
        let check = |since, now, ttl| assert_eq!(freshness.only_since(since, now).fresh_ttl_ms, ttl);
        check(NOW, NOW + 300, 300);
        check(NOW - 5_000, NOW, 5_000);
        check(NOW - 60_000, NOW, 15_000);
        check(NOW + 2_000, NOW, 0);
    }

    #[test]
    fn what_reads_ahead_settles_later_and_what_reads_back_earlier() {
        let window = NOW - 60 * MINUTE..NOW + 15_000;
        let later = NOW + MINUTE;
        assert_eq!(usable("up offset 1h", window.clone(), NOW, later), 241);
        assert_eq!(usable("up offset -10m", window.clone(), NOW, later), 197);
        assert_eq!(usable("up offset -2h", window.clone(), NOW, later), 0);
        assert_eq!(usable("vector(time())", window.clone(), NOW, later), 241, "reads nothing");
        let fixed_in_the_past = format!("up @ {}", NOW / 1000 - 61);
        assert_eq!(usable(&fixed_in_the_past, window.clone(), NOW, later), 241);
        let fixed_just_now = format!("up @ {}", NOW / 1000 - 59);
        assert_eq!(usable(&fixed_just_now, window, NOW, later), 0);
    }

    #[test]
    fn old_points_live_longer() {
        let window = NOW - 600 * MINUTE..NOW + 15_000;
        let after = |minutes: i64| usable("up", window.clone(), NOW, NOW + minutes * MINUTE);
        assert_eq!(after(100), 2397);
        let later = after(360);
        assert!((1600..=1681).contains(&later), "younger than half of six hours when fetched: asked for again ({later})");
        assert_eq!(after(8 * 24 * 60), 0);
    }

    #[test]
    fn the_whole_is_settled_or_not() {
        let up = horizon("up");
        assert_eq!(up.settled_from_ms(NOW, MINUTE), NOW + MINUTE);
        assert_eq!(horizon("up offset -1h + up").settled_from_ms(NOW, MINUTE), NOW + 61 * MINUTE);
        assert_eq!(horizon("up @ 2000").settled_from_ms(NOW, MINUTE), 2_000_000 + MINUTE);
        assert_eq!(horizon("vector(1)").settled_from_ms(NOW, 0), i64::MIN);
        assert_eq!((up.reads_from_ms(NOW), horizon("vector(1)").reads_from_ms(NOW)), (Some(NOW - 5 * MINUTE), None));
        assert_eq!(up.reads_only_since(NOW), Some(NOW + 5 * MINUTE));
        assert_eq!(horizon("up @ 1000").reads_only_since(NOW), None);
        assert_eq!(horizon("vector(1)").reads_only_since(NOW), Some(i64::MIN));
    }
}
