//! From a Pingora session to the axum router and back.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use tower::ServiceExt;

use crate::http::refusal;

/// What ends a connection without an answer; logged where it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// The client left before the answer was complete.
    #[error("the client left")]
    ClientGone,
    /// The answer ended early: the connection is cut so that nobody takes it for a whole one.
    #[error("the answer was cut")]
    AnswerCut,
}

/// The router's answer; given up when the client leaves first, which frees what the handler holds.
pub(super) async fn call(session: &mut ServerSession, router: Router, request: Request<Body>) -> Result<Response<Body>, EdgeError> {
    let target = request.uri().clone();
    let answer = AssertUnwindSafe(router.oneshot(request)).catch_unwind();
    tokio::select! {
        biased;
        answered = answer => match answered {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(_) => {
                let path = target.path();
                tracing::error!(%path, "a handler panicked: this is a bug, please report it with the lines above");
                Ok(refusal(path, StatusCode::INTERNAL_SERVER_ERROR, "an internal error of the proxy; its log has the details under this request's id"))
            }
        },
        _ = session.read_body_or_idle(true) => Err(EdgeError::ClientGone),
    }
}

/// The longest answer that is read whole for a client of HTTP/1.0, in bytes.
const GATHERED_BYTES: usize = 64 * 1024 * 1024;

/// The answer with its length known: HTTP/1.0 has no chunks, and a client that reads to the end of the connection cannot
/// tell a cut answer from a whole one. So it is read whole first.
pub(super) async fn gather(session: &mut ServerSession, response: Response<Body>) -> Result<Response<Body>, EdgeError> {
    if is_events(&response) || response.body().size_hint().exact().is_some() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let broken = "the upstream broke off in the middle of its answer, or the answer is larger than HTTP/1.0 clients get: use HTTP/1.1";
    tokio::select! {
        biased;
        whole = axum::body::to_bytes(body, GATHERED_BYTES) => Ok(match whole {
            Ok(whole) => Response::from_parts(parts, Body::from(whole)),
            Err(_) => refusal(session.req_header().uri.path(), StatusCode::SERVICE_UNAVAILABLE, broken),
        }),
        _ = session.read_body_or_idle(true) => Err(EdgeError::ClientGone),
    }
}

/// Tells a client whose request head cannot be read. There is no path yet that would say in which form.
pub(super) async fn refuse_head(session: &mut ServerSession) {
    let text = "the head of the request cannot be read: it needs a request line whose target has everything but the characters of a URI percent-encoded, and headers whose names are tokens followed by a colon (RFC 9112)";
    let (parts, body) = refusal("", StatusCode::BAD_REQUEST, text).into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return };
    let mut head: ResponseHeader = parts.into();
    if head.insert_header(http::header::CONTENT_LENGTH, body.len()).is_ok() {
        // Whoever sent this may be gone already.
        let _ = session.write_error_response(head, body).await;
    }
}

/// Whether it goes on for as long as somebody listens.
pub(super) fn is_events(response: &Response<Body>) -> bool {
    response.headers().get(http::header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Writes the answer, piece by piece as it comes.
pub(super) async fn send(session: &mut ServerSession, response: Response<Body>) -> Result<(), EdgeError> {
    let (parts, mut body) = response.into_parts();
    let bodiless = session.req_header().method == Method::HEAD
        || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || parts.status.is_informational();
    let mut head: ResponseHeader = parts.into();
    if bodiless {
        if head.status == StatusCode::NO_CONTENT {
            head.remove_header("content-length");
        }
        return session.write_response_header(Box::new(head)).await.map_err(|_| EdgeError::ClientGone);
    }
    if !head.headers.contains_key(http::header::CONTENT_LENGTH) {
        let set = match body.size_hint().exact() {
            Some(length) => head.insert_header(http::header::CONTENT_LENGTH, http::HeaderValue::from(length)),
            None if session.is_http2() || session.req_header().version == http::Version::HTTP_10 => Ok(()),
            None => head.insert_header("transfer-encoding", "chunked"),
        };
        set.map_err(|_| EdgeError::AnswerCut)?;
    }
    let empty = body.is_end_stream();
    session.write_response_header(Box::new(head)).await.map_err(|_| EdgeError::ClientGone)?;
    if empty {
        return Ok(());
    }
    stream(session, &mut body).await
}

/// Once the last byte is out, a keep-alive client may send its next request, and looking for its departure would
/// eat that request's first byte: so the loop stops at the end of the stream, not after it.
async fn stream(session: &mut ServerSession, body: &mut Body) -> Result<(), EdgeError> {
    while !body.is_end_stream() {
        tokio::select! {
            biased;
            frame = body.frame() => match frame {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let last = body.is_end_stream();
                    if data.is_empty() && !last {
                        continue;
                    }
                    session.write_response_body(data, last).await.map_err(|_| EdgeError::ClientGone)?;
                    if last {
                        return Ok(());
                    }
                }
                Some(Err(_)) => return Err(EdgeError::AnswerCut),
                None => break,
            },
            _ = session.read_body_or_idle(true) => return Err(EdgeError::ClientGone),
        }
    }
    session.write_response_body(Bytes::new(), true).await.map_err(|_| EdgeError::ClientGone)
}
