//! The answers around a document.

use axum::body::Body;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY, WARNING};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::super::error::ApiError;
use crate::dashboards::{Dashboard, Read};

/// Bytes of JSON that one caller may see.
pub(super) fn json(body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Kept only to be asked about again: what one caller may see is not for a cache in between to give to the next.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.append(VARY, HeaderValue::from_static("authorization, cookie"));
    response
}

/// A value as JSON.
pub(super) fn value(value: &impl serde::Serialize) -> Result<Response<Body>, ApiError> {
    Ok(json(serde_json::to_string(value).map_err(|_| ApiError::internal())?))
}

/// A dashboard with its entity tag.
pub(super) fn document(dashboard: &Dashboard) -> Response<Body> {
    with_tag(json(dashboard.text()), dashboard)
}

/// The same, from memory too, and marked when it is.
pub(super) fn read(read: &Read, body: String) -> Response<Body> {
    let mut response = with_tag(json(body), &read.dashboard);
    if let Some(since) = read.stale_since {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let age = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(since).max(0) / 1000;
        let headers = response.headers_mut();
        headers.insert(AGE, HeaderValue::from(age));
        headers.insert(WARNING, HeaderValue::from_static("110 hecate \"the database is away: this is what it said last\""));
        headers.insert(HeaderName::from_static("x-hecate-stale"), HeaderValue::from_static("true"));
    }
    response
}

/// Nothing has changed since.
pub(super) fn not_modified(dashboard: &Dashboard) -> Response<Body> {
    let mut response = with_tag(Response::new(Body::empty()), dashboard);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Done, and nothing to show for it.
pub(super) fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_tag(mut response: Response<Body>, dashboard: &Dashboard) -> Response<Body> {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", dashboard.tag())) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
