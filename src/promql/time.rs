//! What of the query's time a result depends on.

use super::ast::{Aggregate, At, Expr, Node};
use super::durations::Duration;

/// Ways in which a result depends on the query's start, end and step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeDependence {
    /// `@ start()` somewhere.
    pub at_start: bool,
    /// `@ end()` somewhere.
    pub at_end: bool,
    /// `@` with a number somewhere.
    pub at_fixed: bool,
    /// The function `start()`.
    pub start_function: bool,
    /// The function `end()`.
    pub end_function: bool,
    /// The function `step()`, outside of durations.
    pub step_function: bool,
    /// The function `range()`, outside of durations.
    pub range_function: bool,
    /// `step()` or `range()` inside durations: folded text no longer depends on them.
    pub durations: bool,
    /// Duration expressions at all, constant ones included.
    pub expressions: bool,
    /// `time()`, `timestamp()`, `hour()` and the like.
    pub clock: bool,
    /// `info()`: its second argument is looked up at the times of the first one's selectors, which
    /// [`SelectorInfo::reach`](super::SelectorInfo::reach) of that second argument does not say.
    pub info: bool,
    /// `sort()` and its kin, of which Prometheus warns where a window has more than one step.
    pub sorts: bool,
}

impl TimeDependence {
    /// Does the value at a step depend on that step only, so that steps of different queries can be put side by side?
    ///
    /// For the text whose durations were folded for one window; queries with other windows have another folded text.
    pub fn per_step(self) -> bool {
        !(self.at_start || self.at_end || self.start_function || self.end_function || self.step_function || self.range_function)
    }
}

pub(super) fn dependence(tree: &Expr) -> TimeDependence {
    let mut found = TimeDependence::default();
    found.look(tree);
    found
}

impl TimeDependence {
    fn look(&mut self, expr: &Expr) {
        match &expr.node {
            Node::Number(_) | Node::Str(_) => {}
            Node::Paren(inner) | Node::Unary { inner, .. } => self.look(inner),
            Node::Binary(_) => {
                let mut left = expr;
                while let Node::Binary(b) = &left.node {
                    self.look(&b.right);
                    left = &b.left;
                }
                self.look(left);
            }
            Node::Aggregate(aggregate) => {
                let Aggregate { param, inner, .. } = &**aggregate;
                param.iter().for_each(|param| self.look(param));
                self.look(inner);
            }
            Node::Call { function, args } => {
                match function.name {
                    "start" => self.start_function = true,
                    "end" => self.end_function = true,
                    "step" => self.step_function = true,
                    "range" => self.range_function = true,
                    "info" => self.info = true,
                    "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => self.sorts = true,
                    "time" | "timestamp" | "start_timestamp" | "hour" | "minute" | "month" | "year" | "day_of_month" | "day_of_week"
                    | "day_of_year" | "days_in_month" => self.clock = true,
                    _ => {}
                }
                args.iter().for_each(|arg| self.look(arg));
            }
            Node::Selector(s) => self.modifiers(s.at, [s.range.as_ref(), s.offset.as_ref(), None]),
            Node::Subquery(s) => {
                self.modifiers(s.at, [Some(&s.range), s.step.as_ref(), s.offset.as_ref()]);
                self.look(&s.inner);
            }
        }
    }

    fn modifiers(&mut self, at: Option<At>, durations: [Option<&Duration>; 3]) {
        match at {
            None => {}
            Some(At::Start) => self.at_start = true,
            Some(At::End) => self.at_end = true,
            Some(At::Millis(_)) => self.at_fixed = true,
        }
        for duration in durations.into_iter().flatten() {
            self.expressions |= !duration.is_literal();
            self.durations |= duration.depends_on_window();
        }
    }
}
