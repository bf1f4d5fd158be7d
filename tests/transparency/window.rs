//! Start, end and step of a range query, drawn at random.

use std::fmt::{Display, Formatter};

use crate::corpus::Era;
use crate::data;
use crate::history;
use crate::rng::Rng;

/// One range: `points` steps from `start_ms` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
}

/// From one second to one hour, and what is no whole number of seconds.
const STEPS_MS: [i64; 14] = [500, 1_000, 1_000, 5_000, 7_001, 13_337, 15_000, 15_000, 15_500, 30_000, 60_000, 97_000, 300_000, 3_600_000];
const POINTS: [i64; 14] = [1, 2, 3, 10, 17, 30, 61, 61, 127, 128, 129, 241, 257, 600];

/// Where data are, in seconds.
pub fn span(era: Era, base: i64) -> (i64, i64) {
    match era {
        Era::History => (history::START, history::START + 3600),
        Era::Live => (base - data::BACK, base + data::AHEAD),
    }
}

impl Window {
    /// Somewhere at data: inside, over their beginning or end, and rarely beside them.
    pub fn draw(rng: &mut Rng, era: Era, base: i64) -> Window {
        let step_ms = STEPS_MS[rng.below(STEPS_MS.len())];
        let points = POINTS[rng.below(POINTS.len())];
        let (first, last) = span(era, base);
        let (first, last) = (first * 1000, last * 1000);
        let length = (points - 1) * step_ms;
        let mut start_ms = match rng.below(20) {
            // Until now; the present of the history is its end.
            0..=4 => last - length - if era == Era::Live { data::AHEAD * 1000 } else { 0 },
            // Over the end, over the beginning, before everything.
            5 => last - length / 2,
            6..=7 => first - length / 2,
            8 => first - length - 400_000,
            _ => first + rng.below((last - first) as usize) as i64 - length / 2,
        };
        if rng.percent(60) {
            start_ms -= start_ms.rem_euclid(step_ms);
        } else if rng.percent(50) {
            start_ms -= start_ms.rem_euclid(1000);
        }
        // The last point need not be the end.
        let over = if rng.percent(25) { rng.below(step_ms as usize) as i64 } else { 0 };
        Window { start_ms, end_ms: start_ms + length + over, step_ms }
    }

    pub fn points(self) -> i64 {
        (self.end_ms - self.start_ms) / self.step_ms + 1
    }

    /// The same number of points, these many steps later.
    pub fn shifted(self, steps: i64) -> Window {
        self.moved(steps * self.step_ms)
    }

    pub fn moved(self, ms: i64) -> Window {
        Window { start_ms: self.start_ms + ms, end_ms: self.end_ms + ms, ..self }
    }

    /// So many steps more (or, below zero, fewer) at both ends; at least one point stays.
    pub fn wider(self, before: i64, after: i64) -> Window {
        let start_ms = self.start_ms - before * self.step_ms;
        Window { start_ms, end_ms: (self.end_ms + after * self.step_ms).max(start_ms), ..self }
    }

    /// `points` of it, from the one with this number on.
    pub fn part(self, from: i64, points: i64) -> Window {
        let start_ms = self.start_ms + from * self.step_ms;
        Window { start_ms, end_ms: start_ms + (points - 1).max(0) * self.step_ms, ..self }
    }

    /// `start`, `end` and `step` as parameters.
    pub fn params(self) -> [(&'static str, String); 3] {
        [("start", seconds(self.start_ms)), ("end", seconds(self.end_ms)), ("step", seconds(self.step_ms))]
    }
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let [(_, start), (_, end), (_, step)] = self.params();
        write!(f, "start={start}&end={end}&step={step} ({} points)", self.points())
    }
}

/// As the API wants it: whole seconds without a fraction.
pub fn seconds(ms: i64) -> String {
    let (whole, rest) = (ms.div_euclid(1000), ms.rem_euclid(1000));
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}") }
}
