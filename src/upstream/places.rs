//! Places for requests under way, and the queue before them: fair between flows, bounded, free again however a caller ends.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Nobody waits longer than this for a place: an answer that late helps no dashboard.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Waiting places for each place.
const WAITING_PER_PLACE: usize = 4;

/// Places for requests under way; a bounded number of further ones wait for a bounded time.
///
/// A flow is what belongs to one caller. Flows take turns, and inside a flow the first that came is the first served. A
/// flow may have as many waiting as there are waiting places left: alone it gets half of them, next to another one a
/// third, and a flow that has nothing waiting finds a place in the queue until the very last one is taken.
pub(super) struct Places {
    shared: Arc<Shared>,
    longest_wait: Duration,
}

/// No place came free.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoPlace {
    pub(super) retry_after: Duration,
}

/// A place that goes to the next in turn when this is dropped, however that comes about.
pub(super) struct Place {
    /// `None` when the place went on to somebody else.
    shared: Option<Arc<Shared>>,
}

struct Shared {
    room: Mutex<Room>,
    inflight: IntGauge,
    queued: IntGauge,
}

/// Invariant: when a place is free, nobody waits.
struct Room {
    free: usize,
    waiting: usize,
    waiting_limit: usize,
    /// Who waits, by flow; no flow without anybody.
    flows: HashMap<u64, VecDeque<Waiter>>,
    /// The flows of `flows`, the next one first.
    turns: VecDeque<u64>,
    /// The number of the next waiter.
    number: u64,
}

struct Waiter {
    number: u64,
    place: oneshot::Sender<Place>,
}

impl Places {
    /// `max_concurrent` at once, four times as many waiting, each for at most half of `request_timeout`.
    pub(super) fn new(max_concurrent: usize, request_timeout: Duration, inflight: IntGauge, queued: IntGauge) -> Places {
        let free = max_concurrent.max(1);
        let waiting_limit = free.saturating_mul(WAITING_PER_PLACE);
        let room = Room { free, waiting: 0, waiting_limit, flows: HashMap::new(), turns: VecDeque::new(), number: 0 };
        Places {
            shared: Arc::new(Shared { room: Mutex::new(room), inflight, queued }),
            longest_wait: LONGEST_WAIT.min(request_timeout / 2),
        }
    }

    /// A place for a request of this flow.
    pub(super) async fn take(&self, flow: u64) -> Result<Place, NoPlace> {
        let busy = || NoPlace { retry_after: self.longest_wait.max(Duration::from_secs(1)) };
        let (place, number) = {
            let mut room = self.shared.lock();
            if room.free > 0 {
                room.free -= 1;
                drop(room);
                return Ok(Place::of(&self.shared));
            }
            room.enqueue(flow).ok_or_else(busy)?
        };
        let _leaving = Leaving::new(&self.shared, flow, number);
        match timeout(self.longest_wait, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a place that came free to the next in turn who still wants it.
    fn pass_on(self: &Arc<Shared>) {
        loop {
            let next = self.lock().next_or_free();
            let Some(waiter) = next else { return };
            match waiter.place.send(Place::of(self)) {
                Ok(()) => return,
                Err(unwanted) => unwanted.went_on(),
            }
        }
    }
}

impl Room {
    /// `None` when this flow may have no further one waiting.
    fn enqueue(&mut self, flow: u64) -> Option<(oneshot::Receiver<Place>, u64)> {
        let of_flow = self.flows.get(&flow).map_or(0, VecDeque::len);
        if of_flow >= self.waiting_limit - self.waiting {
            return None;
        }
        let (place, wanted) = oneshot::channel();
        let number = self.number;
        self.number += 1;
        self.waiting += 1;
        self.flows.entry(flow).or_default().push_back(Waiter { number, place });
        if of_flow == 0 {
            self.turns.push_back(flow);
        }
        Some((wanted, number))
    }

    /// Who gets the place that came free; when nobody waits, it is free.
    fn next_or_free(&mut self) -> Option<Waiter> {
        let next = self.turns.pop_front().and_then(|flow| Some((flow, self.flows.get_mut(&flow)?)));
        let Some((flow, queue)) = next else {
            self.free += 1;
            return None;
        };
        let waiter = queue.pop_front();
        if queue.is_empty() {
            self.flows.remove(&flow);
        } else {
            self.turns.push_back(flow);
        }
        self.waiting -= usize::from(waiter.is_some());
        waiter
    }

    /// Takes out who waits no longer, if it is still there.
    fn leave(&mut self, flow: u64, number: u64) {
        let Some(queue) = self.flows.get_mut(&flow) else { return };
        let Some(place) = queue.iter().position(|waiter| waiter.number == number) else { return };
        queue.remove(place);
        self.waiting -= 1;
        if queue.is_empty() {
            self.flows.remove(&flow);
            self.turns.retain(|other| *other != flow);
        }
    }
}

impl Place {
    fn of(shared: &Arc<Shared>) -> Place {
        shared.inflight.inc();
        Place { shared: Some(Arc::clone(shared)) }
    }

    /// The place itself is still taken, only not by this.
    fn went_on(mut self) {
        if let Some(shared) = self.shared.take() {
            shared.inflight.dec();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.inflight.dec();
            shared.pass_on();
        }
    }
}

/// One who waits; leaves the queue when this is dropped, also when the caller goes away.
struct Leaving<'a> {
    shared: &'a Shared,
    flow: u64,
    number: u64,
}

impl<'a> Leaving<'a> {
    fn new(shared: &'a Shared, flow: u64, number: u64) -> Leaving<'a> {
        shared.queued.inc();
        Leaving { shared, flow, number }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.shared.queued.dec();
        self.shared.lock().leave(self.flow, self.number);
    }
}

#[cfg(test)]
mod tests;
