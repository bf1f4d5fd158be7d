//! A reply of the engine becomes an answer: Prometheus' bytes, content type and status as they came.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, VARY};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

use super::Call;
use super::error::ApiError;
use super::etag::EntityTag;
use super::timing::server_timing;
use crate::query::{Admission, Form, QueryError, Reply, ReplyBody};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const X_HECATE_EXPLAIN: HeaderName = HeaderName::from_static("x-hecate-explain");

/// An answer that is whole and in memory, as it goes out: nothing compresses it again.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    /// The bytes, encoded already when `encoding` says so.
    pub body: Bytes,
    /// How they are encoded; the client has to accept it .
    pub encoding: Form,
    /// What the bytes are.
    pub content_type: HeaderValue,
    /// The content's fingerprint, the same for all of its encodings: a client that has it already is told so (304).
    pub fingerprint: Option<u64>,
}

/// The answer, or 304 for a client that has it; the caller's place among their requests is free when its last byte is out.
pub(super) fn finished(answer: Finished, call: Call) -> Response<Body> {
    // What is plain may still be compressed on its way, for those who take an encoding that is not at hand.
    let goes_as_it_is = answer.encoding != Form::Plain || !call.arrival.accepts.any();
    call.arrival.story.tell(|story| story.finished = goes_as_it_is);
    let tag = answer.fingerprint.map(|fingerprint| EntityTag::of(fingerprint, answer.encoding));
    let known = tag.as_ref().is_some_and(|tag| call.if_none_match.as_ref().is_some_and(|list| tag.is_in(list)));
    let mut response = if known {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::new(WithPlace { body: Full::new(answer.body), _place: call.admission }))
    };
    let headers = response.headers_mut();
    headers.reserve(12);
    if !known {
        headers.insert(CONTENT_TYPE, answer.content_type);
        match answer.encoding {
            Form::Plain => {}
            Form::Gzip => drop(headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"))),
        }
    }
    // What one caller may see is not for a cache in between to give to the next. Their own may keep what it can ask about again.
    let own_cache = if tag.is_some() { "private, no-cache" } else { "private, no-store" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(own_cache));
    headers.insert(VARY, HeaderValue::from_static("authorization, cookie, accept-encoding, x-hecate-namespaces"));
    if let Some(tag) = tag {
        headers.insert(ETAG, tag.into());
    }
    response
}

/// The engine's reply, with what happened to it in its headers.
pub(super) async fn reply(reply: Reply, call: Call) -> Result<Response<Body>, ApiError> {
    let Reply { status, content_type, body, outcome } = reply;
    let arrival = call.arrival.clone();
    let account = if call.explain { HeaderValue::try_from(outcome.account()).ok() } else { None };
    let content_type = match content_type.as_str() {
        "application/json" => HeaderValue::from_static("application/json"),
        other => HeaderValue::from_str(other).unwrap_or(HeaderValue::from_static("application/json")),
    };
    let mut response = match body {
        ReplyBody::Coming(body) => coming(status, content_type, body, call),
        ReplyBody::Finished { .. } if status == 204 => coming(status, content_type, UnsyncBoxBody::default(), call),
        ReplyBody::Finished { bytes, form, fingerprint } => {
            finished(Finished { body: bytes, encoding: form, content_type, fingerprint }, call)
        }
    };
    let headers = response.headers_mut();
    if let Some(status) = outcome.cache_status() {
        headers.insert(CACHE_STATUS, status.try_into().unwrap_or(HeaderValue::from_static("hecate")));
        headers.insert(SERVER_TIMING, server_timing(outcome.times(arrival.started.elapsed())));
    }
    if let Some(account) = account {
        headers.insert(X_HECATE_EXPLAIN, account);
    }
    arrival.story.tell(|story| story.outcome = Some(outcome));
    Ok(response)
}

