//! What would be sent for an expression, what it costs and why: for `validate`, `hecate explain` and people who wonder.

use serde::Serialize;

use super::engine::Engine;
use super::{QueryError, limits};
use crate::promql::{ParseError, ScopeError, ScopedQuery, Window};
use crate::tenancy::Scope;

/// The answer; nothing was run for it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Whether the query would be sent.
    pub valid: bool,
    /// Why not.
    pub errors: Vec<Fault>,
    /// What may surprise.
    pub warnings: Vec<String>,
    /// What would be sent, in this window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforced_query: Option<String>,
    /// The user's text in its one canonical spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_query: Option<String>,
    /// What it would cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The limits that it is held against.
    pub limits: LimitsInForce,
    /// Whether an answer could be kept for later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cacheable: Option<Cacheable>,
    /// Every selector: where it stands, what was added, what it costs.
    pub selectors: Vec<Selector>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// What, and what would be right.
    pub message: String,
    /// Line of the text, from 1; none when it is about the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The line of the text with a caret below the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// What the query would touch: from its text and window, and from what earlier answers showed of the same selectors.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Series that the selectors find: as many as earlier answers showed, else one for each selector.
    pub series: u64,
    /// Samples touched, with those series and a sample every 15 s.
    pub samples: u64,
    /// Steps: the most points of one series.
    pub points: u64,
    /// Series of the latest answer to this expression, if there was one within the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_series: Option<u64>,
    /// Selectors whose series earlier answers showed; the others are counted as one series each.
    pub selectors_known: usize,
}

/// `limits:` as far as they concern one query.
#[derive(Clone, Debug, Serialize)]
pub struct LimitsInForce {
    query_bytes: usize,
    depth: usize,
    selectors: usize,
    points_per_series: u64,
    range_seconds: u64,
    series: u64,
    samples: u64,
    response_bytes: u64,
}

/// Whether equal steps of other windows have equal values.
#[derive(Clone, Debug, Serialize)]
pub struct Cacheable {
    /// They do.
    pub yes: bool,
    /// Why, or why not.
    pub reason: String,
}

/// One selector of the text.
#[derive(Clone, Debug, Serialize)]
pub struct Selector {
    /// As the user wrote it.
    pub text: String,
    /// The label that carries the tenant; none where nothing had to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_label: Option<String>,
    /// Samples touched, at least.
    pub samples: u64,
    /// How far before the start of the window it reads, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads_back_ms: Option<i64>,
}

/// How long a sample counts when none is newer: Prometheus' default.
const LOOKBACK_MS: i64 = 300_000;

impl Engine {
    /// Everything that can be told of a text without running it.
    pub fn explain(&self, scope: &Scope, text: &str, window: Window) -> Explained {
        let mut told = Explained {
            valid: true,
            errors: Vec::new(),
            warnings: Vec::new(),
            enforced_query: None,
            canonical_query: None,
            estimate: None,
            limits: self.limits_in_force(),
            cacheable: None,
            selectors: Vec::new(),
        };
        if let Err(error) = self.tell(&mut told, scope, text, window) {
            told.valid = false;
            told.errors.push(fault(&error, text));
        }
        told
    }

    fn tell(&self, told: &mut Explained, scope: &Scope, text: &str, window: Window) -> Result<(), QueryError> {
        told.canonical_query = Some(crate::promql::parse(text, &self.options)?.text(None)?);
        let scoped = self.enforce(scope, text)?;
        told.enforced_query = Some(scoped.text(Some(window))?.as_str().to_owned());
        let cost = scoped.cost(window)?;
        for (selector, own) in scoped.selectors().iter().zip(&cost.selectors) {
            told.selectors.push(Selector {
                text: selector.span.of(text).to_owned(),
                tenant_label: selector.label.as_deref().map(str::to_owned),
                samples: own.samples,
                reads_back_ms: selector.reach(window, LOOKBACK_MS)?.before_start_ms(window),
            });
            if selector.metric.is_none() && !scope.is_cluster_wide() {
                let part = selector.span.of(text);
                let label = selector.label.as_deref().unwrap_or_default();
                told.warnings.push(format!("{part} names no metric: it reads only metrics whose tenant label is {label:?}"));
            }
        }
        let shown = &self.parts.estimates;
        let work = shown.work(&scoped, &cost);
        let answer_series = told.enforced_query.as_deref().and_then(|text| shown.of_expression(text)).map(|shown| shown.series);
        let (series, samples, points) = (work.series, work.samples, cost.points_per_series);
        told.estimate = Some(Estimate { series, samples, points, answer_series, selectors_known: work.known });
        told.cacheable = Some(cacheable(&scoped));
        limits::check(&scoped, window, &self.limits, &self.parts.estimates)
    }

    fn limits_in_force(&self) -> LimitsInForce {
        LimitsInForce {
            query_bytes: self.limits.query_bytes,
            depth: self.limits.depth,
            selectors: self.limits.selectors,
            points_per_series: self.limits.points_per_series,
            range_seconds: self.limits.range.as_secs(),
            series: self.limits.series,
            samples: self.limits.samples,
            response_bytes: self.limits.response_bytes,
        }
    }
}

fn cacheable(query: &ScopedQuery) -> Cacheable {
    let time = query.time_dependence();
    let reason = if !time.per_step() {
        "the value at a step depends on the start or end of the window"
    } else if time.sorts {
        "Prometheus warns of sort() where a window has more than one step"
    } else if query.may_collide() {
        "parts of a window could succeed where the whole fails"
    } else {
        return Cacheable { yes: true, reason: "the value at a step depends on that step only".to_owned() };
    };
    Cacheable { yes: false, reason: format!("{reason}: only the same window again has the same answer") }
}

fn fault(error: &QueryError, text: &str) -> Fault {
    let placed = |line, column, pretty: String| Fault {
        message: error.to_string(),
        line: Some(line),
        column: Some(column),
        excerpt: Some(pretty.lines().skip(1).collect::<Vec<_>>().join("\n")),
    };
    let of_parse = |error: &ParseError| placed(error.line, error.column, error.pretty(text));
    match error {
        QueryError::Scope(ScopeError::Parse(parse)) | QueryError::Window(parse) => of_parse(parse),
        QueryError::Scope(scope @ (ScopeError::Refused { line, column, .. } | ScopeError::Conflict { line, column, .. })) => {
            placed(*line, *column, scope.pretty(text))
        }
        _ => Fault { message: error.to_string(), line: None, column: None, excerpt: None },
    }
}
