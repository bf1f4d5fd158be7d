//! A reply of the engine becomes an answer: Prometheus' bytes, content type and status as they came.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};

use super::error::ApiError;
use super::{Arrival, Call};
use crate::query::{Admission, Reply};

/// The answer; the caller's place among their requests is free when its last byte is out.
pub(super) async fn reply(reply: Reply, call: Call) -> Result<Response<Body>, ApiError> {
    reply_to(reply, &call.arrival, call.admission)
}

/// The same for somebody who did not sign in.
pub(super) fn reply_to(reply: Reply, arrival: &Arrival, place: Admission) -> Result<Response<Body>, ApiError> {
    arrival.story.tell(|story| story.upstream = reply.upstream);
    let body = WithPlace { body: Body::new(reply.body), _place: place };
    let mut response = Response::new(Body::new(body));
    if reply.status == 204 {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let headers = response.headers_mut();
    if reply.status != 204 {
        let content_type = HeaderValue::from_str(&reply.content_type).unwrap_or(HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, content_type);
    }
    // What one caller may see is not for a cache in between to give to the next.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.append(VARY, HeaderValue::from_static("authorization"));
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
