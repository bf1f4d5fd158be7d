//! What a query reads: every selector, and how far from the query's window it looks.

use std::sync::Arc;

use super::ast::{At, Edges, Expr, Selector, Subquery};
use super::durations::Duration;
use super::error::{ParseError, Span};
use super::names::Name;
use super::walk::{self, Found};
use super::window::Window;

/// One selector of a query.
#[derive(Clone, Debug)]
pub struct SelectorInfo {
    /// The metric name, when it is given literally.
    pub metric: Option<String>,
    /// The user's label matchers, without a name before the braces.
    pub matchers: usize,
    /// Where it stands in the user's text.
    pub span: Span,
    /// The label that carries the tenant; None when nothing had to be added, or the query is not bound.
    pub label: Option<Arc<str>>,
    shifts: Vec<Shift>,
}

/// What moves the time at which data is needed: a subquery around the selector, or the selector's own modifiers.
#[derive(Clone, Debug)]
struct Shift {
    at: Option<At>,
    offset: Option<Duration>,
    range: Option<Duration>,
    edges: Option<Edges>,
    selector: bool,
}

/// What a time is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The first step of the query.
    Start,
    /// The last step of the query.
    End,
    /// The Unix epoch: `@` with a number.
    Epoch,
}

/// A time relative to an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What it is counted from.
    pub anchor: Anchor,
    /// Milliseconds after the anchor; negative: before it.
    pub offset_ms: i64,
}

impl Moment {
    /// Milliseconds after the query's start (negative: before it); None when it does not depend on the query's window.
    pub fn after_start_ms(self, window: Window) -> Option<i64> {
        match self.anchor {
            Anchor::Start => Some(self.offset_ms),
            Anchor::End => Some(window.range_ms.saturating_add(self.offset_ms)),
            Anchor::Epoch => None,
        }
    }
}

/// The data that one selector needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The earliest sample's time, at the earliest.
    pub from: Moment,
    /// The latest sample's time, at the latest.
    pub to: Moment,
}

impl Reach {
    /// How far before the query's start data is needed, in milliseconds; None when that does not depend on the start. Zero when no
    /// data before the start is needed.
    pub fn before_start_ms(self, window: Window) -> Option<i64> {
        self.from.after_start_ms(window).map(|ms| ms.saturating_neg().max(0))
    }
}

impl SelectorInfo {
    /// Which data the selector needs in that window. `lookback_ms` is how long the backend takes a sample for valid (5 minutes, unless
    /// it was started with another `--query.lookback-delta`).
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window.
    pub fn reach(&self, window: Window, lookback_ms: i64) -> Result<Reach, ParseError> {
        let mut from = Moment { anchor: Anchor::Start, offset_ms: 0 };
        let mut to = Moment { anchor: Anchor::End, offset_ms: 0 };
        for shift in &self.shifts {
            match shift.at {
                None => {}
                Some(At::Start) => (from, to) = pinned(Anchor::Start, 0),
                Some(At::End) => (from, to) = pinned(Anchor::End, 0),
                Some(At::Millis(ms)) => (from, to) = pinned(Anchor::Epoch, ms),
            }
            let offset_ms = shift.offset.as_ref().map_or(Ok(0), |d| d.eval_ms(window))?;
            let range_ms = shift.range.as_ref().map_or(Ok(0), |d| d.eval_ms(window))?;
            from.offset_ms = from.offset_ms.saturating_sub(offset_ms).saturating_sub(range_ms);
            to.offset_ms = to.offset_ms.saturating_sub(offset_ms);
            if shift.selector && (shift.range.is_none() || shift.edges.is_some()) {
                from.offset_ms = from.offset_ms.saturating_sub(lookback_ms);
            }
            if shift.edges == Some(Edges::Smoothed) {
                to.offset_ms = to.offset_ms.saturating_add(lookback_ms);
            }
        }
        Ok(Reach { from, to })
    }

    /// The selector's own range in that window, in milliseconds; None for an instant selector.
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window.
    pub fn range_ms(&self, window: Window) -> Result<Option<i64>, ParseError> {
        self.shifts.last().and_then(|s| s.range.as_ref()).map(|d| d.eval_ms(window)).transpose()
    }
}

fn pinned(anchor: Anchor, offset_ms: i64) -> (Moment, Moment) {
    let moment = Moment { anchor, offset_ms };
    (moment, moment)
}

/// Every selector, in the order of the text.
pub(super) fn describe(tree: &Expr) -> Vec<SelectorInfo> {
    walk::selectors(tree).iter().map(info).collect()
}

fn info(found: &Found<'_>) -> SelectorInfo {
    let own = |s: &Selector| Shift { at: s.at, offset: s.offset.clone(), range: s.range.clone(), edges: s.edges, selector: true };
    let outer = |s: &&Subquery| Shift { at: s.at, offset: s.offset.clone(), range: Some(s.range.clone()), edges: None, selector: false };
    let mut shifts: Vec<Shift> = found.path.iter().map(outer).collect();
    shifts.push(own(found.selector));
    SelectorInfo {
        metric: Name::of(found.selector).literal().map(str::to_owned),
        matchers: found.selector.matchers.len(),
        span: found.span,
        label: None,
        shifts,
    }
}
