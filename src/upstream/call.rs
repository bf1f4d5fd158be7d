//! One request to an upstream, from scratch: nothing in it is a client's header, path or query string.

use std::sync::Arc;
use std::time::Duration;

use super::native::NativeScope;
use super::params::{ParamName, Params};
use super::path::ApiPath;

/// What to ask an upstream.
#[derive(Clone, Debug)]
pub struct Call {
    path: ApiPath,
    params: Params,
    /// Largest answer, in bytes.
    pub limit_bytes: u64,
    /// Shorter than the upstream's own `timeout`, if wanted; covers waiting, retries and the body.
    pub timeout: Option<Duration>,
    /// Whose request it is: waiting requests of different flows take turns. 0 when nobody knows.
    pub flow: u64,
    /// What the caller may read, for backends that can bind it by themselves too; `None` with cluster-wide scope.
    pub native: Option<Arc<NativeScope>>,
    /// W3C `traceparent` to send. Dropped when it is not printable ASCII.
    pub trace: Option<String>,
    /// W3C `tracestate` to send. Dropped when it is not printable ASCII.
    pub trace_state: Option<String>,
    /// `X-Request-Id` to send. Dropped when it is not printable ASCII.
    pub request_id: Option<String>,
}

impl Call {
    /// Asks `path` with `params` for an answer of at most `limit_bytes`.
    pub fn new(path: ApiPath, params: Params, limit_bytes: u64) -> Call {
        Call { path, params, limit_bytes, timeout: None, flow: 0, native: None, trace: None, trace_state: None, request_id: None }
    }

    /// Asks how an expression is formatted. It reads no data, so the text need not be enforced.
    pub fn format_query(text: &str, limit_bytes: u64) -> Call {
        Call::new(ApiPath::FormatQuery, Params::new().query_without_data(text), limit_bytes)
    }

    /// Asks for the tree of an expression. It reads no data, so the text need not be enforced.
    pub fn parse_query(text: &str, limit_bytes: u64) -> Call {
        Call::new(ApiPath::ParseQuery, Params::new().query_without_data(text), limit_bytes)
    }

    /// With one more parameter, of ours: one that cannot be sent is left out.
    #[must_use]
    pub(super) fn with(self, name: ParamName, value: &str) -> Call {
        match self.params.clone().scalar(name, value) {
            Ok(params) => Call { params, ..self },
            Err(_) => self,
        }
    }

    /// Which path is asked.
    pub fn path(&self) -> &ApiPath {
        &self.path
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
