//! The window of a query: what `step()` and `range()` stand for.

/// Step and range of a query. An instant query has zero for both, which is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Milliseconds between two steps.
    pub step_ms: i64,
    /// Milliseconds between `start` and `end`.
    pub range_ms: i64,
}

impl Window {
    /// The number of steps, at least one.
    pub fn points(self) -> u64 {
        if self.step_ms <= 0 { 1 } else { (self.range_ms.max(0) / self.step_ms) as u64 + 1 }
    }
}
