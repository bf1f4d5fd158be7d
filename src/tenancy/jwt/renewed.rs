//! What an issuer said, kept and renewed: never more than one question at a time, and never soon after the last one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How it is asked for.
#[async_trait]
pub(super) trait Ask: Send + Sync + 'static {
    /// What comes back.
    type Answer: Send + Sync + 'static;

    /// Asks once; counts and logs what went wrong.
    async fn ask(&self) -> Option<Self::Answer>;
}

/// The last answer of one source.
pub(super) struct Renewed<A: Ask>(Arc<Inner<A>>);

struct Inner<A: Ask> {
    source: A,
    /// Between two questions.
    pause: Duration,
    held: ArcSwap<Held<A::Answer>>,
    /// Held during a question: the single flight.
    flight: Arc<Mutex<()>>,
}

/// What the last questions gave.
pub(super) struct Held<T> {
    /// The last answer that was one, and when it came.
    pub(super) answer: Option<(Arc<T>, Instant)>,
    /// The end of the last question, and whether it went well.
    tried: Option<(Instant, bool)>,
}

impl<T> Held<T> {
    /// The answer, while it is younger than this.
    pub(super) fn younger_than(&self, age: Duration) -> Option<&Arc<T>> {
        self.answer.as_ref().filter(|(_, at)| at.elapsed() < age).map(|(answer, _)| answer)
    }

    /// Whether the last question went well.
    pub(super) fn is_well(&self) -> bool {
        self.tried.is_some_and(|(_, well)| well)
    }

    fn tried_within(&self, pause: Duration) -> bool {
        self.tried.is_some_and(|(at, _)| at.elapsed() < pause)
    }
}

impl<A: Ask> Renewed<A> {
    pub(super) fn new(source: A, pause: Duration) -> Renewed<A> {
        let held = ArcSwap::from_pointee(Held { answer: None, tried: None });
        Renewed(Arc::new(Inner { source, pause, held, flight: Arc::default() }))
    }

    /// What there is now.
    pub(super) fn held(&self) -> Arc<Held<A::Answer>> {
        self.0.held.load_full()
    }

    /// Asks, unless that was tried a moment ago. The question goes on when the caller goes away, so that nobody can starve the
    /// others by asking and leaving.
    pub(super) async fn renew(&self) -> Arc<Held<A::Answer>> {
        if !self.held().tried_within(self.0.pause) {
            let inner = Arc::clone(&self.0);
            // A task that panicked or was shut down has changed nothing: what is held decides.
            let _ = tokio::spawn(async move { inner.ask(inner.flight.clone().lock_owned().await).await }).await;
        }
        self.held()
    }

    /// The same without waiting for it; not when somebody asks already.
    pub(super) fn renew_in_background(&self) {
        if self.held().tried_within(self.0.pause) {
            return;
        }
        if let Ok(flight) = self.0.flight.clone().try_lock_owned() {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move { inner.ask(flight).await });
        }
    }
}

impl<A: Ask> Inner<A> {
    async fn ask(&self, _flight: OwnedMutexGuard<()>) {
        let before = self.held.load_full();
        if before.tried_within(self.pause) {
            return;
        }
        let found = self.source.ask().await;
        let now = Instant::now();
        let tried = Some((now, found.is_some()));
        let answer = found.map(|answer| (Arc::new(answer), now)).or_else(|| before.answer.clone());
        self.held.store(Arc::new(Held { answer, tried }));
    }
}
