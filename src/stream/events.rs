//! One stream as its client reads it: a sequence of pieces, made only when the client is ready for the next one.
//!
//! Nothing waits here for a slow reader: it is behind by a number, and when it reads again it gets the newest state.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use super::frame::{self, Kind};
use super::hub::Hub;
use super::line::{Farewell, Line};
use super::question::Refusal;
use super::resume::EventId;
use super::tick::now_ms;
use super::topic::Topic;

/// Shared parts up to this length are copied behind what stands in front of them: a copy costs less than a piece of its own.
const COPIED_BYTES: usize = 4 * 1024;
/// Events are gathered into pieces of about this length.
const PIECE_BYTES: usize = 16 * 1024;
/// Longer ones go out in slices: `server.write_timeout` is for each, so that a large window has the time that it takes.
const SLICE_BYTES: usize = 64 * 1024;

/// The events of one stream. Dropping it ends the stream.
pub struct Events {
    hub: Arc<Hub>,
    line: Arc<Line>,
    queries: Vec<Followed>,
    /// Equal for streams of the same queries.
    fingerprint: u32,
    /// The last tick of which the client knows that it has everything.
    complete_ms: Option<i64>,
    /// What is ready to go out.
    pieces: VecDeque<Bytes>,
    gathered: BytesMut,
    /// Which query is looked at first: by turns, so that none waits for the others for ever.
    turn: usize,
    is_over: bool,
}

/// One query of a stream, and how far the client is.
pub(super) struct Followed {
    pub(super) topic: Arc<Topic>,
    /// What the client calls it, as JSON.
    pub(super) id: String,
    pub(super) position: Position,
    pub(super) failures: u64,
    /// The tick of the window that the client has.
    pub(super) has_ms: Option<i64>,
}

/// How far a client is with one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// It has nothing.
    New,
    /// It has everything up to this tick, from another connection.
    Had(i64),
    /// It has the window of this number.
    At(u64),
}

impl Events {
    /// Begins with what is said at once.
    pub(super) fn new(
        hub: Arc<Hub>,
        line: Arc<Line>,
        queries: Vec<Followed>,
        fingerprint: u32,
        greeting: Bytes,
        refused: &[(String, Refusal)],
    ) -> Events {
        let complete_ms = queries.iter().map(|query| query.has_ms).min().flatten();
        hub.metrics.sent(Kind::Connected, greeting.len());
        let pieces = VecDeque::from([greeting]);
        let mut events =
            Events { hub, line, queries, fingerprint, complete_ms, pieces, gathered: BytesMut::new(), turn: 0, is_over: false };
        for (id, refusal) in refused {
            events.say(Kind::Error, &frame::error(Some(id), &refusal.error_type, &refusal.message));
        }
        events.flush();
        events
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.line.stream
    }

    /// Looks at everything once; whatever is new is gathered, up to a bound.
    fn gather(&mut self) {
        if let Some(farewell) = self.line.farewell() {
            let (kind, event) = match farewell {
                Farewell::Shutdown { retry_ms } => (Kind::Shutdown, frame::shutdown(*retry_ms)),
                Farewell::Revoked { message } => (Kind::Error, frame::error(None, "revoked", message)),
            };
            self.is_over = true;
            return self.say(kind, &event);
        }
        if self.line.takes_beat() {
            self.say(Kind::Heartbeat, &frame::heartbeat(now_ms()));
        }
        for _ in 0..self.queries.len() {
            if self.gathered.len() >= PIECE_BYTES || !self.pieces.is_empty() {
                break;
            }
            self.turn = (self.turn + 1) % self.queries.len();
            self.look_at(self.turn);
        }
    }

