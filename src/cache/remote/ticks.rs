//! What replicas tell each other of ticks: that one was evaluated, for those who listen now; nobody else has to hear of it.

use super::core::Core;
use super::metrics::Operation;
use crate::cache::{Digest, Key};

/// The version of the message.
const VERSION: u8 = 1;

/// A tick of a streamed query was evaluated; its window is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Of the query's key.
    pub digest: Digest,
    /// In milliseconds since 1970.
    pub at_ms: i64,
}

impl Tick {
    fn write(&self) -> Vec<u8> {
        let mut message = vec![VERSION];
        message.extend_from_slice(&self.digest.to_bytes());
        message.extend_from_slice(&self.at_ms.to_be_bytes());
        message
    }

    /// Reads what was published; none for anything else, which anybody could publish.
    pub fn heard(message: &[u8]) -> Option<Tick> {
        let (digest, at) = message.strip_prefix(&[VERSION])?.split_first_chunk::<16>()?;
        Some(Tick { digest: Digest::from_bytes(*digest), at_ms: i64::from_be_bytes(at.try_into().ok()?) })
    }
}

/// Tells those who listen.
pub(super) async fn announce(core: &Core, key: &Key, at_ms: i64) {
    let message = Tick { digest: key.digest(), at_ms }.write();
    // Who does not hear of it looks for itself a moment later.
    let _ = core
        .behind(Operation::Announce, None, async |mut connection| {
            redis::cmd("PUBLISH").arg(&core.names.ticks_channel).arg(&message).query_async::<i64>(&mut connection).await
        })
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_back_and_nothing_else_is() {
        let tick = Tick { digest: Digest::from_bytes([7; 16]), at_ms: 1_795_424_400_000 };
        let message = tick.write();
        assert_eq!(Tick::heard(&message), Some(tick));
        for wrong in [&b""[..], b"\x01", &message[..24], &[&message[..], b"x"].concat(), &[&b"\x02"[..], &message[1..]].concat()] {
            assert_eq!(Tick::heard(wrong), None);
        }
    }
}
