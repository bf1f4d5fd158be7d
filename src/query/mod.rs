//! The engine: a typed request and a scope in, an answer that the scope may see out.
//!
//! * [`Engine`]: enforce → weigh → ask → filter
//! * `limits`: what a query may cost before it runs
//! * `answer`: the body on its way: bounded, counted, its beginning held back
//! * `rules`, `metadata`: filters for what Prometheus cannot filter
//! * [`Explained`]: what would be sent, what it costs and why
//! * [`Fairness`]: rate and concurrency per user

mod answer;
mod engine;
mod error;
mod explain;
mod fairness;
mod filtered;
mod limits;
mod metadata;
mod raw_object;
mod requests;
mod rewrites;
mod rules;

pub use engine::{Asked, Asker, ClusterPath, Engine, Notes, Reply, TextPath};
pub use error::{LimitExceeded, QueryError};
pub use explain::{Cacheable, Estimate, Explained, Fault, LimitsInForce, Selector};
pub use fairness::{Admission, Fairness, Throttled};
pub use metadata::MetadataLimits;
pub use requests::{Evaluation, ExemplarQuery, InstantQuery, MetadataSelection, RangeQuery, RuleSelection, SeriesSelection, Stats};
pub use rules::{Page, UnreadableAnswer};
