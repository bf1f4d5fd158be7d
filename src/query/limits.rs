//! What a query may cost, judged before it runs.

use std::time::Duration;

use super::LimitExceeded;
use crate::config::Limits;
use crate::promql::{ParseError, ScopedQuery, Window};

/// Refuses a query that is over one of the static limits.
///
/// # Errors
/// The first limit that is exceeded, with the estimate and the part that costs most; or a duration that has no value
/// in this window.
pub(super) fn check(query: &ScopedQuery, window: Window, limits: &Limits) -> Result<(), super::QueryError> {
    let range = Duration::from_millis(u64::try_from(window.range_ms).unwrap_or_default());
    if range > limits.range {
        return Err(over("the range", humane(range), humane(limits.range), "limits.range", None).into());
    }
    if window.points() > limits.points_per_series {
        let points = format!("{} points per series", window.points());
        return Err(over("the answer", points, limits.points_per_series.to_string(), "limits.points_per_series", None).into());
    }
    let cost = query.cost(window)?;
    if let Some(furthest) = furthest(query, window)?
        && furthest.0 > limits.range
    {
        return Err(over("the look-back", humane(furthest.0), humane(limits.range), "limits.range", Some(furthest.1)).into());
    }
    if cost.samples > limits.samples {
        let samples = format!("at least {} samples", cost.samples);
        return Err(over("the work", samples, limits.samples.to_string(), "limits.samples", Some(cost.costly_text.clone())).into());
    }
    Ok(())
}

/// The selector that looks back furthest before the start of the window.
fn furthest(query: &ScopedQuery, window: Window) -> Result<Option<(Duration, String)>, ParseError> {
    let mut found: Option<(Duration, String)> = None;
    for selector in query.selectors() {
        let Some(back) = selector.reach(window)?.back() else { continue };
        if found.as_ref().is_none_or(|(most, _)| back > *most) {
            found = Some((back, selector.text.clone()));
        }
    }
    Ok(found)
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
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
