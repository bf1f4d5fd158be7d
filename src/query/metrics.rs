//! The numbers of the query cache. Labels are closed sets: no user, no namespace and no text of a query among them.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::outcome::Outcome;

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerOutcome {
    /// From this process' memory.
    Memory,
    /// From Redis.
    Redis,
    /// Part of it was fetched.
    Partial,
    /// All of it was fetched.
    Miss,
    /// It waited for another request's fetch.
    Collapsed,
    /// It is never kept.
    Bypass,
}

impl AnswerOutcome {
    const ALL: [AnswerOutcome; 6] = [
        AnswerOutcome::Memory,
        AnswerOutcome::Redis,
        AnswerOutcome::Partial,
        AnswerOutcome::Miss,
        AnswerOutcome::Collapsed,
        AnswerOutcome::Bypass,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            AnswerOutcome::Memory => "memory",
            AnswerOutcome::Redis => "redis",
            AnswerOutcome::Partial => "partial",
            AnswerOutcome::Miss => "miss",
            AnswerOutcome::Collapsed => "collapsed",
            AnswerOutcome::Bypass => "bypass",
        }
    }
}

/// The kinds of questions that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// `/api/v1/query_range`
    Range,
    /// `/api/v1/query`
    Instant,
    /// `/api/v1/series`, labels, label values
    Series,
    /// `/api/v1/metadata`
    Metadata,
    /// `/api/v1/query_exemplars`
    Exemplars,
}

impl Question {
    const ALL: [Question; 5] = [Question::Range, Question::Instant, Question::Series, Question::Metadata, Question::Exemplars];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Question::Range => "range",
            Question::Instant => "instant",
            Question::Series => "series",
            Question::Metadata => "metadata",
            Question::Exemplars => "exemplars",
        }
    }
}

/// Counters and gauges; cheap to clone.
#[derive(Clone)]
pub(super) struct QueryMetrics(Arc<Inner>);

struct Inner {
    answers: Vec<IntCounter>,
    points_cached: IntCounter,
    points_fetched: IntCounter,
    samples_saved: IntCounter,
    memory: IntGauge,
    entries: IntGauge,
    evictions: IntCounter,
    not_stored: IntCounterVec,
    self_checks: IntCounterVec,
    dropped: IntCounter,
}

impl QueryMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When a name is taken.
    pub(super) fn register(registry: &Registry) -> Result<QueryMetrics, prometheus::Error> {
        let answers = counters(registry, "hecate_cache_answers_total", "Answers by where they came from.", &["question", "outcome"])?;
        let places = Question::ALL.iter().flat_map(|question| AnswerOutcome::ALL.iter().map(move |outcome| (question, outcome)));
        let answers = places.map(|(question, outcome)| answers.with_label_values(&[question.as_str(), outcome.as_str()])).collect();
        let points = counters(registry, "hecate_cache_points_total", "Steps of range answers: cached or fetched.", &["source"])?;
        let not_stored = counters(registry, "hecate_cache_not_stored_total", "Upstream answers that were not kept.", &["reason"])?;
        let self_checks = counters(registry, "hecate_cache_self_checks_total", "Hits compared with the origin.", &["result"])?;
        // There from the start, so that a rate over them sees the first one.
        not_stored.with_label_values(&["the answer has warnings"]);
        for result in ["equal", "different", "failed", "skipped"] {
            self_checks.with_label_values(&[result]);
        }
        Ok(QueryMetrics(Arc::new(Inner {
            answers,
            points_cached: points.with_label_values(&["cached"]),
            points_fetched: points.with_label_values(&["fetched"]),
            samples_saved: counter(registry, "hecate_cache_points_saved_total", "Points of series that no upstream had to compute.")?,
            memory: gauge(registry, "hecate_cache_memory_bytes", "Bytes held in this process' memory.")?,
            entries: gauge(registry, "hecate_cache_entries", "Entries held in this process' memory.")?,
            evictions: counter(registry, "hecate_cache_evictions_total", "Entries that made room for others.")?,
            not_stored,
            self_checks,
            dropped: counter(registry, "hecate_cache_dropped_total", "Entries dropped on request or after a failed self-check.")?,
        })))
    }

    pub(super) fn answered(&self, question: Question, outcome: &Outcome) {
        let Some(label) = outcome.label() else { return };
        self.0.answers[question as usize * AnswerOutcome::ALL.len() + label as usize].inc();
        if question == Question::Range {
            self.0.points_fetched.inc_by(outcome.points_fetched);
            self.0.points_cached.inc_by(outcome.points.saturating_sub(outcome.points_fetched));
            self.0.samples_saved.inc_by(outcome.points_saved);
        }
    }

    pub(super) fn not_stored(&self, reason: &'static str) {
        self.0.not_stored.with_label_values(&[reason]).inc();
    }

    pub(super) fn self_check(&self, result: &'static str) {
        self.0.self_checks.with_label_values(&[result]).inc();
    }

    pub(super) fn dropped(&self, entries: usize) {
        self.0.dropped.inc_by(entries as u64);
    }

    pub(super) fn memory(&self, bytes: u64, entries: usize, evicted: u64) {
        self.0.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.0.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.0.evictions.inc_by(evicted.saturating_sub(self.0.evictions.get()));
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let made = IntCounter::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let made = IntGauge::new(name, help)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}
