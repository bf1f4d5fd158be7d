//! Writes in the background, through a queue that is bounded in entries and in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::core::Core;
use super::envelope;
use super::metrics::{Dropped, Operation};
use crate::cache::Key;

/// Writes that may wait.
const ENTRIES: usize = 1024;
/// Bytes that may wait.
const BYTES: usize = 64 << 20;
/// Writes under way at once.
const AT_ONCE: usize = 4;

/// The queue, and who empties it until it is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Write>,
    queued_bytes: Arc<AtomicUsize>,
    worker: JoinHandle<()>,
}

#[derive(Debug)]
struct Write {
    key: Key,
    parts: Vec<(i64, Bytes)>,
    ttl: Duration,
    bytes: usize,
}

impl Writer {
    pub(super) fn open(core: &Arc<Core>) -> Writer {
        let (queue, waiting) = mpsc::channel(ENTRIES);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let worker = tokio::spawn(work(core.clone(), waiting, queued_bytes.clone()));
        Writer { queue, queued_bytes, worker }
    }

    /// Queues the parts; they are dropped, and counted, when the queue is full.
    pub(super) fn write(&self, core: &Core, key: &Key, parts: Vec<(i64, Bytes)>, ttl: Duration) {
        let bytes = parts.iter().map(|(_, payload)| payload.len()).sum();
        let count = parts.len();
        if self.queued_bytes.fetch_add(bytes, Relaxed) + bytes > BYTES
            || self.queue.try_send(Write { key: key.clone(), parts, ttl, bytes }).is_err()
        {
            self.queued_bytes.fetch_sub(bytes, Relaxed);
            core.metrics.dropped(Dropped::Full, count);
        }
        core.metrics.queued_bytes.set(self.queued_bytes.load(Relaxed) as i64);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

async fn work(core: Arc<Core>, waiting: mpsc::Receiver<Write>, queued_bytes: Arc<AtomicUsize>) {
    let writes = stream::unfold(waiting, async |mut waiting| waiting.recv().await.map(|write| (write, waiting)));
    writes
        .for_each_concurrent(AT_ONCE, |write| {
            let (core, queued_bytes) = (&core, &queued_bytes);
            async move {
                store(core, &write).await;
                let left = queued_bytes.fetch_sub(write.bytes, Relaxed) - write.bytes;
                core.metrics.queued_bytes.set(left as i64);
            }
        })
        .await;
}

/// All parts in one round trip.
async fn store(core: &Core, write: &Write) {
    let digest = write.key.digest();
    let ttl_ms = super::millis(write.ttl);
    let sealed = seal_all(core, &write.key, &write.parts);
    if sealed.is_empty() {
        return;
    }
    let (count, bytes) = (sealed.len(), sealed.iter().map(|(_, value)| value.len() as u64).sum());
    let stored = core.behind(Operation::Write, Some(&core.writes), async |mut connection| {
        let mut sets = redis::Pipeline::with_capacity(count);
        for (part, value) in &sealed {
            sets.cmd("SET").arg(core.names.part(&digest, *part)).arg(value).arg("PX").arg(ttl_ms).ignore();
        }
        sets.exec_async(&mut connection).await
    });
    match stored.await {
        Ok(()) => core.metrics.bytes_written.inc_by(bytes),
        Err(_) => core.metrics.dropped(Dropped::Unavailable, count),
    }
}

/// The values of these parts, without those that are too long, which are counted.
pub(super) fn seal_all(core: &Core, key: &Key, parts: &[(i64, Bytes)]) -> Vec<(i64, Vec<u8>)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, super::millis);
    let sealed: Vec<_> = parts.iter().filter_map(|(part, payload)| Some((*part, envelope::seal(key, *part, now, payload)?))).collect();
    if sealed.len() < parts.len() {
        core.metrics.dropped(Dropped::TooLarge, parts.len() - sealed.len());
    }
    sealed
}
