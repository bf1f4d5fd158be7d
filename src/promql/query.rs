//! A query that was read: canonical text and analyses.

use super::ast::Expr;
use super::cost::{self, Cost};
use super::error::ParseError;
use super::print::print;
use super::selectors::{self, SelectorInfo};
use super::time::{self, TimeDependence};
use super::{Options, Window, collide};

/// A well-typed PromQL expression.
#[derive(Clone, Debug)]
pub struct Query {
    source: String,
    tree: Expr,
}

/// Reads an expression.
///
/// # Errors
/// For every text that Prometheus 3.16 with the same features does not accept, and for those over the bounds.
pub fn parse(text: &str, options: &Options) -> Result<Query, ParseError> {
    Ok(Query { source: text.to_owned(), tree: super::parse::parse(text, options)? })
}

impl Query {
    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The canonical text. With a window, duration expressions become the values they have in it; without one they stay as written.
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window, such as `[step()]` in an instant query.
    pub fn text(&self, window: Option<Window>) -> Result<String, ParseError> {
        print(&self.tree, window).map_err(|error| error.locate(&self.source))
    }

    /// Every selector, in the order of the text.
    pub fn selectors(&self) -> Vec<SelectorInfo> {
        selectors::describe(&self.tree)
    }

    /// Do duration expressions make the query mean something else with another step or range?
    pub fn depends_on_window(&self) -> bool {
        self.time_dependence().durations
    }

    /// What of the query's time the result depends on.
    pub fn time_dependence(&self) -> TimeDependence {
        time::dependence(&self.tree)
    }

    /// What the query costs in that window, at least.
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window.
    pub fn cost(&self, window: Window) -> Result<Cost, ParseError> {
        cost::cost(&self.tree, &self.source, window).map_err(|error| error.locate(&self.source))
    }

    /// Could parts of a window succeed where the whole fails, with "vector cannot contain metrics with the same labelset"?
    ///
    /// So it is when the metric name is dropped from what may have several names, or labels are rewritten.
    pub fn may_collide(&self) -> bool {
        collide::may_collide(&self.tree)
    }

    pub(super) fn tree_mut(&mut self) -> &mut Expr {
        &mut self.tree
    }

    pub(super) fn tree(&self) -> &Expr {
        &self.tree
    }
}
