//! What can go wrong with an upstream. Knows no status of ours: one place at the edge turns these into answers.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::wire::SendError;
use crate::telemetry::with_causes;

/// A request that got no usable answer.
///
/// `Display` is the public message: it names the upstream as it is configured, never its URL and none of its text.
/// What helps the operator but may show addresses is in [`UpstreamError::detail`], for logs only.
#[derive(Clone, Debug, Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("no connection to upstream {upstream}")]
    Connect {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs.
        detail: String,
    },
    /// No connection in time.
    #[error("no connection to upstream {upstream} within {after:?}")]
    ConnectTimeout {
        /// Configured name.
        upstream: Arc<str>,
        /// The limit, `connect_timeout`.
        after: Duration,
    },
    /// The TLS handshake failed: certificates do not fit, on either side.
    #[error("TLS with upstream {upstream} failed: certificate or protocol not accepted")]
    Tls {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs.
        detail: String,
    },
    /// The connection ended before any byte of the answer.
    #[error("upstream {upstream} closed the connection before it answered")]
    Closed {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs.
        detail: String,
    },
    /// The whole of the request, retries included, took too long.
    #[error("upstream {upstream} did not finish within {after:?}")]
    Timeout {
        /// Configured name.
        upstream: Arc<str>,
        /// The limit.
        after: Duration,
    },
    /// The answer began, then nothing came for too long.
    #[error("upstream {upstream} sent nothing for {after:?} in the middle of its answer")]
    ReadTimeout {
        /// Configured name.
        upstream: Arc<str>,
        /// The limit, `read_timeout`.
        after: Duration,
    },
    /// The answer ended in the middle.
    #[error("upstream {upstream} broke off in the middle of its answer")]
    Truncated {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs.
        detail: String,
    },
    /// The answer is larger than this call allows.
    #[error("the answer of upstream {upstream} is larger than {limit} bytes: ask for fewer series, a shorter range or a longer step")]
    TooLarge {
        /// Configured name.
        upstream: Arc<str>,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The request does not fit into a URL and this API path takes nothing else.
    #[error(
        "the request needs a URL of {bytes} bytes, upstream {upstream} can be sent {limit}: name fewer or shorter selectors, or fewer namespaces"
    )]
    TooLong {
        /// Configured name.
        upstream: Arc<str>,
        /// Needed.
        bytes: usize,
        /// Possible.
        limit: usize,
    },
    /// All places are taken and the queue is full or did not move.
    #[error("upstream {upstream} is busy: its places and its queue are full")]
    Busy {
        /// Configured name.
        upstream: Arc<str>,
        /// When asking again makes sense.
        retry_after: Duration,
    },
    /// It does not speak HTTP as agreed.
    #[error("upstream {upstream} sent an answer that is not usable HTTP")]
    Protocol {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs.
        detail: String,
    },
    /// It wants us to go elsewhere; its configured URL has to be the final one.
    #[error("upstream {upstream} answered with a redirect ({status}), which is not followed")]
    Redirected {
        /// Configured name.
        upstream: Arc<str>,
        /// 3xx.
        status: u16,
        /// For logs: where to.
        detail: String,
    },
    /// It did not accept our own credentials (401, 403, 407); the caller's have nothing to do with it.
    #[error("upstream {upstream} did not accept the credentials of this proxy ({status})")]
    Denied {
        /// Configured name.
        upstream: Arc<str>,
        /// 401, 403 or 407.
        status: u16,
    },
    /// The token file could not be read or holds no token.
    #[error("the credentials for upstream {upstream} could not be read")]
    BadCredentialsFile {
        /// Configured name.
        upstream: Arc<str>,
        /// For logs: file and cause.
        detail: String,
    },
}

impl UpstreamError {
    /// One word for the kind of failure, a metric label.
    pub fn kind(&self) -> &'static str {
        match self {
            UpstreamError::Connect { .. } => "connect",
            UpstreamError::ConnectTimeout { .. } => "connect_timeout",
            UpstreamError::Tls { .. } => "tls",
            UpstreamError::Closed { .. } => "closed",
            UpstreamError::Timeout { .. } => "timeout",
            UpstreamError::ReadTimeout { .. } => "read_timeout",
            UpstreamError::Truncated { .. } => "truncated",
            UpstreamError::TooLarge { .. } => "too_large",
            UpstreamError::TooLong { .. } => "too_long",
            UpstreamError::Busy { .. } => "busy",
            UpstreamError::Protocol { .. } => "protocol",
            UpstreamError::Redirected { .. } => "redirected",
            UpstreamError::Denied { .. } => "denied",
            UpstreamError::BadCredentialsFile { .. } => "bad_credentials_file",
        }
    }

    /// What only the log may show; empty when the message says it all.
    pub fn detail(&self) -> &str {
        match self {
            UpstreamError::Connect { detail, .. }
            | UpstreamError::Tls { detail, .. }
            | UpstreamError::Closed { detail, .. }
            | UpstreamError::Truncated { detail, .. }
            | UpstreamError::Protocol { detail, .. }
            | UpstreamError::Redirected { detail, .. }
            | UpstreamError::BadCredentialsFile { detail, .. } => detail,
            _ => "",
        }
    }

    /// Whether an equal upstream may do better: this one is away, cut us off or has no place.
    pub(super) fn is_passing(&self) -> bool {
        self.is_unreachable() || matches!(self, UpstreamError::Closed { .. } | UpstreamError::Busy { .. })
    }

    /// No connection could be made, which says something about the upstream and not about the request.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, UpstreamError::Connect { .. } | UpstreamError::ConnectTimeout { .. } | UpstreamError::Tls { .. })
    }
}

/// A failure before the head of an answer.
pub(super) fn of_request(upstream: &Arc<str>, error: SendError) -> UpstreamError {
    let upstream = Arc::clone(upstream);
    let detail = with_causes(&error);
    if has_cause::<rustls::Error>(&error, |_| true) {
        return UpstreamError::Tls { upstream, detail };
    }
    match error {
        SendError::ConnectTimeout(after) => UpstreamError::ConnectTimeout { upstream, after },
        SendError::Connect(_) => UpstreamError::Connect { upstream, detail },
        SendError::Exchange(cause) if is_cut(&cause) => UpstreamError::Closed { upstream, detail },
        SendError::Exchange(_) => UpstreamError::Protocol { upstream, detail },
    }
}

/// A failure in the middle of a body.
pub(super) fn of_body(upstream: &Arc<str>, error: hyper::Error) -> UpstreamError {
    let upstream = Arc::clone(upstream);
    let detail = with_causes(&error);
    if is_cut(&error) { UpstreamError::Truncated { upstream, detail } } else { UpstreamError::Protocol { upstream, detail } }
}

fn is_cut(error: &hyper::Error) -> bool {
    let cut_kind = |cause: &io::Error| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(cause.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
    };
    has_cause::<hyper::Error>(error, |cause| cause.is_incomplete_message() || cause.is_closed() || cause.is_canceled())
        || has_cause::<io::Error>(error, cut_kind)
}

/// Whether a cause of this type that fits is anywhere below. `io::Error` hides what it wraps from `source`.
fn has_cause<E: StdError + 'static>(error: &(dyn StdError + 'static), fits: impl Fn(&E) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<E>().is_some_and(&fits) {
            return true;
        }
        next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}
