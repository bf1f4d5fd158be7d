//! Why a query got no answer. Knows no HTTP status.

use std::time::Duration;

use crate::promql::{ErrorKind, ParseError, ScopeError, SelectorsError};
use crate::upstream::{PublicError, UpstreamError};

/// A query without an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is no PromQL, or reads what the caller may not.
    #[error("{}{}", .0, setting_of_scope(.0))]
    Scope(#[from] ScopeError),
    /// One of several `match[]` is wrong.
    #[error("{}{}", .0, setting_of_scope(&.0.error))]
    Selectors(#[from] SelectorsError),
    /// The text alone is no PromQL, or a duration expression has no value in this window.
    #[error("{}{}", .0, setting(.0))]
    Window(#[from] ParseError),
    /// One of `limits:`, before the query runs.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// `limits.series`, while the answer comes in.
    #[error("the answer has more than {limit} series, which is the limit (limits.series): select fewer, or aggregate")]
    TooManySeries {
        /// The limit.
        limit: u64,
    },
    /// `limits.response_bytes`, of an answer that was put together from parts.
    #[error(
        "the answer has more than {limit} bytes, which is the limit (limits.response_bytes): ask for fewer series, a longer step or a shorter range"
    )]
    TooManyBytes {
        /// The limit.
        limit: u64,
    },
    /// The upstream did not answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The upstream answered with an error.
    #[error("{}", .error.message)]
    Refused {
        /// Its status.
        status: u16,
        /// What the caller may know of it.
        error: PublicError,
        /// When the upstream wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The upstream answered something that is not of Prometheus' API.
    #[error("upstream {upstream} sent an answer that is not of Prometheus' API")]
    Unreadable {
        /// Configured name.
        upstream: String,
        /// For logs.
        detail: String,
    },
    /// A parameter that cannot be sent.
    #[error("{0}")]
    Parameter(String),
    /// Needs cluster-wide scope.
    #[error("this path tells about the whole Prometheus: it needs cluster-wide scope, and no namespaces to narrow to")]
    NeedsClusterScope,
    /// The caller may see nothing.
    #[error("no namespace is in your scope")]
    NothingInScope,
    /// The task that fetched for this request and others ended without a word: a bug of ours.
    #[error("internal error: a fetch was given up")]
    FetchGivenUp,
}

impl QueryError {
    /// Whether the same question would have the same error a moment later: the upstream has refused it as it is.
    pub(super) fn is_about_the_question(&self) -> bool {
        match self {
            // Another backend may say 422 of a store that is away: in other words than Prometheus says it of a query.
            QueryError::Refused { status: 400 | 422, error, .. } => matches!(error.error_type, "bad_data" | "execution"),
            QueryError::TooManySeries { .. } => true,
            _ => false,
        }
    }
}

/// What a query would cost, and which bound that is over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the query is too expensive: {what} would be {estimate}, the limit is {limit} ({setting}){}", part(.costly))]
pub struct LimitExceeded {
    /// What is counted.
    pub what: &'static str,
    /// The estimate, in its unit.
    pub estimate: String,
    /// The limit, in its unit.
    pub limit: String,
    /// The key of the configuration.
    pub setting: &'static str,
    /// The part of the expression that costs most.
    pub costly: Option<String>,
}

fn setting_of_scope(error: &ScopeError) -> String {
    match error {
        ScopeError::Parse(error) => setting(error),
        _ => String::new(),
    }
}

/// The parser knows bounds and no configuration: the key that a person would turn.
fn setting(error: &ParseError) -> String {
    let key = match error.kind {
        ErrorKind::Bound { what: "bytes in the query", .. } => "query_bytes",
        ErrorKind::Bound { what: "selectors" | "match[] selectors", .. } => "selectors",
        ErrorKind::Bound { what: "levels of parentheses" | "operators" | "signs and powers", .. } => "depth",
        _ => return String::new(),
    };
    format!(" (limits.{key})")
}

fn part(costly: &Option<String>) -> String {
    costly.as_ref().map(|text| format!("; the costly part is {text}")).unwrap_or_default()
}