/// An answer on its way; the caller's place among their requests is free when its last byte is out.
fn coming(status: u16, content_type: HeaderValue, body: UnsyncBoxBody<Bytes, QueryError>, call: Call) -> Response<Body> {
    let mut response = Response::new(Body::new(WithPlace { body, _place: call.admission }));
    if status == 204 {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    let headers = response.headers_mut();
    headers.reserve(12);
    if status != 204 {
        headers.insert(CONTENT_TYPE, content_type);
    }
    // What one caller may see is not for a cache in between to give to the next.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(VARY, HeaderValue::from_static("authorization, cookie, accept-encoding, x-hecate-namespaces"));
    response
}

/// A body that holds a place until it ends.
struct WithPlace<B> {
    body: B,
    _place: Admission,
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for WithPlace<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use axum::body::to_bytes;

    use super::super::{Accepts, Arrival, Params, Story};
    use super::*;
    use crate::query::Fairness;
    use crate::telemetry::{RequestId, TraceContext};
    use crate::tenancy::Scope;

    fn call(fairness: &Fairness, if_none_match: Option<&'static str>) -> Call {
        let arrival = Arrival {
            client: None,
            request_id: RequestId::generate(),
            trace: TraceContext::new_root(false),
            http2: false,
            accepts: Accepts::PLAIN,
            started: Instant::now(),
            story: Story::default(),
        };
        Call {
            scope: Scope::ClusterWide,
            params: Params::default(),
            arrival: Arc::new(arrival),
            flow: 1,
            no_store: false,
            explain: false,
            if_none_match: if_none_match.map(HeaderValue::from_static),
            admission: fairness.admit("somebody").unwrap(),
        }
    }

    fn answer(encoding: Form, fingerprint: Option<u64>) -> Finished {
        Finished { body: Bytes::from_static(b"{}"), encoding, content_type: HeaderValue::from_static("application/json"), fingerprint }
    }

    #[tokio::test]
    async fn the_bytes_go_out_as_they_are_and_say_what_they_are() {
        let fairness = Fairness::new(1000.0, 1);
        for (encoding, named, tag) in [(Form::Plain, None, "\"0000000000000007-p\""), (Form::Gzip, Some("gzip"), "\"0000000000000007-g\"")]
        {
            let call = call(&fairness, Some("\"something else\""));
            let arrival = call.arrival.clone();
            let response = finished(answer(encoding, Some(7)), call);
            assert!(arrival.story.is_finished(), "it would be compressed again");
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!((response.status(), header(CONTENT_ENCODING), header(ETAG)), (StatusCode::OK, named, Some(tag)));
            assert_eq!((header(CONTENT_TYPE), header(CACHE_CONTROL)), (Some("application/json"), Some("private, no-cache")));
            assert_eq!(header(VARY), Some("authorization, cookie, accept-encoding, x-hecate-namespaces"));
            assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(2));
            assert!(fairness.admit("somebody").is_err(), "the place is free before the last byte is out");
            assert_eq!(to_bytes(response.into_body(), 10).await.unwrap(), "{}");
        }
    }

    #[tokio::test]
    async fn who_has_it_already_is_told_so() {
        let fairness = Fairness::new(1000.0, 1);
        let response = finished(answer(Form::Gzip, Some(7)), call(&fairness, Some("W/\"0000000000000007-g\"")));
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers().get(ETAG).unwrap(), "\"0000000000000007-g\"");
        assert!(response.headers().contains_key(VARY) && response.headers().contains_key(CACHE_CONTROL));
        assert!(!response.headers().contains_key(CONTENT_TYPE) && !response.headers().contains_key(CONTENT_ENCODING));
        assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
        for (encoding, fingerprint) in [(Form::Plain, Some(7)), (Form::Gzip, Some(8)), (Form::Gzip, None)] {
            let response = finished(answer(encoding, fingerprint), call(&fairness, Some("\"0000000000000007-g\"")));
            assert_eq!(response.status(), StatusCode::OK, "{encoding:?} {fingerprint:?}");
        }
    }

    #[test]
    fn without_a_fingerprint_nobody_keeps_it() {
        let response = finished(answer(Form::Plain, None), call(&Fairness::new(1000.0, 1), Some("*")));
        assert_eq!((response.status(), response.headers().get(ETAG)), (StatusCode::OK, None));
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "private, no-store");
    }
}
