//! Bodies of answers: passed on piece by piece without a copy, bounded in bytes and in time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::error::{self, UpstreamError};
use super::metrics::Metrics;
use super::places::Place;
use super::wire::Received;

/// What came back, its body still on the way.
#[derive(Debug)]
pub struct Answer {
    /// The configured name of the upstream that answered.
    pub upstream: Arc<str>,
    /// The upstream's HTTP status: 2xx, or an error that [`super::prometheus_error()`] reads. Never a redirect.
    pub status: u16,
    /// `Content-Type`, if it is printable text.
    pub content_type: Option<http::HeaderValue>,
    /// `Retry-After` of a 429 or 503, in seconds form.
    pub retry_after: Option<Duration>,
    /// `Cache-Control: no-store`.
    pub no_store: bool,
    /// `Date`, in milliseconds since 1970.
    pub date_ms: Option<i64>,
    /// The body. Dropping it ends the transfer and frees the place.
    pub body: Body,
    /// Whether another try, or another upstream, may do better.
    pub(super) is_passing: bool,
}

/// The bounds of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) limit_bytes: u64,
    pub(super) between_pieces: Duration,
    pub(super) deadline: Instant,
    /// How long the deadline was, for the message.
    pub(super) timeout: Duration,
}

/// A body that ends with an error when it is too large, too slow or cut; an error is its last item.
pub struct Body {
    upstream: Arc<str>,
    /// `None` after the end and after an error.
    inner: Option<Received>,
    /// Pieces that `read_up_to` read and put back.
    put_back: std::collections::VecDeque<Bytes>,
    received_bytes: u64,
    bounds: Bounds,
    /// Set while we wait for a piece; a slow reader on our side does not count against the upstream.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    metrics: Metrics,
    place: Option<Place>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("upstream", &self.upstream).field("received_bytes", &self.received_bytes).finish_non_exhaustive()
    }
}

impl Body {
    /// Refuses at once what announces itself as too large.
    pub(super) fn new(
        upstream: &Arc<str>,
        inner: Received,
        bounds: Bounds,
        metrics: &Metrics,
        place: Option<Place>,
    ) -> Result<Body, UpstreamError> {
        if inner.size_hint().lower() > bounds.limit_bytes {
            return Err(UpstreamError::TooLarge { upstream: Arc::clone(upstream), limit: bounds.limit_bytes });
        }
        Ok(Body {
            upstream: Arc::clone(upstream),
            inner: Some(inner),
            put_back: std::collections::VecDeque::new(),
            received_bytes: 0,
            bounds,
            alarm: None,
            waiting: false,
            metrics: metrics.clone(),
            place,
        })
    }

    /// The whole body if it has at most `limit` bytes; otherwise `None`, and the body starts from its first byte again.
    pub async fn read_up_to(&mut self, limit: usize) -> Result<Option<Bytes>, UpstreamError> {
        if self.size_hint().lower() > limit as u64 {
            return Ok(None);
        }
        let mut pieces = Vec::new();
        let mut length = 0;
        while let Some(piece) = poll_fn(|context| self.poll_piece(context)).await {
            let piece = piece?;
            length += piece.len();
            pieces.push(piece);
            if length > limit {
                self.put_back = pieces.into();
                return Ok(None);
            }
        }
        Ok(Some(joined(pieces, length)))
    }

    /// The next piece; `None` at the end.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        if let Some(piece) = self.put_back.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        loop {
            let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
            let Poll::Ready(next) = Pin::new(inner).poll_frame(context) else {
                let error = ready!(self.poll_alarm(context));
                return Poll::Ready(Some(Err(self.fail(error))));
            };
            self.waiting = false;
            let frame = match next {
                None => {
                    self.end();
                    return Poll::Ready(None);
                }
                Some(Err(cause)) => {
                    let error = error::of_body(&self.upstream, cause);
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                Some(Ok(frame)) => frame,
            };
            // Trailers carry nothing in this API.
            let Ok(piece) = frame.into_data() else { continue };
            return Poll::Ready(Some(self.counted(piece)));
        }
    }

    fn counted(&mut self, piece: Bytes) -> Result<Bytes, UpstreamError> {
        self.received_bytes += piece.len() as u64;
        self.metrics.bytes.inc_by(piece.len() as u64);
        if self.received_bytes > self.bounds.limit_bytes {
            return Err(self.fail(UpstreamError::TooLarge { upstream: Arc::clone(&self.upstream), limit: self.bounds.limit_bytes }));
        }
        // An upstream that always has a next piece ready never reaches the alarm.
        if Instant::now() >= self.bounds.deadline {
            return Err(self.fail(self.timed_out()));
        }
        Ok(piece)
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<UpstreamError> {
        let waiting = std::mem::replace(&mut self.waiting, true);
        let due = (Instant::now() + self.bounds.between_pieces).min(self.bounds.deadline);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if !waiting {
            alarm.as_mut().reset(due);
        }
        ready!(alarm.as_mut().poll(context));
        if Instant::now() >= self.bounds.deadline {
            return Poll::Ready(self.timed_out());
        }
        Poll::Ready(UpstreamError::ReadTimeout { upstream: Arc::clone(&self.upstream), after: self.bounds.between_pieces })
    }

    fn timed_out(&self) -> UpstreamError {
        UpstreamError::Timeout { upstream: Arc::clone(&self.upstream), after: self.bounds.timeout }
    }

    fn fail(&mut self, error: UpstreamError) -> UpstreamError {
        self.metrics.failed(error.kind());
        self.end();
        error
    }

    /// Lets go of the connection and the place as early as possible.
    fn end(&mut self) {
        self.inner = None;
        self.place = None;
        self.alarm = None;
    }
}

fn joined(mut pieces: Vec<Bytes>, length: usize) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(length);
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    whole.freeze()
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        self.get_mut().poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.put_back.is_empty() && self.inner.as_ref().is_none_or(|inner| inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let put_back: u64 = self.put_back.iter().map(|piece| piece.len() as u64).sum();
        let rest = self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), |inner| inner.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + put_back);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + put_back);
        }
        hint
    }
}
