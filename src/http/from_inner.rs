//! From the errors of the inner rooms to statuses and public messages. The one place that chooses.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use super::dashboards::shared;
use super::error::ApiError;
use super::narrow::{BadNamespace, Disagree};
use super::params::ParamError;
use super::visitors::TooOften;
use crate::dashboards::{DocumentError, PreferencesError, Problem, StoreError, rfc3339};
use crate::promql::{ErrorKind, ParseError, ScopeError};
use crate::query::{LimitExceeded, QueryError, Throttled};
use crate::stream::Refused;
use crate::tenancy::{AuthError, OutsideScope};
use crate::upstream::{PersesError, PublicError, UpstreamError};

/// When an upstream that is away may be asked again.
const RETRY_SOON: Duration = Duration::from_secs(5);

impl From<ParamError> for ApiError {
    fn from(error: ParamError) -> Self {
        let message = error.to_string();
        match error {
            ParamError::NotAForm { .. } | ParamError::Encoded { .. } => {
                ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data", "INVALID_REQUEST", message)
            }
            _ => ApiError::bad_request(message),
        }
    }
}

impl From<BadNamespace> for ApiError {
    fn from(error: BadNamespace) -> Self {
        ApiError::bad_request(error.to_string())
    }
}

impl From<Disagree> for ApiError {
    fn from(error: Disagree) -> Self {
        ApiError::forbidden(error.to_string())
    }
}

impl From<OutsideScope> for ApiError {
    fn from(error: OutsideScope) -> Self {
        ApiError::forbidden(error.to_string())
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        match error {
            AuthError::Unavailable { retry_after } => ApiError::unavailable(message, retry_after),
            AuthError::Nothing => ApiError::forbidden(message),
            AuthError::Missing | AuthError::Malformed(_) | AuthError::Unknown | AuthError::Invalid(_) | AuthError::Expired => {
                ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "UNAUTHORIZED", message)
            }
        }
    }
}

impl From<Throttled> for ApiError {
    fn from(error: Throttled) -> Self {
        let retry_after = match error {
            Throttled::Rate { retry_after, .. } => retry_after,
            Throttled::Concurrent { .. } => Duration::from_secs(1),
        };
        let api = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "RATE_LIMITED", error.to_string());
        ApiError { retry_after: Some(retry_after), ..api }
    }
}

impl From<Refused> for ApiError {
    fn from(error: Refused) -> Self {
        let message = error.to_string();
        match error {
            Refused::Queries { .. } => ApiError::bad_request(message),
            Refused::Connections { .. } | Refused::User { .. } | Refused::Memory => {
                let api = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "RATE_LIMITED", message);
                ApiError { retry_after: Some(RETRY_SOON), ..api }
            }
        }
    }
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> Self {
        let place = json!({"line": error.line, "column": error.column});
        let message = format!("invalid parameter \"query\": {error}");
        match error.kind {
            ErrorKind::Bound { .. } => too_expensive(error.to_string()),
            ErrorKind::Internal => {
                ApiError::internal_because(format!("a query could not be enforced: this is a bug, please report it: {error}"))
            }
            _ => ApiError::new(StatusCode::BAD_REQUEST, "bad_data", "INVALID_PROMQL", message).with_details(place),
        }
    }
}

impl From<ScopeError> for ApiError {
    fn from(error: ScopeError) -> Self {
        let message = error.to_string();
        match error {
            ScopeError::Parse(error) => error.into(),
            ScopeError::Refused { .. } => ApiError::forbidden(message),
            ScopeError::Conflict { .. } => ApiError::new(StatusCode::BAD_REQUEST, "bad_data", "INVALID_PROMQL", message),
            ScopeError::Internal(_) => {
                ApiError::internal_because(format!("a query could not be enforced: this is a bug, please report it: {message}"))
            }
        }
    }
}

fn too_expensive(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", "QUERY_TOO_EXPENSIVE", message)
}

impl From<LimitExceeded> for ApiError {
    fn from(error: LimitExceeded) -> Self {
        let details =
            json!({"what": error.what, "estimate": error.estimate, "limit": error.limit, "setting": error.setting, "costly": error.costly});
        too_expensive(error.to_string()).with_details(details)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let message = error.to_string();
        match error {
            QueryError::Scope(error) => with_setting(error.into(), message),
            QueryError::Window(error) => with_setting(error.into(), message),
            QueryError::Limit(error) => error.into(),
            // The place in the list, then what is wrong there.
            QueryError::Selectors(error) => ApiError { message, ..error.error.into() },
            QueryError::TooManySeries { .. } | QueryError::TooManyBytes { .. } => too_expensive(message),
            QueryError::FetchGivenUp => {
                ApiError::internal_because("a fetch ended without a word: this is a bug, please report it with the lines above")
            }
            QueryError::Upstream(error) => error.into(),
            QueryError::Refused { status, error, retry_after } => refused(status, error, retry_after),
            QueryError::Unreadable { detail, .. } => {
                tracing::warn!(error = %message, %detail, "an answer was not passed on");
                ApiError::unavailable(message, RETRY_SOON)
            }
            QueryError::Parameter(message) => ApiError::bad_request(message),
            QueryError::NeedsClusterScope | QueryError::NothingInScope => ApiError::forbidden(message),
        }
    }
}

