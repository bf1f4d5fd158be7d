//! Which tier is asked for which points: the newest from the hot one, what lies beyond its retention from the cold one.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::horizon::Horizon;
use crate::series::Grid;
use crate::upstream::{Tier, Upstreams};

/// Retention is not exact to the second: blocks are deleted whole, some hours late, never early; clocks differ.
const MARGIN_MS: i64 = 60_000;

/// Points and who is asked for them.
pub(in crate::query) struct Leg<'a> {
    pub(in crate::query) tier: &'a Arc<Tier>,
    pub(in crate::query) range: Range<i64>,
}

/// Parts a range where the hot tier's data ends. Points that need samples from both sides of that border come from the cold
/// tier, which is expected to hold everything that is older than it.
pub(in crate::query) fn legs<'a>(upstreams: &'a Upstreams, grid: Grid, horizon: Horizon, range: Range<i64>, now_ms: i64) -> Vec<Leg<'a>> {
    let hot = upstreams.hot();
    let Some(cold) = upstreams.cold() else { return vec![Leg { tier: hot, range }] };
    let border = match held_since_ms(hot, now_ms).map(|since| horizon.reads_only_since(since)) {
        None | Some(Some(i64::MIN)) => range.start,
        Some(None) => range.end,
        Some(Some(first_ms)) => first_at_or_after(grid, first_ms).clamp(range.start, range.end),
    };
    let parts = [Leg { tier: cold, range: range.start..border }, Leg { tier: hot, range: border..range.end }];
    parts.into_iter().filter(|leg| !leg.range.is_empty()).collect()
}

/// Who is asked for an answer that cannot be parted and reads nothing that is earlier than `from_ms`; None is the beginning of time.
pub(in crate::query) fn whole(upstreams: &Upstreams, reads_from_ms: Option<i64>, now_ms: i64) -> &Arc<Tier> {
    let hot = upstreams.hot();
    match (upstreams.cold(), held_since_ms(hot, now_ms), reads_from_ms) {
        (Some(cold), Some(since), Some(from)) if from < since => cold,
        _ => hot,
    }
}

/// The earliest sample that a tier surely has still.
fn held_since_ms(tier: &Tier, now_ms: i64) -> Option<i64> {
    let retention = tier.retention().map(millis)?;
    Some(now_ms.saturating_sub(retention).saturating_add(MARGIN_MS))
}

fn first_at_or_after(grid: Grid, ms: i64) -> i64 {
    let since = ms.saturating_sub(grid.phase_ms());
    since.div_euclid(grid.step_ms()).saturating_add(i64::from(since.rem_euclid(grid.step_ms()) != 0))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
