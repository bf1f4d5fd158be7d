//! One stream as its client reads it: a sequence of pieces, made only when the client is ready for the next one.
//!
//! Nothing waits here for a slow reader: it is behind by a number, and when it reads again it gets the newest state.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;

use super::frame::{self, Kind};
use super::hub::Hub;
use super::line::{Farewell, Line};
use super::out::Out;
use super::part::Part;
use super::question::Refusal;
use super::resume::EventId;
use super::tick::now_ms;
use super::topic::{State, Topic};
use super::window::Window;

/// The events of one stream. Dropping it ends the stream.
pub struct Events {
    hub: Arc<Hub>,
    line: Arc<Line>,
    queries: Vec<Followed>,
    /// Equal for streams of the same queries.
    fingerprint: u32,
    /// The last tick of which the client knows that it has everything.
    complete_ms: Option<i64>,
    out: Out,
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
    /// What is being compressed for it: that comes next, whatever is newer by then.
    pub(super) waits: Option<Arc<State>>,
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
        out: Out,
        greeting: &Bytes,
        refused: &[(String, Refusal)],
    ) -> Events {
        let complete_ms = queries.iter().map(|query| query.has_ms).min().flatten();
        let mut events = Events { hub, line, queries, fingerprint, complete_ms, out, turn: 0, is_over: false };
        events.say(Kind::Connected, greeting);
        for (id, refusal) in refused {
            events.say(Kind::Error, &frame::error(Some(id), &refusal.error_type, &refusal.message));
        }
        events.out.flush();
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
            self.say(kind, &event);
            return self.out.end();
        }
        if self.line.takes_beat() {
            self.say(Kind::Heartbeat, &frame::heartbeat(now_ms()));
        }
        for _ in 0..self.queries.len() {
            if self.out.is_full() {
                break;
            }
            self.turn = (self.turn + 1) % self.queries.len();
            self.look_at(self.turn);
        }
    }

    /// What is new about one query.
    fn look_at(&mut self, nth: usize) {
        let query = &mut self.queries[nth];
        let state = query.waits.take().unwrap_or_else(|| query.topic.state());
        if let Some(refusal) = state.failure.as_ref().filter(|_| state.failures > query.failures) {
            query.failures = state.failures;
            // Written as JSON by ourselves: it can be read.
            let id: String = serde_json::from_str(&query.id).unwrap_or_default();
            let event = frame::error(Some(&id), &refusal.error_type, &refusal.message);
            self.say(Kind::Error, &event);
        }
        let query = &mut self.queries[nth];
        let Some((kind, part, window)) = query.next(&state) else { return };
        if !self.out.is_gzip() {
            self.opens(nth, kind, state.number, window.end_ms);
            return self.out.shared(&part);
        }
        match part.packed(&query.topic, &self.hub.metrics) {
            Some(packed) => {
                self.opens(nth, kind, state.number, window.end_ms);
                self.out.packed(&part, packed);
            }
            None => query.waits = Some(state),
        }
    }

    /// Begins the event with which a client comes to the window of this number; the shared part comes next.
    fn opens(&mut self, nth: usize, kind: Kind, number: u64, end_ms: i64) {
        let query = &mut self.queries[nth];
        if matches!(query.position, Position::At(has) if has + 1 < number) {
            self.line.conflations.fetch_add(1, Relaxed);
            self.hub.metrics.conflations.inc();
        }
        (query.position, query.has_ms) = (Position::At(number), Some(end_ms));
        let event_id = self.moved_on().map(|ms| EventId { complete_ms: ms, fingerprint: self.fingerprint }.to_string());
        self.out.own(frame::opening(kind, event_id.as_deref(), &self.queries[nth].id).as_bytes());
        self.count(kind);
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
        self.out.own(event);
        self.count(kind);
    }

    fn count(&self, kind: Kind) {
        self.hub.metrics.sent(kind);
        self.line.frames.fetch_add(1, Relaxed);
    }

    fn next_piece(&mut self) -> Option<Bytes> {
        let piece = self.out.next_piece()?;
        self.hub.metrics.bytes.inc_by(piece.len() as u64);
        self.line.bytes.fetch_add(piece.len() as u64, Relaxed);
        Some(piece)
    }
}

impl Followed {
    /// What brings the client to the newest window; none when it is there.
    fn next<'s>(&self, state: &'s State) -> Option<(Kind, Arc<Part>, &'s Window)> {
        let newest = state.newest.as_ref()?;
        let delta = match self.position {
            Position::At(number) if number == state.number => return None,
            Position::Had(had_ms) if newest.window.end_ms <= had_ms => return None,
            Position::At(number) if number + 1 == state.number => state.delta.clone(),
            Position::Had(had_ms) => state.since(&self.topic, had_ms),
            Position::At(_) | Position::New => None,
        };
        let (kind, part) = delta.map_or_else(|| (Kind::Snapshot, newest.part.clone()), |delta| (Kind::Delta, delta));
        Some((kind, part, &newest.window))
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
        events.out.flush();
        match events.next_piece() {
            Some(piece) => Poll::Ready(Some(piece)),
            None if events.is_over => Poll::Ready(None),
            None => {
                events.out.shrink();
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