    /// What is new about one query.
    fn look_at(&mut self, nth: usize) {
        let query = &mut self.queries[nth];
        let state = query.topic.state();
        if let Some(refusal) = state.failure.as_ref().filter(|_| state.failures > query.failures) {
            query.failures = state.failures;
            // Written as JSON by ourselves: it can be read.
            let id: String = serde_json::from_str(&query.id).unwrap_or_default();
            let event = frame::error(Some(&id), &refusal.error_type, &refusal.message);
            self.say(Kind::Error, &event);
        }
        let query = &mut self.queries[nth];
        let Some(window) = &state.window else { return };
        let (kind, data) = match query.position {
            Position::At(number) if number == state.number => return,
            Position::Had(had_ms) if window.end_ms <= had_ms => return,
            Position::At(number) if number + 1 == state.number && state.delta.is_some() => (Kind::Delta, state.delta.clone()),
            Position::Had(had_ms) => match state.since(&query.topic, had_ms) {
                Some(delta) => (Kind::Delta, Some(delta)),
                None => (Kind::Snapshot, None),
            },
            Position::At(number) => {
                if number + 1 < state.number {
                    self.line.conflations.fetch_add(1, Relaxed);
                    self.hub.metrics.conflations.inc();
                }
                (Kind::Snapshot, None)
            }
            Position::New => (Kind::Snapshot, None),
        };
        (query.position, query.has_ms) = (Position::At(state.number), Some(window.end_ms));
        let event_id = self.moved_on().map(|ms| EventId { complete_ms: ms, fingerprint: self.fingerprint }.to_string());
        let before = self.gathered.len();
        frame::opening_into(&mut self.gathered, kind, event_id.as_deref(), &self.queries[nth].id);
        let shared = match data {
            Some(delta) => delta,
            None => {
                frame::window_times(&mut self.gathered, window);
                window.data()
            }
        };
        let length = self.gathered.len() - before + shared.len() + frame::END.len();
        self.append(shared);
        self.gathered.extend_from_slice(frame::END);
        self.count(kind, length);
    }

    /// The tick that is complete now, when it is a later one than before.
    fn moved_on(&mut self) -> Option<i64> {
        let complete = self.queries.iter().map(|query| Some(query.has_ms? + query.topic.step_ms)).min()??;
        let ticks = self.queries.iter().filter_map(|query| query.has_ms).filter(|ms| *ms < complete);
        let newest = ticks.max().filter(|newest| self.complete_ms != Some(*newest))?;
        self.complete_ms = Some(newest);
        Some(newest)
    }

    fn say(&mut self, kind: Kind, event: &Bytes) {
        self.gathered.extend_from_slice(event);
        self.count(kind, event.len());
    }

    fn count(&self, kind: Kind, bytes: usize) {
        self.hub.metrics.sent(kind, bytes);
        self.line.frames.fetch_add(1, Relaxed);
        self.line.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Short parts are copied, long ones go out by reference.
    fn append(&mut self, shared: Bytes) {
        if shared.len() <= COPIED_BYTES {
            return self.gathered.extend_from_slice(&shared);
        }
        self.flush();
        self.pieces.push_back(shared);
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let first = self.pieces.front_mut()?;
        if first.len() > SLICE_BYTES { Some(first.split_to(SLICE_BYTES)) } else { self.pieces.pop_front() }
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.pieces.push_back(self.gathered.split().freeze());
        }
    }
}

impl Stream for Events {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let events = &mut *self;
        if let Some(piece) = events.next_piece() {
            return Poll::Ready(Some(piece));
        }
        // Listens before it looks, so that nothing is missed in between.
        events.line.listen(cx.waker());
        if !events.is_over {
            events.gather();
        }
        events.flush();
        match events.next_piece() {
            Some(piece) => Poll::Ready(Some(piece)),
            None if events.is_over => Poll::Ready(None),
            None => {
                // An idle stream holds no room for events.
                events.gathered = BytesMut::new();
                events.pieces.shrink_to(0);
                Poll::Pending
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let topics: Vec<Arc<Topic>> = self.queries.drain(..).map(|query| query.topic).collect();
        self.hub.close(&self.line, topics);
    }
}
