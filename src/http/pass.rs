//! A reply of the engine becomes an answer: Prometheus' bytes, content type and status as they came.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, VARY};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};

use super::Call;
use super::error::ApiError;
use super::etag::EntityTag;
use crate::query::{Admission, Form, Reply, ReplyBody};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const X_HECATE_EXPLAIN: HeaderName = HeaderName::from_static("x-hecate-explain");

/// The answer, or 304 for a client that has it already; the caller's place among their requests is free when its last byte is out.
pub(super) async fn reply(reply: Reply, call: Call) -> Result<Response<Body>, ApiError> {
    let Reply { status, content_type, body, outcome } = reply;
    let mut response = Response::new(Body::empty());
    if status == 204 {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let headers = response.headers_mut();
    headers.reserve(12);
    if let Some(status) = outcome.cache_status().and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(CACHE_STATUS, status);
        if let Ok(timing) = HeaderValue::try_from(outcome.server_timing(call.arrival.started.elapsed())) {
            headers.insert(SERVER_TIMING, timing);
        }
        if call.explain
            && let Ok(account) = HeaderValue::try_from(outcome.account())
        {
            headers.insert(X_HECATE_EXPLAIN, account);
        }
    }
    headers.insert(VARY, HeaderValue::from_static("authorization, accept-encoding, x-hecate-namespaces"));
    let mut known = false;
    let body = match body {
        // What one caller may see is not for a cache in between to give to the next.
        ReplyBody::Coming(body) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            Body::new(body)
        }
        ReplyBody::Finished { bytes, form, fingerprint } => {
            // Their own cache may keep what it can ask about again.
            let own_cache = if fingerprint.is_some() { "private, no-cache" } else { "private, no-store" };
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(own_cache));
            if let Some(fingerprint) = fingerprint {
                let tag = EntityTag::of(fingerprint, form);
                known = call.if_none_match.as_ref().is_some_and(|list| tag.is_in(list));
                headers.insert(ETAG, tag.into());
            }
            if form == Form::Gzip && !known {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            Body::from(bytes)
        }
    };
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else if status != 204 {
        let content_type = HeaderValue::from_str(&content_type).unwrap_or(HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, content_type);
    }
    call.arrival.story.tell(|story| story.outcome = Some(outcome));
    if !known {
        *response.body_mut() = Body::new(WithPlace { body, _place: call.admission });
    }
    Ok(response)
}

/// A body that holds a place until it ends.
struct WithPlace {
    body: Body,
    _place: Admission,
}

impl http_body::Body for WithPlace {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