impl From<UpstreamError> for ApiError {
    fn from(error: UpstreamError) -> Self {
        let message = error.to_string();
        tracing::warn!(error = %message, detail = error.detail(), kind = error.kind(), "an upstream did not answer");
        match error {
            UpstreamError::TooLarge { .. } => too_expensive(format!("{message} (limits.response_bytes)")),
            UpstreamError::TooLong { .. } => ApiError::new(StatusCode::URI_TOO_LONG, "bad_data", "INVALID_REQUEST", message),
            UpstreamError::Timeout { .. } | UpstreamError::ReadTimeout { .. } => {
                let api = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "UNAVAILABLE", message);
                ApiError { retry_after: Some(RETRY_SOON), ..api }
            }
            UpstreamError::Busy { retry_after, .. } => ApiError::unavailable(message, retry_after),
            _ => ApiError::unavailable(message, RETRY_SOON),
        }
    }
}

/// A bound of the parser, with the key of the configuration that the engine adds to the text.
fn with_setting(api: ApiError, message: String) -> ApiError {
    if api.status == StatusCode::UNPROCESSABLE_ENTITY { ApiError { message, ..api } } else { api }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NotFound { .. } => ApiError::not_found(message),
            StoreError::NameTaken { .. } => ApiError::new(StatusCode::CONFLICT, "conflict", "DASHBOARD_NAME_CONFLICT", message),
            StoreError::TemplateTaken(_) => ApiError::new(StatusCode::CONFLICT, "conflict", "TEMPLATE_NAME_CONFLICT", message),
            StoreError::Conflict(conflict) => {
                let details = json!({
                    "current_version": conflict.version,
                    "updated_by": conflict.updated_by,
                    "updated_at": rfc3339(conflict.updated_at),
                });
                ApiError::new(StatusCode::CONFLICT, "conflict", "VERSION_CONFLICT", message).with_details(details)
            }
            StoreError::Invalid(problems) => invalid(message, &problems),
            StoreError::NoShare => shared::no_share(message),
            StoreError::ShareElsewhere => ApiError::new(StatusCode::FORBIDDEN, "forbidden", "IP_RESTRICTION_VIOLATION", message),
            StoreError::TooManyShares { retry_after } => share_rate(message, retry_after),
            StoreError::BadCursor | StoreError::Full { .. } => ApiError::bad_request(message),
            // Said once, by the store, when it noticed.
            StoreError::Away(_) => {
                let details = json!({"dependency": "database", "retry_after_seconds": RETRY_SOON.as_secs()});
                ApiError::unavailable(message, RETRY_SOON).with_details(details)
            }
            StoreError::Broken(detail) => {
                ApiError::internal_because(format!("the storage of dashboards does not work as it should: {message}: {detail}"))
            }
        }
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        let message = error.to_string();
        match error {
            DocumentError::NotJson(_) | DocumentError::NotAnObject | DocumentError::Elsewhere { .. } => ApiError::bad_request(message),
            DocumentError::TooLarge(_) => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "bad_data", "INVALID_REQUEST", message),
            DocumentError::Invalid(problems) => StoreError::Invalid(problems).into(),
        }
    }
}

impl From<PreferencesError> for ApiError {
    fn from(error: PreferencesError) -> Self {
        ApiError::bad_request(error.to_string())
    }
}

impl From<PersesError> for ApiError {
    fn from(error: PersesError) -> Self {
        let message = error.to_string();
        match error {
            PersesError::Away(_) => {
                let details = json!({"dependency": "perses", "retry_after_seconds": RETRY_SOON.as_secs()});
                ApiError::unavailable(message, RETRY_SOON).with_details(details)
            }
            PersesError::Refused(_) | PersesError::TooLarge => ApiError::bad_request(message),
        }
    }
}

impl From<TooOften> for ApiError {
    fn from(error: TooOften) -> Self {
        share_rate(error.to_string(), error.retry_after)
    }
}

fn share_rate(message: String, retry_after: Duration) -> ApiError {
    let api = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "SHARE_RATE_LIMITED", message);
    ApiError { retry_after: Some(retry_after), ..api }
}

fn invalid(message: String, problems: &[Problem]) -> ApiError {
    ApiError::invalid_dashboard(message, json!({"problems": problems}))
}

/// The upstream's own error. Its status stays where it is about the query; where it is about the upstream, it is ours.
fn refused(status: u16, error: PublicError, retry_after: Option<Duration>) -> ApiError {
    let PublicError { error_type, message, .. } = error;
    let known = StatusCode::from_u16(status).ok().filter(|s| s.is_client_error() || s.is_server_error());
    match known {
        Some(StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE) => {
            let api = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error_type, "UNAVAILABLE", message);
            ApiError { retry_after: Some(retry_after.unwrap_or(RETRY_SOON)), ..api }
        }
        Some(StatusCode::TOO_MANY_REQUESTS) => {
            let api = ApiError::new(StatusCode::TOO_MANY_REQUESTS, error_type, "RATE_LIMITED", message);
            ApiError { retry_after: Some(retry_after.unwrap_or(RETRY_SOON)), ..api }
        }
        Some(status) => ApiError::new(status, error_type, if status.is_server_error() { "INTERNAL" } else { "INVALID_REQUEST" }, message),
        None => ApiError::unavailable(message, RETRY_SOON),
    }
}
