//! Reads a request body whole, within a bound and a time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pingora::protocols::http::ServerSession;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    /// Longer than `server.max_body`.
    #[error("the request body is longer than {limit} bytes")]
    TooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// Not there within `server.read_timeout`.
    #[error("the request body did not arrive within {}", humane(*.after))]
    Slow {
        /// The bound.
        after: Duration,
    },
    /// The client left, or its framing is broken.
    #[error("the request body could not be read")]
    Broken,
}

fn humane(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// Everything the client sent as a body; empty when there is none.
pub(super) async fn read(session: &mut ServerSession, limit: usize, within: Duration) -> Result<Bytes, BodyError> {
    if session.is_body_empty() {
        return Ok(Bytes::new());
    }
    let announced = session.req_header().headers.get(http::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLong { limit });
    }
    let expects = session.req_header().headers.get(http::header::EXPECT);
    if expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        // The library takes any answer before the end of the body for the last one of its connection.
        let keepalive_seconds = session.get_keepalive();
        session.write_continue_response().await.map_err(|_| BodyError::Broken)?;
        session.set_keepalive(keepalive_seconds);
    }
    match tokio::time::timeout(within, gather(session, limit)).await {
        Ok(result) => result,
        Err(_) => Err(BodyError::Slow { after: within }),
    }
}

/// How long, and how many bytes, a client may go on sending after it was refused.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// Throws away what a refused client still sends, within bounds: closing at once would reset the connection, and the reset
/// would take the refusal with it before the client has read it.
pub(super) async fn linger(session: &mut ServerSession) {
    let rest = async {
        let mut thrown_away = 0;
        while let Ok(Some(chunk)) = session.read_request_body().await {
            thrown_away += chunk.len();
            if thrown_away > LINGER_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

async fn gather(session: &mut ServerSession, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(chunk) = session.read_request_body().await.map_err(|_| BodyError::Broken)? {
        if all.len() + first.len() + chunk.len() > limit {
            return Err(BodyError::TooLong { limit });
        }
        if first.is_empty() && all.is_empty() {
            first = chunk;
            continue;
        }
        if !first.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
