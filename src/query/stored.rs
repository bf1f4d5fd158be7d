//! A whole answer as it is kept, and its form for Redis.

use std::time::Duration;

use bytes::Bytes;

use super::ask::Whole;
use super::whole::Life;

/// Shorter bodies are stored as they are.
const WORTH_COMPRESSING: usize = 1024;
/// Another replica's clock may be this far ahead.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// Version and flags; status; as-of; until; length of the content type; length of the body.
const HEAD: usize = 2 + 2 + 8 + 8 + 2 + 8;
const VERSION: u8 = 1;
const ZSTD: u8 = 1;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Bytes,
    /// When the upstream was asked, in milliseconds since 1970.
    as_of_ms: i64,
    /// Not used from this time on, in milliseconds since 1970.
    until_ms: i64,
}

impl Stored {
    pub(super) fn new(whole: Whole, life: Life) -> Stored {
        let Whole { status, content_type, body, as_of_ms, .. } = whole;
        Stored { status, content_type, body, as_of_ms, until_ms: as_of_ms.saturating_add(life.ms(as_of_ms)) }
    }

    /// Whether it may be given again. A clock that was put back makes it unusable, not immortal.
    pub(super) fn is_usable(&self, now_ms: i64) -> bool {
        now_ms < self.until_ms && now_ms >= self.as_of_ms.saturating_sub(CLOCK_TOLERANCE_MS)
    }

    /// How long it is worth keeping.
    pub(super) fn life(&self) -> Duration {
        Duration::from_millis((self.until_ms - self.as_of_ms).max(1).unsigned_abs())
    }

    pub(super) fn encode(&self) -> Bytes {
        let packed = if self.body.len() >= WORTH_COMPRESSING { zstd::bulk::compress(&self.body, 1).ok() } else { None };
        let content_type = self.content_type.as_bytes();
        let kept = packed.as_deref().unwrap_or(&self.body);
        let mut out = Vec::with_capacity(HEAD + content_type.len() + kept.len());
        out.extend([VERSION, if packed.is_some() { ZSTD } else { 0 }]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&self.as_of_ms.to_le_bytes());
        out.extend_from_slice(&self.until_ms.to_le_bytes());
        out.extend_from_slice(&u16::try_from(content_type.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&(self.body.len() as u64).to_le_bytes());
        out.extend_from_slice(content_type);
        out.extend_from_slice(kept);
        out.into()
    }

    /// What [`Stored::encode`] wrote; None for anything else and for bodies over `limit_bytes`.
    pub(super) fn decode(bytes: &[u8], limit_bytes: u64) -> Option<Stored> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let [version, flags, s0, s1, head @ ..] = head else { return None };
        let (as_of, head) = head.split_first_chunk::<8>()?;
        let (until, head) = head.split_first_chunk::<8>()?;
        let (content_type, head) = head.split_first_chunk::<2>()?;
        let length = u64::from_le_bytes(head.try_into().ok()?);
        if *version != VERSION || length > limit_bytes {
            return None;
        }
        let (content_type, kept) = rest.split_at_checked(usize::from(u16::from_le_bytes(*content_type)))?;
        let length = usize::try_from(length).ok()?;
        let body = match *flags {
            0 => Bytes::copy_from_slice(kept),
            // Nothing shrinks to less than a thousandth in our hands; a hostile length allocates no more than that.
            ZSTD if length / 1024 <= kept.len() => zstd::bulk::decompress(kept, length).ok()?.into(),
            _ => return None,
        };
        (body.len() == length).then_some(())?;
        let content_type = String::from_utf8(content_type.to_vec()).ok()?;
        let status = u16::from_le_bytes([*s0, *s1]);
        Some(Stored { status, content_type, body, as_of_ms: i64::from_le_bytes(*as_of), until_ms: i64::from_le_bytes(*until) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(body: Vec<u8>) -> Stored {
        Stored { status: 200, content_type: "application/json".into(), body: body.into(), as_of_ms: 1_000_000, until_ms: 1_015_000 }
    }

    #[test]
    fn used_for_its_time_and_not_when_the_clock_was_put_back() {
        let stored = stored(vec![]);
        for (now, usable) in [(1_000_000, true), (1_014_999, true), (1_015_000, false), (996_000, true), (900_000, false)] {
            assert_eq!(stored.is_usable(now), usable, "{now}");
        }
        assert_eq!(stored.life(), Duration::from_secs(15));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(body in proptest::collection::vec(any::<u8>(), 0..5000), repeat in 1usize..20) {
            let stored = stored(body.repeat(repeat));
            let bytes = stored.encode();
            prop_assert_eq!(Stored::decode(&bytes, 1 << 20), Some(stored.clone()));
            if !stored.body.is_empty() {
                prop_assert_eq!(Stored::decode(&bytes, stored.body.len() as u64 - 1), None);
            }
            for cut in [0, 1, HEAD - 1, bytes.len() - 1] {
                if cut < bytes.len() && !(cut == bytes.len() - 1 && stored.body.is_empty()) {
                    prop_assert!(Stored::decode(&bytes[..cut], 1 << 20).is_none_or(|found| found != stored));
                }
            }
        }

        #[test]
        fn anything_else_is_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stored::decode(&bytes, 1 << 20);
        }
    }
}
