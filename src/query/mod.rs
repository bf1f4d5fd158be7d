//! The engine: a typed request and a scope in, an answer that the scope may see out.
//!
//! * [`Engine`]: enforce → weigh → look up → ask → filter
//! * `questions`: what may be answered from what is kept; `cluster`: what never is
//! * `range`: range queries, from blocks of points; `whole`, `stored`: whole answers to one very question
//! * `kept`, `finished`, `shared`, `parts`: what is remembered here, and what replicas share
//! * `invalidation`, `self_check`: dropping what is kept, and finding out that it has to be
//! * [`Watched`]: queries whose window moves on, for live streams
//! * `estimates`, `limits`: what a query may cost, by its text and by what earlier answers showed
//! * `ask`, `wire`, `answer`: asking upstreams; the body on its way: bounded, counted, its beginning held back
//! * `rules`, `metadata`, `filtered`: filters for what Prometheus cannot filter
//! * [`Outcome`], `metrics`: what happened to a request; [`Explained`]: what would be sent, what it costs and why
//! * [`Fairness`]: rate and concurrency per user

mod answer;
mod ask;
mod cluster;
mod engine;
mod error;
mod estimates;
mod explain;
mod fairness;
mod filtered;
mod finished;
mod invalidation;
mod kept;
mod limits;
mod metadata;
mod metrics;
mod outcome;
mod parts;
mod questions;
mod range;
mod raw_object;
mod reply;
mod requests;
mod rewrites;
mod rules;
mod self_check;
mod shared;
mod stored;
mod watch;
mod whole;
mod wire;

pub use cluster::{ClusterPath, TextPath};
pub use engine::{Asked, Asker, Engine, EngineSettings, Notes};
pub use error::{LimitExceeded, QueryError};
pub use explain::{Cacheable, Estimate, Explained, Fault, LimitsInForce, Selector};
pub use fairness::{Admission, Fairness, Throttled};
pub use finished::Form;
pub use invalidation::NotTold;
pub use kept::Selection;
pub use metadata::MetadataLimits;
pub use outcome::{AskedUpstream, Outcome, Source};
pub use reply::{Accepts, Reply, ReplyBody};
pub use requests::{Evaluation, ExemplarQuery, InstantQuery, MetadataSelection, RangeQuery, RuleSelection, SeriesSelection, Stats};
pub use rules::{Page, UnreadableAnswer};
pub use watch::Watched;
