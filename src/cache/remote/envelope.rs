//! How a value stands in Redis, and what is checked before it is believed.
//!
//! | bytes | |
//! |---|---|
//! | 3 | `HCT` |
//! | 1 | version of this layout |
//! | 4 | CRC-32 of everything else |
//! | 8 | when it was written, ms since 1970, by the writer's clock |
//! | 8 | the part |
//! | 4 | length of the key |
//! | … | the key |
//! | … | the payload |
//!
//! Numbers are little-endian.

use bytes::Bytes;

use crate::cache::Key;

const MAGIC: &[u8; 3] = b"HCT";
const VERSION: u8 = 1;
const HEADER: usize = 28;

/// Longest payload, in bytes. Longer ones are not written, and not read.
pub(super) const MAX_PAYLOAD: usize = 8 << 20;
/// Longest key, in bytes.
pub(super) const MAX_KEY: usize = 256 << 10;
/// Longest value that is read, in bytes.
pub(super) const MAX_VALUE: usize = HEADER + MAX_KEY + MAX_PAYLOAD;

/// A value that was read and believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What was written.
    pub bytes: Bytes,
    /// When, in ms since 1970, by the clock of the replica that wrote it.
    pub written_at_ms: i64,
}

/// Why a value is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Not ours, or cut.
    Foreign,
    /// Of a version that has another layout.
    Version,
    /// Changed since it was written.
    Checksum,
    /// The answer to another question that has the same name.
    Key,
    /// Longer than what is read.
    Oversize,
}

impl Rejected {
    pub(super) const ALL: [Rejected; 5] = [Rejected::Foreign, Rejected::Version, Rejected::Checksum, Rejected::Key, Rejected::Oversize];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Rejected::Foreign => "foreign",
            Rejected::Version => "version",
            Rejected::Checksum => "checksum",
            Rejected::Key => "key",
            Rejected::Oversize => "oversize",
        }
    }
}

/// The value to write; `None` when it would be too long to be read again.
pub(super) fn seal(key: &Key, part: i64, written_at_ms: i64, payload: &[u8]) -> Option<Vec<u8>> {
    let key = key.as_bytes();
    if payload.len() > MAX_PAYLOAD || key.len() > MAX_KEY {
        return None;
    }
    let mut value = Vec::with_capacity(HEADER + key.len() + payload.len());
    value.extend_from_slice(MAGIC);
    value.push(VERSION);
    value.extend_from_slice(&[0; 4]);
    value.extend_from_slice(&written_at_ms.to_le_bytes());
    value.extend_from_slice(&part.to_le_bytes());
    value.extend_from_slice(&(key.len() as u32).to_le_bytes());
    value.extend_from_slice(key);
    value.extend_from_slice(payload);
    let checksum = checksum(&value).to_le_bytes();
    value[4..8].copy_from_slice(&checksum);
    Some(value)
}

/// The payload, when everything fits; it shares the memory of the value.
pub(super) fn open(key: &Key, part: i64, value: Vec<u8>) -> Result<Stored, Rejected> {
    if value.len() < HEADER || value[..3] != *MAGIC {
        return Err(Rejected::Foreign);
    }
    if value[3] != VERSION {
        return Err(Rejected::Version);
    }
    if value[4..8] != checksum(&value).to_le_bytes() {
        return Err(Rejected::Checksum);
    }
    let number = |at: usize| value[at..at + 8].try_into().map(i64::from_le_bytes).unwrap_or_default();
    let key_length = value[24..HEADER].try_into().map(u32::from_le_bytes).unwrap_or_default() as usize;
    let (written_at_ms, stored_part) = (number(8), number(16));
    let is_ours = value.get(HEADER..HEADER + key_length) == Some(key.as_bytes());
    if !is_ours || stored_part != part {
        return Err(Rejected::Key);
    }
    Ok(Stored { bytes: Bytes::from(value).slice(HEADER + key_length..), written_at_ms })
}

fn checksum(value: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&value[..4]);
    crc.update(&value[8..]);
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::KeyBuilder;

    fn key(text: &str) -> Key {
        KeyBuilder::new("test").text(text).finish()
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let value = seal(&key("up"), 7, 1_700_000_000_123, b"payload").unwrap();
        let stored = open(&key("up"), 7, value.clone()).unwrap();
        assert_eq!((stored.bytes.as_ref(), stored.written_at_ms), (&b"payload"[..], 1_700_000_000_123));
        assert_eq!(open(&key("down"), 7, value.clone()), Err(Rejected::Key));
        assert_eq!(open(&key("up"), 8, value), Err(Rejected::Key));
        assert_eq!(open(&key("up"), 7, seal(&key("up"), 7, 0, b"").unwrap()).unwrap().bytes.len(), 0);
    }

    #[test]
    fn what_is_too_long_is_not_sealed() {
        assert!(seal(&key("up"), 0, 0, &vec![0; MAX_PAYLOAD]).is_some_and(|value| value.len() <= MAX_VALUE));
        assert_eq!(seal(&key("up"), 0, 0, &vec![0; MAX_PAYLOAD + 1]), None);
        assert_eq!(seal(&key(&"x".repeat(MAX_KEY)), 0, 0, b""), None);
    }

    #[test]
    fn other_versions_and_other_things() {
        let mut other = seal(&key("up"), 0, 0, b"payload").unwrap();
        other[3] += 1;
        assert_eq!(open(&key("up"), 0, other), Err(Rejected::Version));
        for foreign in [&b""[..], b"x", b"<html>this is something else altogether</html>", &[0; 4096]] {
            assert_eq!(open(&key("up"), 0, foreign.to_vec()), Err(Rejected::Foreign));
        }
    }

    #[test]
    fn a_length_of_the_key_that_lies_is_noticed() {
        for length in [0, 1, u32::MAX] {
            let mut value = seal(&key("up"), 0, 0, b"payload").unwrap();
            value[24..28].copy_from_slice(&length.to_le_bytes());
            let sum = checksum(&value).to_le_bytes();
            value[4..8].copy_from_slice(&sum);
            assert_eq!(open(&key("up"), 0, value), Err(Rejected::Key));
        }
    }

    proptest! {
        #[test]
        fn every_changed_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut value = seal(&key("up"), 3, 5, &payload).unwrap();
            let at = at.index(value.len());
            value[at] ^= 1 << bit;
            prop_assert!(open(&key("up"), 3, value).is_err());
        }

        #[test]
        fn every_cut_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
            let mut value = seal(&key("up"), 3, 5, &payload).unwrap();
            value.truncate(at.index(value.len()));
            prop_assert!(open(&key("up"), 3, value).is_err());
        }

        #[test]
        fn nothing_panics(value in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = open(&key("up"), 0, value);
        }
    }
}
