//! What a query may cost, judged before it runs.

use std::time::Duration;

use super::LimitExceeded;
use super::estimates::Estimates;
use crate::config::Limits;
use crate::promql::{ParseError, ScopedQuery, Window};

/// Longest part of the text shown for the costly selector, in characters.
const SNIPPET: usize = 80;

/// Refuses a query that is over one of the limits: by its text and window, and by what earlier answers showed.
///
/// # Errors
/// The first limit that is exceeded, with the estimate and the part that costs most; or a duration that has no value
/// in this window.
pub(super) fn check(query: &ScopedQuery, window: Window, limits: &Limits, shown: &Estimates) -> Result<(), super::QueryError> {
    let range = Duration::from_millis(u64::try_from(window.range_ms).unwrap_or_default());
    if range > limits.range {
        return Err(over("the range", humane(range), humane(limits.range), "limits.range", None).into());
    }
    if window.points() > limits.points_per_series {
        let points = format!("{} points per series", window.points());
        return Err(over("the answer", points, limits.points_per_series.to_string(), "limits.points_per_series", None).into());
    }
    if let Some((back, text)) = furthest(query, window)?
        && back > limits.range
    {
        return Err(over("the look-back", humane(back), humane(limits.range), "limits.range", Some(text)).into());
    }
    let cost = query.cost(window)?;
    let work = shown.work(query, &cost);
    if work.samples > limits.samples {
        let costly = work.costliest.map(|place| query.selectors()[place].span.of(query.source()).chars().take(SNIPPET).collect());
        let told = if work.samples > cost.samples { "about" } else { "at least" };
        let samples = format!("{told} {} samples", work.samples);
        return Err(over("the work", samples, limits.samples.to_string(), "limits.samples", costly).into());
    }
    let enforced = query.text(Some(window))?;
    let Some(latest) = shown.of_expression_just_now(enforced.as_str()) else { return Ok(()) };
    if latest.series > limits.series {
        let series = format!("more than {} series, as a moment ago", limits.series);
        return Err(over("the answer", series, limits.series.to_string(), "limits.series", None).into());
    }
    let bytes = latest.series.saturating_mul(window.points()).saturating_mul(latest.bytes_per_point);
    if bytes / 2 > limits.response_bytes {
        let bytes = format!("about {bytes} bytes, by the series of a moment ago");
        return Err(over("the answer", bytes, limits.response_bytes.to_string(), "limits.response_bytes", None).into());
    }
    Ok(())
}

/// The selector that looks back furthest before the start of the window, and how far.
fn furthest(query: &ScopedQuery, window: Window) -> Result<Option<(Duration, String)>, ParseError> {
    let mut found: Option<(i64, String)> = None;
    for selector in query.selectors() {
        // The five minutes for which a sample counts are nobody's wish.
        let Some(back) = selector.reach(window, 0)?.before_start_ms(window) else { continue };
        if found.as_ref().is_none_or(|(most, _)| back > *most) {
            found = Some((back, selector.span.of(query.source()).to_owned()));
        }
    }
    Ok(found.map(|(ms, text)| (Duration::from_millis(ms.unsigned_abs()), text)))
}

fn over(what: &'static str, estimate: String, limit: String, setting: &'static str, costly: Option<String>) -> LimitExceeded {
    LimitExceeded { what, estimate, limit, setting, costly }
}

/// Days and hours for people.
fn humane(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        3600..=86_399 => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{ConflictMode, Options};
    use crate::query::QueryError;
    use crate::tenancy::{Policy, Scope};

    /// Which setting refuses the text in an hour of 15 s steps, and what it says.
    fn refused(text: &str, limits: &Limits, shown: &Estimates) -> Option<LimitExceeded> {
        let rules = Policy::new(&crate::config::TenantLabels::shipped()).for_scope(&Scope::ClusterWide);
        let query = ScopedQuery::new(text, &rules, &Options::default(), ConflictMode::Empty).unwrap();
        match check(&query, Window { step_ms: 15_000, range_ms: 3_600_000 }, limits, shown) {
            Ok(()) => None,
            Err(QueryError::Limit(limit)) => Some(limit),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_earlier_answers_showed_counts() {
        let limits = Limits { samples: 100_000, series: 1000, response_bytes: 1 << 20, ..Limits::default() };
        let shown = Estimates::default();
        assert_eq!(refused("sum(rate(up[5m]))", &limits, &shown), None, "4,820 samples of one series");
        shown.note("up", Some("up"), 50, 50, 1500);
        let over = refused("sum(rate(up[5m]))", &limits, &shown).unwrap();
        assert_eq!(
            (over.setting, over.estimate.as_str(), over.costly.as_deref()),
            ("limits.samples", "about 241000 samples", Some("up[5m]"))
        );
        assert_eq!(refused("sum(rate(down[5m]))", &limits, &shown), None, "another selector");
    }

    #[test]
    fn an_answer_that_was_too_large_is_not_asked_for_again_at_once() {
        let limits = Limits { series: 1000, response_bytes: 1 << 20, ..Limits::default() };
        let shown = Estimates::default();
        shown.note("many", None, 1001, 0, 0);
        assert_eq!(refused("many", &limits, &shown).map(|over| over.setting), Some("limits.series"));
        shown.note("wide", None, 900, 900, 900 * 40);
        assert_eq!(refused("wide", &limits, &shown).map(|over| over.setting), Some("limits.response_bytes"));
        shown.note("narrow", None, 9, 9, 9 * 40);
        assert_eq!(refused("narrow", &limits, &shown), None);
    }
}
