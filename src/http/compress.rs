//! Compresses answers on their way out that are not encoded yet.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, VARY};
use http::{HeaderValue, Request, Response};
use tower::{Service, ServiceExt};
use tower_http::CompressionLevel;
use tower_http::compression::{Compression, DefaultPredicate, Predicate};

use super::Accepts;

/// The answer in an encoding that its client takes. Event streams, small answers and what is encoded already stay as they are.
///
/// A function and no layer: most answers are not compressed, and a layer wraps the body of every one.
pub async fn compressed(response: Response<Body>, accepts: Accepts) -> Response<Body> {
    let headers = response.headers();
    if headers.contains_key(CONTENT_ENCODING) || headers.contains_key(CONTENT_RANGE) || !DefaultPredicate::new().should_compress(&response)
    {
        return response;
    }
    if !accepts.any() {
        return varied(response);
    }
    let coding = HeaderValue::from_static(if accepts.zstd { "zstd" } else { "gzip" });
    let mut request = Request::new(());
    request.headers_mut().insert(ACCEPT_ENCODING, coding);
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
