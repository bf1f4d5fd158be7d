//! One query that is streamed: its newest window, how it differs from the one before, and who wants to know.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::diff;
use super::line::Line;
use super::part::Part;
use super::question::{Evaluate, Name, Refusal};
use super::window::Window;

/// Comparing two windows takes about a millisecond for a megabyte: longer ones leave the async threads.
const LONG_BYTES: usize = 256 * 1024;

/// What all who stream one query over one window share.
pub(super) struct Topic {
    pub(super) name: Name,
    pub(super) step_ms: i64,
    pub(super) evaluate: Box<dyn Evaluate>,
    state: ArcSwap<State>,
    listeners: Mutex<HashMap<u64, Arc<Line>>>,
    /// The newest tick that another replica said it has evaluated.
    heard: watch::Sender<i64>,
    held: Arc<Held>,
}

/// Bytes of the windows of all topics and of what was compressed of them, and how many there may be.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: AtomicUsize,
    pub(super) most: usize,
}

/// What is known at one moment; never changed, only replaced.
#[derive(Default)]
pub(super) struct State {
    /// How many windows there have been.
    pub(super) number: u64,
    pub(super) newest: Option<Newest>,
    /// From the window before to this one; none where the whole window says it shorter, or alone can.
    pub(super) delta: Option<Arc<Part>>,
    /// How many evaluations failed.
    pub(super) failures: u64,
    /// The last failure.
    pub(super) failure: Option<Arc<Refusal>>,
    /// For clients that come back: many come back at once, from the same tick.
    resumed: Mutex<Option<(i64, Option<Arc<Part>>)>>,
}

/// A window, and how it is told.
#[derive(Clone)]
pub(super) struct Newest {
    pub(super) window: Arc<Window>,
    pub(super) part: Arc<Part>,
}

impl Topic {
    pub(super) fn new(name: Name, step_ms: i64, evaluate: Box<dyn Evaluate>, held: Arc<Held>) -> Topic {
        let heard = watch::Sender::new(i64::MIN);
        Topic { name, step_ms, evaluate, state: ArcSwap::default(), listeners: Mutex::default(), heard, held }
    }

    pub(super) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Where ticks of other replicas are heard.
    pub(super) fn ticks_heard(&self) -> watch::Receiver<i64> {
        self.heard.subscribe()
    }

    /// Another replica has evaluated this tick.
    pub(super) fn hear(&self, tick_ms: i64) {
        if tick_ms.rem_euclid(self.step_ms) == 0 {
            self.heard.send_replace(tick_ms);
        }
    }

    /// Whether a window can be held: whoever has one already may go on.
    pub(super) fn has_room_for(&self, window: &Window) -> bool {
        self.state().newest.is_some() || self.held.bytes.load(Relaxed) + window.weight() <= self.held.most
    }

    /// A newer window: everybody who listens is told.
    pub(super) async fn publish(&self, window: Window) {
        let (before, window) = (self.state(), Arc::new(window));
        let delta = match before.newest.as_ref().map(|newest| newest.window.clone()) {
            Some(old) if old.weight() + window.weight() > LONG_BYTES => {
                let new = window.clone();
                tokio::task::spawn_blocking(move || diff::delta(&old, &new)).await.unwrap_or_default()
            }
            Some(old) => diff::delta(&old, &window),
            None => None,
        };
        let delta = delta.filter(|delta| delta.len() < window.weight()).map(|delta| Part::delta(delta, &self.held));
        self.held.bytes.fetch_add(window.weight(), Relaxed);
        let old_weight = before.newest.as_ref().map_or(0, |old| old.window.weight());
        self.held.bytes.fetch_sub(old_weight, Relaxed);
        self.state.store(Arc::new(State {
            number: before.number + 1,
            newest: Some(Newest { part: Part::snapshot(&window, &self.held), window }),
            delta,
            failures: before.failures,
            failure: before.failure.clone(),
            resumed: Mutex::default(),
        }));
        self.ring();
    }

    /// There is no newer window, and why: everybody who listens is told.
    pub(super) fn fail(&self, refusal: Refusal) {
        let before = self.state();
        self.state.store(Arc::new(State {
            number: before.number,
            newest: before.newest.clone(),
            delta: before.delta.clone(),
            failures: before.failures + 1,
            failure: Some(Arc::new(refusal)),
            resumed: Mutex::default(),
        }));
        self.ring();
    }

    /// Everybody who listens looks again.
    pub(super) fn ring(&self) {
        self.lock().values().for_each(|line| line.ring());
    }

    pub(super) fn listen(&self, line: &Arc<Line>) {
        self.lock().insert(line.number, line.clone());
    }

    /// Whether nobody listens any more.
    pub(super) fn leave(&self, number: u64) -> bool {
        let mut listeners = self.lock();
        listeners.remove(&number);
        listeners.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        let weight = self.state.load().newest.as_ref().map_or(0, |newest| newest.window.weight());
        self.held.bytes.fetch_sub(weight, Relaxed);
    }
}

impl State {
    /// What a client needs that has everything up to the tick `had_ms`; none where it needs the whole window.
    pub(super) fn since(&self, topic: &Topic, had_ms: i64) -> Option<Arc<Part>> {
        let mut resumed = self.resumed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = resumed.as_ref().filter(|(from, _)| *from == had_ms) {
            return made.clone();
        }
        let made = self.newest.as_ref().and_then(|Newest { window, .. }| {
            // What could still change when the client was told of it may have changed since.
            let from_ms = topic.evaluate.settled_until(had_ms)?.min(had_ms) + topic.step_ms;
            let on_the_grid = from_ms.div_euclid(topic.step_ms) * topic.step_ms;
            let made = (on_the_grid > window.start_ms).then(|| diff::since(window, on_the_grid))??;
            (made.len() < window.weight()).then(|| Part::delta(made, &topic.held))
        });
        *resumed = Some((had_ms, made.clone()));
        made
    }
}
