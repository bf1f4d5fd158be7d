//! The id of an event: a tick of which the client has everything, and of which queries. Every replica can read it.

use std::fmt;

use super::question::Wanted;

/// What `Last-Event-ID` brings back. Written `1795424400000-1f2e3d4c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    /// The tick, in milliseconds since 1970.
    pub complete_ms: i64,
    /// Of the stream's queries: the answer to others is not resumed.
    pub fingerprint: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.complete_ms, self.fingerprint)
    }
}

impl EventId {
    /// None for anything that was not written here.
    pub fn read(text: &str) -> Option<EventId> {
        let (ms, fingerprint) = text.trim().split_once('-')?;
        let digits = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        if !digits(ms, 10) || !digits(fingerprint, 16) || fingerprint.len() != 8 {
            return None;
        }
        Some(EventId { complete_ms: ms.parse().ok()?, fingerprint: u32::from_str_radix(fingerprint, 16).ok()? })
    }
}

/// Equal for the same queries under the same names, on every replica.
pub(super) fn fingerprint(queries: &[Wanted]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for query in queries {
        for field in [query.id.as_bytes(), query.key.as_bytes()] {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        hasher.update(&query.window_ms.to_le_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else_is() {
        let id = EventId { complete_ms: 1_795_424_400_000, fingerprint: 0x1f };
        assert_eq!(id.to_string(), "1795424400000-0000001f");
        assert_eq!(EventId::read("1795424400000-0000001f"), Some(id));
        for wrong in ["", "-", "1795424400000", "1-1f", "x-0000001f", "1-0000001g", "+1-0000001f", "99999999999999999999-0000001f"] {
            assert_eq!(EventId::read(wrong), None, "{wrong}");
        }
    }
}
