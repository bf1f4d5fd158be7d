//! Inner errors become status, public message and machine-readable kind here, and nowhere else.
//!
//! The Prometheus family answers in Prometheus' own form, everything else in ours (docs/api.md).

use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, to_string};

/// An answer that says no.
#[derive(Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// Prometheus' `errorType`.
    pub error_type: &'static str,
    /// Our `code`.
    pub code: &'static str,
    /// For the caller: what was wrong, where, and what would be right.
    pub message: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The `WWW-Authenticate` headers of a 401.
    pub challenges: Vec<String>,
    /// More for machines, in our own form only.
    pub details: Option<Box<Value>>,
    /// What the log says about a 500, beside the request's id.
    pub cause: Option<String>,
}

/// Which form an error takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `{"status":"error","errorType":…,"error":…}`
    Prometheus,
    /// `{"code":…,"message":…,"details":…}`
    Own,
}

impl ApiError {
    /// An error without extras.
    pub fn new(status: StatusCode, error_type: &'static str, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            error_type,
            code,
            message: message.into(),
            retry_after: None,
            challenges: Vec::new(),
            details: None,
            cause: None,
        }
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_data", "INVALID_REQUEST", message)
    }

    /// 403: known, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, "forbidden", "FORBIDDEN", message)
    }

    /// 422: a document that is not kept.
    pub fn invalid_dashboard(message: impl Into<String>, details: Value) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_data", "INVALID_DASHBOARD", message).with_details(details)
    }

    /// 404: not there, or not for this caller to know.
    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", "NOT_FOUND", message)
    }

    /// 503: something we need is away.
    pub fn unavailable(message: impl Into<String>, retry_after: Duration) -> ApiError {
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "UNAVAILABLE", message);
        ApiError { retry_after: Some(retry_after), ..error }
    }

    /// 500: our own fault. The message tells nothing of the inside.
    pub fn internal() -> ApiError {
        let message = "an internal error of the proxy; its log has the details under this request's id";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "INTERNAL", message)
    }

    /// The same, with what is to stand in the log.
    pub fn internal_because(cause: impl Into<String>) -> ApiError {
        ApiError { cause: Some(cause.into()), ..ApiError::internal() }
    }

    /// With more for machines.
    #[must_use]
    pub fn with_details(self, details: Value) -> ApiError {
        ApiError { details: Some(Box::new(details)), ..self }
    }

    /// The answer in one of the two forms.
    pub fn into_response_of(self, family: Family) -> Response<Body> {
        let body = match family {
            Family::Prometheus => to_string(&PrometheusForm { status: "error", error_type: self.error_type, error: &self.message }),
            Family::Own => {
                let details = self.details.map_or_else(|| Value::Object(serde_json::Map::new()), |details| *details);
                to_string(&OwnForm { code: self.code, message: &self.message, details })
            }
        };
        // Texts and objects can always be written; were it otherwise, the status would still say what happened.
        let mut response = Response::new(Body::from(body.unwrap_or_default()));
        *response.status_mut() = self.status;
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            let own_message = (family == Family::Own).then_some(self.message);
            response.extensions_mut().insert(Nameless { own_message, cause: self.cause });
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs_f64().ceil().max(1.0) as u64));
        }
        for challenge in self.challenges {
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                headers.append(WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

/// A 500 whose request is not known yet.
#[derive(Clone)]
struct Nameless {
    /// Its message, in our own form.
    own_message: Option<String>,
    cause: Option<String>,
}

/// Writes the cause of a 500 to the log under the request's id, and tells the caller this id; other answers stay as they are.
pub fn with_error_id(response: &mut Response<Body>, request_id: &str) {
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return;
    }
    let Some(Nameless { own_message, cause }) = response.extensions_mut().remove() else { return };
    tracing::error!(request_id, cause, "a request failed for a reason that is not its sender's");
    if let Some(message) = own_message {
        let body = to_string(&OwnForm { code: "INTERNAL", message: &message, details: serde_json::json!({"error_id": request_id}) });
        *response.body_mut() = Body::from(body.unwrap_or_default());
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}

/// The members in Prometheus' order.
#[derive(Serialize)]
struct PrometheusForm<'a> {
    status: &'a str,
    #[serde(rename = "errorType")]
    error_type: &'a str,
    error: &'a str,
}

#[derive(Serialize)]
struct OwnForm<'a> {
    code: &'a str,
    message: &'a str,
    details: Value,
}

/// An error in the form of the Prometheus family.
#[derive(Debug)]
pub struct PrometheusError(pub ApiError);

impl<E: Into<ApiError>> From<E> for PrometheusError {
    fn from(error: E) -> Self {
        PrometheusError(error.into())
    }
}

impl IntoResponse for PrometheusError {
    fn into_response(self) -> Response<Body> {
        self.0.into_response_of(Family::Prometheus)
    }
}

/// An error in our own form.
#[derive(Debug)]
pub struct OwnError(pub ApiError);

impl<E: Into<ApiError>> From<E> for OwnError {
    fn from(error: E) -> Self {
        OwnError(error.into())
    }
}

impl IntoResponse for OwnError {
    fn into_response(self) -> Response<Body> {
        self.0.into_response_of(Family::Own)
    }
}

/// What the edge says before a handler has seen the request.
pub fn refusal(path: &str, status: StatusCode, message: &str) -> Response<Body> {
    let (error_type, code) = match status {
        StatusCode::INTERNAL_SERVER_ERROR => ("internal", "INTERNAL"),
        StatusCode::NOT_FOUND => ("not_found", "NOT_FOUND"),
        StatusCode::SERVICE_UNAVAILABLE => return ApiError::unavailable(message, Duration::from_secs(5)).into_response_of(family_of(path)),
        _ => ("bad_data", "INVALID_REQUEST"),
    };
    let mut response = ApiError::new(status, error_type, code, message).into_response_of(family_of(path));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS, POST"));
    }
    response
}

/// 405 with the methods that would be right; to `OPTIONS`, just those.
pub fn method_not_allowed(method: &Method, path: &str, allowed: &'static str) -> Response<Body> {
    let mut response = if method == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        refusal(path, StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {allowed}"))
    };
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Ours are few; whatever else is asked for is answered as Prometheus would.
pub fn family_of(path: &str) -> Family {
    let ours = [
        "/api/v1/metrics/",
        "/api/v1/cache",
        "/api/v1/health",
        "/api/v1/auth/",
        "/api/v1/dashboards",
        "/api/v1/projects",
        "/api/v1/preferences",
        "/api/v1/audit/",
        "/api/v1/templates",
        "/api/v1/presets",
        "/api/openapi.json",
        "/api/docs",
    ];
    // What a link opens is ours, the queries behind it are Prometheus'.
    let is_opened = path.strip_prefix("/api/v1/shared/").is_some_and(|token| !token.contains('/'));
    if is_opened || ours.iter().any(|prefix| path.starts_with(prefix)) { Family::Own } else { Family::Prometheus }
}
