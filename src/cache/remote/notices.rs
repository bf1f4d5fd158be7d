//! Small messages that every replica has to hear, also one that starts, or loses its connection, at that moment.

use std::time::Duration;

use bytes::Bytes;

use super::core::{Core, Failure};
use super::error::NoticeError;
use super::metrics::Operation;

/// Longest notice, in bytes.
pub(super) const MAX_NOTICE: usize = 4096;
/// Notices that are kept for those who come later; the oldest go first.
const KEPT: usize = 1000;

/// A notice and when it was posted, in ms since 1970, by Redis' clock.
pub(super) type Notice = (i64, Bytes);

/// Publishes a notice and keeps it for latecomers.
pub(super) async fn post(core: &Core, notice: Bytes, keep: Duration) -> Result<(), NoticeError> {
    if notice.len() > MAX_NOTICE {
        return Err(NoticeError::TooLong(notice.len()));
    }
    let keys = [core.names.board.clone()];
    let keep_ms = super::millis(keep).to_string();
    let kept = KEPT.to_string();
    let arguments = [notice.as_ref(), keep_ms.as_bytes(), kept.as_bytes(), core.names.notices_channel.as_bytes()];
    // Not through the breaker: it is rare, and must not be lost because writes of values failed a moment ago.
    let posted = core
        .behind(Operation::Notice, None, async |mut connection| core.scripts.post.run::<String>(&mut connection, &keys, &arguments).await);
    match posted.await {
        Ok(_) => Ok(()),
        Err(Failure::Away | Failure::Open) => Err(NoticeError::Away),
        Err(Failure::Timeout) => Err(NoticeError::Timeout),
        Err(Failure::Refused) => Err(NoticeError::Refused),
    }
}

/// Tells what still stands on the board, as soon as Redis gives it.
pub(super) async fn replay(core: &Core) {
    let keys = [core.names.board.clone()];
    let kept = [KEPT.to_string()];
    loop {
        let read = core.behind(Operation::Notice, None, async |mut connection| {
            core.scripts.board.run::<Vec<Vec<u8>>>(&mut connection, &keys, &kept).await
        });
        if let Ok(standing) = read.await {
            for pair in standing.chunks_exact(2) {
                if let Some(time) = time(&pair[0]) {
                    core.tell((time, Bytes::copy_from_slice(&pair[1])));
                }
            }
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Reads `time:notice` as it is published; `None` for anything else.
pub(super) fn heard(payload: &[u8]) -> Option<Notice> {
    let colon = payload.iter().position(|byte| *byte == b':')?;
    let notice = &payload[colon + 1..];
    (notice.len() <= MAX_NOTICE).then_some((time(&payload[..colon])?, Bytes::copy_from_slice(notice)))
}

fn time(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heard() {
        assert_eq!(heard(b"1700000000123:drop: everything\0"), Some((1_700_000_000_123, Bytes::from_static(b"drop: everything\0"))));
        assert_eq!(heard(b"1:"), Some((1, Bytes::new())));
        for wrong in [&b""[..], b"no time", b":x", b"x:y", b"99999999999999999999:x"] {
            assert_eq!(heard(wrong), None);
        }
        assert_eq!(heard(&[&b"1:"[..], &vec![b'x'; MAX_NOTICE + 1]].concat()), None);
    }
}
