//! What a query costs, told from its text and window alone: lower bounds, per series that a selector finds.

use super::ast::{At, Expr};
use super::error::{Result, Span};
use super::walk::{self, Found};
use super::window::Window;

/// Scrape interval assumed where samples are counted, in milliseconds.
const SCRAPE_MS: i64 = 15_000;
/// Step of a subquery that names none: Prometheus' default evaluation interval, in milliseconds.
const SUBQUERY_STEP_MS: i64 = 60_000;
/// Longest part of the text shown for the costly selector, in characters.
const SNIPPET: usize = 80;

/// The cost of one selector, per series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorCost {
    /// Where it stands in the user's text.
    pub span: Span,
    /// How often it is evaluated, the steps of subqueries around it included.
    pub evaluations: u64,
    /// Samples it touches, at least, at one sample in 15 seconds.
    pub samples: u64,
}

/// The cost of a query in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Steps of the query: the most points that a series of the answer can have.
    pub points_per_series: u64,
    /// Every selector, in the order of the text.
    pub selectors: Vec<SelectorCost>,
    /// Evaluations of all selectors.
    pub evaluations: u64,
    /// Samples touched by all selectors, if each finds one series.
    pub samples: u64,
    /// The selector that touches the most samples, as an index into `selectors`; None without selectors.
    pub costliest: Option<usize>,
    /// Its text, cut after 80 characters.
    pub snippet: String,
}

pub(super) fn cost(tree: &Expr, source: &str, window: Window) -> Result<Cost> {
    let selectors = walk::selectors(tree).iter().map(|found| selector_cost(found, window)).collect::<Result<Vec<_>>>()?;
    let mut costliest: Option<usize> = None;
    for (index, selector) in selectors.iter().enumerate() {
        if costliest.is_none_or(|best| selector.samples > selectors[best].samples) {
            costliest = Some(index);
        }
    }
    let snippet = costliest.map(|index| selectors[index].span.of(source).chars().take(SNIPPET).collect()).unwrap_or_default();
    Ok(Cost {
        points_per_series: window.points(),
        evaluations: selectors.iter().fold(0, |sum, s| s.evaluations.saturating_add(sum)),
        samples: selectors.iter().fold(0, |sum, s| s.samples.saturating_add(sum)),
        selectors,
        costliest,
        snippet,
    })
}

fn selector_cost(found: &Found<'_>, window: Window) -> Result<SelectorCost> {
    let mut evaluations = window.points();
    let mut span_ms = window.range_ms.max(0);
    let mut samples = 0u64;
    for subquery in &found.path {
        pin(subquery.at, &mut evaluations, &mut span_ms);
        let range_ms = subquery.range.eval_ms(window)?;
        let step_ms = subquery.step.as_ref().map_or(Ok(SUBQUERY_STEP_MS), |step| step.eval_ms(window))?.max(1);
        // What the function around the subquery looks at, at each of its own steps.
        samples = samples.saturating_add(evaluations.saturating_mul((range_ms / step_ms) as u64));
        // The subquery itself runs once over everything that is needed, on a grid of its own.
        span_ms = span_ms.saturating_add(range_ms);
        evaluations = (span_ms / step_ms) as u64 + 1;
    }
    pin(found.selector.at, &mut evaluations, &mut span_ms);
    let range_ms = found.selector.range.as_ref().map_or(Ok(0), |range| range.eval_ms(window))?;
    let each = (range_ms / SCRAPE_MS).max(1) as u64;
    Ok(SelectorCost { span: found.span, evaluations, samples: samples.saturating_add(evaluations.saturating_mul(each)) })
}

/// What is pinned to one time by `@` is evaluated once.
fn pin(at: Option<At>, evaluations: &mut u64, span_ms: &mut i64) {
    if at.is_some() {
        (*evaluations, *span_ms) = (1, 0);
    }
}
