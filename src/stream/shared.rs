//! What replicas share of a query's ticks: who evaluates one, and its window.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::question::Name;
use crate::cache::{Budget, Claim, Lease, Published, Remote};

/// Redis time of one step of a tick; nobody's request waits for it.
const BUDGET: Duration = Duration::from_millis(500);
/// Longest window that is shared, in bytes.
const LONGEST: usize = 64 << 20;
/// Windows longer than this are compressed on a thread for such work.
const LONG: usize = 64 * 1024;

/// Ticks of one query, on Redis.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) remote: Arc<Remote>,
    name: Name,
    step_ms: i64,
}

impl Shared {
    pub(super) fn new(remote: Arc<Remote>, name: Name, step_ms: i64) -> Shared {
        Shared { remote, name, step_ms }
    }

    /// The answer for the tick, if a replica has stored it.
    pub(super) async fn read(&self, tick_ms: i64) -> Option<Bytes> {
        let mut budget = Budget::new(BUDGET);
        let stored = self.remote.read(&self.name.key, &[self.part(tick_ms)], &mut budget).await.pop()??;
        unpack(stored.bytes).await
    }

    /// Who evaluates the tick.
    pub(super) async fn claim(&self, tick_ms: i64) -> Claim {
        let mut budget = Budget::new(BUDGET);
        self.remote.claim(&self.name.key, tick_ms.unsigned_abs(), &mut budget).await
    }

    /// Stores the answer, which gives the lease back, and tells the other replicas.
    pub(super) async fn publish(self, lease: Lease, tick_ms: i64, answer: Bytes) {
        let life = Duration::from_millis(2 * self.step_ms.unsigned_abs()) + Duration::from_secs(10);
        let Some(packed) = pack(answer).await else { return lease.fail().await };
        if lease.publish(vec![(self.part(tick_ms), packed)], life).await == Published::Done {
            self.remote.announce(&self.name.key, tick_ms).await;
        }
    }

    /// One number for a tick and a window: steps are no shorter than a second, and no window has a million of them.
    fn part(&self, tick_ms: i64) -> i64 {
        (tick_ms / 1000) << 20 | (self.name.window_ms / self.step_ms) & 0xf_ffff
    }
}

/// Its length in four bytes, then the answer compressed; none when it is too long.
async fn pack(answer: Bytes) -> Option<Bytes> {
    let length = u32::try_from(answer.len()).ok().filter(|length| *length as usize <= LONGEST)?;
    let compress = move || {
        let mut packed = length.to_le_bytes().to_vec();
        packed.extend(zstd::bulk::compress(&answer, 1).ok()?);
        Some(Bytes::from(packed))
    };
    if length as usize <= LONG { compress() } else { tokio::task::spawn_blocking(compress).await.ok()? }
}

async fn unpack(packed: Bytes) -> Option<Bytes> {
    let (length, _) = packed.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > LONGEST {
        return None;
    }
    let decompress = move || zstd::bulk::decompress(&packed[4..], length).ok().filter(|answer| answer.len() == length).map(Bytes::from);
    if length <= LONG { decompress() } else { tokio::task::spawn_blocking(decompress).await.ok()? }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_packed_is_unpacked() {
        for length in [0, 1, 1000, LONG + 1, 1 << 20] {
            let answer: Bytes = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(unpack(pack(answer.clone()).await.unwrap()).await, Some(answer));
        }
    }

    #[tokio::test]
    async fn rubbish_is_nothing() {
        let good = pack(Bytes::from_static(b"a window")).await.unwrap();
        for wrong in [&b""[..], b"abc", b"\xff\xff\xff\xff", b"\x01\x00\x00\x00rubbish", &good[..good.len() - 1]] {
            assert_eq!(unpack(Bytes::copy_from_slice(wrong)).await, None);
        }
        let mut lying = good.to_vec();
        lying[0] += 1;
        assert_eq!(unpack(lying.into()).await, None, "the length is another one");
    }
}
