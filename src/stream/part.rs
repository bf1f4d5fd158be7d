//! What is the same in an event for everybody: written once, compressed once for all who take that.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::frame;
use super::metrics::StreamMetrics;
use super::topic::{Held, Topic};
use super::window::Window;
use crate::series::Deflated;

/// Compressing takes about ten milliseconds for a megabyte: longer texts leave the async threads.
const LONG_BYTES: usize = 32 * 1024;

/// The shared part of a `snapshot` or `delta`, from behind the name of its query to the end of the event.
pub(super) struct Part {
    /// Where the window of a `snapshot` lies.
    pub(super) times: Vec<u8>,
    pub(super) text: Bytes,
    packed: OnceLock<Deflated>,
    is_begun: AtomicBool,
    held: Arc<Held>,
}

impl Part {
    /// What is new.
    pub(super) fn delta(text: Vec<u8>, held: &Arc<Held>) -> Arc<Part> {
        Part::new(Vec::new(), text.into(), held)
    }

    /// A whole window, whose text is shared with it.
    pub(super) fn snapshot(window: &Window, held: &Arc<Held>) -> Arc<Part> {
        Part::new(frame::window_times(window), window.data(), held)
    }

    fn new(times: Vec<u8>, text: Bytes, held: &Arc<Held>) -> Arc<Part> {
        Arc::new(Part { times, text, packed: OnceLock::new(), is_begun: AtomicBool::new(false), held: held.clone() })
    }

    /// The same compressed; none while that is being done elsewhere, of which the listeners of the topic are told.
    pub(super) fn packed(self: &Arc<Part>, topic: &Arc<Topic>, metrics: &StreamMetrics) -> Option<&Deflated> {
        if self.text.len() <= LONG_BYTES {
            return Some(self.packed.get_or_init(|| self.pack(metrics)));
        }
        if self.packed.get().is_none() && !self.is_begun.swap(true, Relaxed) {
            let (part, topic, metrics) = (self.clone(), topic.clone(), metrics.clone());
            tokio::task::spawn_blocking(move || {
                part.packed.get_or_init(|| part.pack(&metrics));
                topic.ring();
            });
        }
        self.packed.get()
    }

    fn pack(&self, metrics: &StreamMetrics) -> Deflated {
        let packed = Deflated::of(&[&self.times, &self.text, frame::END]);
        self.held.bytes.fetch_add(packed.weight(), Relaxed);
        metrics.compressions.inc();
        packed
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let weight = self.packed.get().map_or(0, Deflated::weight);
        self.held.bytes.fetch_sub(weight, Relaxed);
    }
}
