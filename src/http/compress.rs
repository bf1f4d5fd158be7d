//! Compresses answers on their way out that are not encoded yet.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, VARY};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tower::{Service, ServiceExt};
use tower_http::CompressionLevel;
use tower_http::compression::{Compression, DefaultPredicate, Predicate};

use super::Accepts;

/// The answer in an encoding that its client takes. Event streams, small answers and what is encoded already stay as they are.
///
/// A function and no layer: most answers are not compressed, and a layer wraps the body of every one.
pub async fn compressed(response: Response<Body>, accepts: Accepts, method: &Method) -> Response<Body> {
    if method == Method::HEAD {
        return head_of_compressed(response, accepts);
    }
    if !is_worth_it(&response) {
        return response;
    }
    if !accepts.any() {
        return varied(response);
    }
    let mut request = Request::new(());
    request.headers_mut().insert(ACCEPT_ENCODING, coding(accepts));
    match Compression::new(AtHand(Some(response))).quality(CompressionLevel::Fastest).oneshot(request).await {
        Ok(response) => weakly_tagged(response.map(Body::new)),
        Err(never) => match never {},
    }
}

/// Other bytes than those that were tagged: the tag says from now on that they mean the same.
fn weakly_tagged(mut response: Response<Body>) -> Response<Body> {
    let tag = response.headers().get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn is_worth_it<B: http_body::Body>(response: &Response<B>) -> bool {
    let headers = response.headers();
    !headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_RANGE) && DefaultPredicate::new().should_compress(response)
}

fn coding(accepts: Accepts) -> HeaderValue {
    HeaderValue::from_static(if accepts.zstd { "zstd" } else { "gzip" })
}

/// The router has taken the body off already; the head is what it would be with it.
fn head_of_compressed(response: Response<Body>, accepts: Accepts) -> Response<Body> {
    if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return response;
    }
    let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let whole = response.map(|_| TakenOff { length });
    let worth_it = is_worth_it(&whole);
    let response = whole.map(|_| Body::empty());
    if !worth_it {
        return response;
    }
    let mut response = varied(response);
    if accepts.any() {
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().insert(CONTENT_ENCODING, coding(accepts));
        response = weakly_tagged(response);
    }
    response
}

/// The body that an answer to HEAD would have.
struct TakenOff {
    length: Option<u64>,
}

impl http_body::Body for TakenOff {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An answer that depends on what its client accepts says so, also when it is plain.
fn varied(mut response: Response<Body>) -> Response<Body> {
    let says_so =
        |value: &HeaderValue| value.as_bytes().split(|&b| b == b',').any(|name| name.trim_ascii().eq_ignore_ascii_case(b"accept-encoding"));
    if !response.headers().get_all(VARY).iter().any(says_so) {
        response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// A service that has its one answer already.
struct AtHand(Option<Response<Body>>);

impl Service<Request<()>> for AtHand {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(self.0.take().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: usize, headers: &[(http::HeaderName, &'static str)]) -> Response<Body> {
        let mut response = Response::new(Body::from(vec![b'x'; length]));
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// Encoding and `Vary` of an answer, and the same for HEAD.
    async fn check(length: usize, headers: &[(http::HeaderName, &'static str)], accepts: Accepts, encoding: Option<&str>, vary: &[&str]) {
        let with_body = compressed(answer(length, headers), accepts, &Method::GET).await;
        let mut taken_off = answer(length, headers).map(|_| Body::empty());
        taken_off.headers_mut().insert(CONTENT_LENGTH, length.into());
        let without = compressed(taken_off, accepts, &Method::HEAD).await;
        for response in [&with_body, &without] {
            assert_eq!(response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap()), encoding);
            assert_eq!(response.headers().get_all(VARY).iter().collect::<Vec<_>>(), vary);
        }
        assert_eq!(
            without.headers().contains_key(CONTENT_LENGTH),
            encoding.is_none() || headers.iter().any(|(name, _)| name == CONTENT_ENCODING)
        );
        assert!(http_body::Body::is_end_stream(without.body()));
    }

    #[tokio::test]
    async fn what_is_compressed_and_what_says_that_it_could_have_been() {
        let (gzip, both) = (Accepts { gzip: true, zstd: false }, Accepts { gzip: true, zstd: true });
        check(1000, &[], Accepts::PLAIN, None, &["accept-encoding"]).await;
        check(1000, &[], gzip, Some("gzip"), &["accept-encoding"]).await;
        check(1000, &[], both, Some("zstd"), &["accept-encoding"]).await;
        check(10, &[], both, None, &[]).await;
        check(1000, &[(VARY, "authorization")], gzip, Some("gzip"), &["authorization", "accept-encoding"]).await;
        check(1000, &[(VARY, "authorization, Accept-Encoding")], gzip, Some("gzip"), &["authorization, Accept-Encoding"]).await;
        check(1000, &[(CONTENT_ENCODING, "br")], both, Some("br"), &[]).await;
        check(1000, &[(CONTENT_RANGE, "bytes 0-999/2000")], both, None, &[]).await;
        check(1000, &[(http::header::CONTENT_TYPE, "text/event-stream")], both, None, &[]).await;
    }
}
