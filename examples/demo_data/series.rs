//! Families of series, and their value at a time.

use crate::curve::Curve;

/// Rates are summed over slots of this many seconds, counted from the counter's start.
const SLOT_S: f64 = 60.0;

/// Series of one metric name.
pub(crate) struct Family {
    /// The metric's name; for a histogram without `_bucket`, `_sum`, `_count`.
    pub(crate) name: String,
    /// `gauge`, `counter` or `histogram`.
    pub(crate) kind: &'static str,
    /// What the metric says.
    pub(crate) help: &'static str,
    /// Written into the history only, because live a recording rule makes it.
    pub(crate) recorded: bool,
    /// The series; those of one histogram stand together.
    pub(crate) series: Vec<Series>,
}

impl Family {
    /// Without series yet.
    pub(crate) fn new(name: impl Into<String>, kind: &'static str, help: &'static str) -> Self {
        Family { name: name.into(), kind, help, recorded: false, series: Vec::new() }
    }

    /// Adds a series with the family's own name.
    pub(crate) fn push(&mut self, labels: Labels, life: Life, value: Value) {
        self.push_named("", labels, life, value);
    }

    /// Adds a series whose name is the family's with a suffix such as `_bucket`.
    pub(crate) fn push_named(&mut self, suffix: &str, labels: Labels, life: Life, value: Value) {
        let text = format!("{}{suffix}{{{}}}", self.name, labels.text);
        self.series.push(Series { text, life, value });
    }
}

/// Labels in their written form.
#[derive(Clone, Default)]
pub(crate) struct Labels {
    text: String,
}

impl Labels {
    /// From pairs; values have to need no escapes. What has a job has an instance too: the one of its job, if none is given.
    /// Without it the scrape would add its target's, and the present would not be the same series as the past.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let labels = pairs.iter().fold(Labels::default(), |labels, (name, value)| labels.with(name, value));
        let value = |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        match (value("job"), value("instance")) {
            (Some(job), None) => labels.with("instance", &format!("{job}:8080")),
            _ => labels,
        }
    }

    /// One more label.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let comma = if self.text.is_empty() { "" } else { "," };
        Labels { text: format!("{}{comma}{name}=\"{value}\"", self.text) }
    }
}

/// When a series exists: from `start` to before `end`, unix seconds.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    /// First moment.
    pub(crate) start: f64,
    /// First moment after it.
    pub(crate) end: f64,
}

impl Life {
    /// Without beginning or end.
    pub(crate) const ALWAYS: Life = Life { start: f64::NEG_INFINITY, end: f64::INFINITY };

    /// Whether the series exists then.
    pub(crate) fn covers(self, t: f64) -> bool {
        self.start <= t && t < self.end
    }

    /// Whether it exists at any time of a window.
    pub(crate) fn meets(self, from: f64, to: f64) -> bool {
        self.start < to && from < self.end
    }
}

/// One series.
pub(crate) struct Series {
    /// Name and labels as they are written.
    pub(crate) text: String,
    /// When it exists.
    pub(crate) life: Life,
    /// Its value.
    pub(crate) value: Value,
}

/// How a series gets its value.
pub(crate) enum Value {
    /// The curve itself, rounded to three decimals.
    Gauge(Curve),
    /// What a rate has added up to.
    Counter(Counter),
}

impl Value {
    /// Adds up `rate` since `since`; `whole` drops the fraction, for things that are counted one by one.
    pub(crate) fn counter(since: f64, whole: bool, rate: Curve) -> Self {
        Value::Counter(Counter { since, restarts: None, whole, rate, reached: 0.0, sum: 0.0, run: since })
    }

    /// The same, falling to zero every `period` seconds, as a process that restarts does.
    pub(crate) fn resetting_counter(since: f64, period: f64, whole: bool, rate: Curve) -> Self {
        Value::Counter(Counter { since, restarts: Some(period), whole, rate, reached: 0.0, sum: 0.0, run: since })
    }

    /// At `t`. Cheapest with times that go up: the sum is carried on.
    pub(crate) fn at(&mut self, t: f64) -> f64 {
        match self {
            Value::Gauge(curve) => (curve(t) * 1_000.0).round() / 1_000.0,
            Value::Counter(counter) => counter.at(t),
        }
    }
}

/// A rate and the sum so far.
///
/// The sum is always taken slot by slot from the start, so its value depends on the time alone and not on when it was asked before.
pub(crate) struct Counter {
    since: f64,
    restarts: Option<f64>,
    whole: bool,
    rate: Curve,
    run: f64,
    reached: f64,
    sum: f64,
}

impl Counter {
    fn at(&mut self, t: f64) -> f64 {
        let run = self.restarts.map_or(self.since, |period| self.since + ((t - self.since) / period).floor() * period);
        let slot = ((t - run) / SLOT_S).floor();
        if run != self.run || slot < self.reached {
            (self.run, self.reached, self.sum) = (run, 0.0, 0.0);
        }
        while self.reached < slot {
            self.sum += self.slot_rate(self.reached) * SLOT_S;
            self.reached += 1.0;
        }
        let value = self.sum + self.slot_rate(slot) * (t - run - slot * SLOT_S).max(0.0);
        if self.whole { value.floor() } else { (value * 1_000.0).round() / 1_000.0 }
    }

    fn slot_rate(&self, slot: f64) -> f64 {
        (self.rate)(self.run + (slot + 0.5) * SLOT_S).max(0.0)
    }
}
