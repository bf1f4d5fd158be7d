//! The body of an answer on its way from the upstream to the client: bounded, counted, its beginning held back.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use super::QueryError;
use crate::upstream::UpstreamError;

/// What is read before the client hears anything: an answer that turns out to be too large or broken within this many
/// bytes becomes an error that says so. After that it can only be cut.
const HELD_BYTES: usize = 1024 * 1024;

/// What was held goes on in lots of up to this many bytes: a copy within the cache costs less than a system call.
const LOT_BYTES: usize = 64 * 1024;

/// The beginning of every series of a matrix or vector. Inside a JSON string its quotes would be escaped, so it stands
/// nowhere else.
const SERIES_START: &[u8] = b"\"metric\":{";

/// Counts series as their bytes go by.
#[derive(Debug, Default)]
struct SeriesCounter {
    seen: u64,
    /// The end of the piece before, as a series may start across the border.
    tail: Vec<u8>,
}

impl SeriesCounter {
    fn count(&mut self, piece: &[u8]) -> u64 {
        let keep = SERIES_START.len() - 1;
        let head = &piece[..piece.len().min(keep)];
        let border = [self.tail.as_slice(), head].concat();
        // Only what begins in the old piece: what begins in the new one is found below.
        let across = memchr::memmem::find_iter(&border, SERIES_START).filter(|at| *at < self.tail.len()).count();
        let inside = memchr::memmem::find_iter(piece, SERIES_START).count();
        self.seen += (across + inside) as u64;
        if piece.len() >= keep {
            self.tail = piece[piece.len() - keep..].to_vec();
        } else {
            self.tail = border[border.len().saturating_sub(keep)..].to_vec();
        }
        self.seen
    }
}

/// The upstream's body with its beginning read.
pub struct Held<B> {
    held: VecDeque<Bytes>,
    held_bytes: u64,
    rest: Option<B>,
    series: SeriesCounter,
    most_series: u64,
}

impl<B: Body<Data = Bytes, Error = UpstreamError> + Unpin> Held<B> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// When the upstream fails, or the answer has more than `most_series`, before anything was said to the client.
    pub async fn begin(body: B, most_series: u64) -> Result<Held<B>, QueryError> {
        let mut held = Held { held: VecDeque::new(), held_bytes: 0, rest: Some(body), series: SeriesCounter::default(), most_series };
        while held.held_bytes < HELD_BYTES as u64 {
            let Some(body) = &mut held.rest else { break };
            match body.frame().await {
                None => held.rest = None,
                Some(frame) => {
                    let Ok(piece) = frame?.into_data() else { continue };
                    held.check(&piece)?;
                    held.held_bytes += piece.len() as u64;
                    held.held.push_back(piece);
                }
            }
            if held.rest.as_ref().is_some_and(Body::is_end_stream) {
                held.rest = None;
            }
        }
        Ok(held)
    }

    /// The next held pieces as one; a piece that is large already goes without a copy.
    fn next_lot(&mut self) -> Option<Bytes> {
        let first = self.held.pop_front()?;
        let mut length = first.len();
        let mut more = 0;
        for piece in &self.held {
            if length + piece.len() > LOT_BYTES {
                break;
            }
            length += piece.len();
            more += 1;
        }
        self.held_bytes -= length as u64;
        if more == 0 {
            return Some(first);
        }
        let mut lot = BytesMut::with_capacity(length);
        lot.extend_from_slice(&first);
        self.held.drain(..more).for_each(|piece| lot.extend_from_slice(&piece));
        Some(lot.freeze())
    }

    fn check(&mut self, piece: &[u8]) -> Result<(), QueryError> {
        if self.series.count(piece) > self.most_series {
            return Err(QueryError::TooManySeries { limit: self.most_series });
        }
        Ok(())
    }
}

impl<B: Body<Data = Bytes, Error = UpstreamError> + Unpin> Body for Held<B> {
    type Data = Bytes;
    type Error = QueryError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, QueryError>>> {
        if let Some(lot) = self.next_lot() {
            return Poll::Ready(Some(Ok(Frame::data(lot))));
        }
        let Some(body) = &mut self.rest else { return Poll::Ready(None) };
        match ready!(Pin::new(body).poll_frame(cx)) {
            None => {
                self.rest = None;
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                self.rest = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Some(Ok(frame)) => {
                let counted = frame.data_ref().map_or(Ok(()), |piece| self.check(&piece.clone()));
                if let Err(error) = counted {
                    self.rest = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.rest {
            None => SizeHint::with_exact(self.held_bytes),
            Some(rest) => rest.size_hint().exact().map_or_else(SizeHint::default, |exact| SizeHint::with_exact(exact + self.held_bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(pieces: &[&[u8]]) -> u64 {
        let mut counter = SeriesCounter::default();
        pieces.iter().map(|piece| counter.count(piece)).last().unwrap_or_default()
    }

    #[test]
    fn series_are_counted_also_across_pieces() {
        let text =
            br#"{"data":{"result":[{"metric":{"a":"\"metric\":{"},"values":[]},{"metric":{},"values":[]},{"metric":{"metric":"x"}}]}}"#;
        assert_eq!(counted(&[text]), 3);
        for size in 1..30 {
            assert_eq!(counted(&text.chunks(size).collect::<Vec<_>>()), 3, "pieces of {size}");
        }
    }

    async fn lots(pieces: &[usize]) -> Vec<usize> {
        let frames: Vec<Result<Frame<Bytes>, UpstreamError>> =
            pieces.iter().map(|length| Ok(Frame::data(Bytes::from(vec![b'x'; *length])))).collect();
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        let mut held = Held::begin(body, 1).await.unwrap();
        let mut lots = Vec::new();
        while let Some(frame) = held.frame().await {
            lots.push(frame.unwrap().into_data().unwrap().len());
        }
        assert_eq!(held.size_hint().exact(), Some(0));
        lots
    }

    #[tokio::test]
    async fn held_pieces_go_on_in_lots() {
        assert_eq!(lots(&[]).await, [0; 0]);
        assert_eq!(lots(&[10, 0, 20]).await, [30]);
        assert_eq!(lots(&[LOT_BYTES - 1, 1, 1, 7]).await, [LOT_BYTES, 8]);
        assert_eq!(lots(&[3 * LOT_BYTES, 1, 3 * LOT_BYTES]).await, [3 * LOT_BYTES, 1, 3 * LOT_BYTES]);
        assert_eq!(lots(&[HELD_BYTES, 1, 1]).await, [HELD_BYTES, 1, 1], "what was not held goes as it comes");
    }

    proptest::proptest! {
        #[test]
        fn cuts_do_not_matter(text in r#"("metric":\{|"met|ric":\{|x|\{){0,20}"#, cuts in proptest::collection::vec(1usize..20, 0..20)) {
            let whole = counted(&[text.as_bytes()]);
            let (mut rest, mut pieces) = (text.as_bytes(), Vec::new());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            proptest::prop_assert_eq!(counted(&pieces), whole);
        }
    }
}
