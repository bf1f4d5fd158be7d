//! Ground floor, pure: PromQL in, a tree, tenant matchers on every selector, PromQL out.
//!
//! ```text
//! text ── lex ──> tokens ── parse, types ──> tree ── enforce ──> tree ── print(window) ──> text for Prometheus
//!                                                                                            │ read again, every selector checked
//!                                                                                            └──> EnforcedText
//! ```
//!
//! [`ScopedQuery::new`] and [`ScopedSelectors`] are the only makers of [`EnforcedText`], and upstream takes nothing else.

mod ast;
mod collide;
mod cost;
mod durations;
mod enforce;
mod error;
mod features;
mod functions;
mod info;
mod lex;
mod literal;
mod names;
mod operators;
mod options;
mod parse;
mod print;
#[cfg(test)]
mod property;
mod query;
mod regexes;
mod rules;
mod scoped;
mod selectors;
mod shape;
#[cfg(test)]
mod tests;
mod time;
mod types;
mod walk;
mod window;

pub use cost::{Cost, SelectorCost};
pub use enforce::ConflictMode;
pub use error::{ErrorKind, ParseError, Place, Span};
pub use features::{Features, UnknownFeature};
pub use options::Options;
pub use query::{Query, parse};
pub use rules::{MetricName, NameGuard, Refusal, Rule, TenantRules};
pub use scoped::{EnforcedText, ScopeError, ScopedQuery, ScopedSelectors, SelectorsError};
pub use selectors::{Anchor, Moment, Reach, SelectorInfo};
pub use time::TimeDependence;
pub use window::Window;
