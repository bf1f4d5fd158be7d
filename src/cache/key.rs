//! What an entry is the answer to, as bytes.
//!
//! Every field stands behind its kind and its length, so that no two lists of fields give the same bytes: a separator could
//! stand inside a field, a length cannot lie.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The first byte of every key. To be raised when the same question would have another answer than before.
const FORMAT: u8 = 1;

/// Most keys are not longer, and so are put together without moving.
const USUAL_BYTES: usize = 384;

const TEXT: u8 = b't';
const BYTES: u8 = b'b';
const NUMBER: u8 = b'n';
const NOTHING: u8 = b'0';

/// A whole question: equal only when every byte is. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<[u8]>);

/// 128 bits of a key's SHA-256, for names in Redis. The whole key stands in the value and decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub(super) [u8; 16]);

impl Digest {
    /// As it travels.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// As it came.
    pub fn from_bytes(bytes: [u8; 16]) -> Digest {
        Digest(bytes)
    }
}

/// Puts a key together, field by field, always in the same order.
#[derive(Debug)]
pub struct KeyBuilder(Vec<u8>);

impl KeyBuilder {
    /// Begins a key; `kind` says what kind of question it is.
    pub fn new(kind: &'static str) -> KeyBuilder {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.push(FORMAT);
        KeyBuilder(bytes).text(kind)
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, value: &[u8]) -> KeyBuilder {
        self.field(BYTES, value)
    }

    /// Adds text, which differs from the same bytes.
    #[must_use]
    pub fn text(self, value: &str) -> KeyBuilder {
        self.field(TEXT, value.as_bytes())
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, value: i64) -> KeyBuilder {
        self.0.push(NUMBER);
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a number that may be missing, which differs from every number.
    #[must_use]
    pub fn optional(mut self, value: Option<i64>) -> KeyBuilder {
        match value {
            Some(value) => self.number(value),
            None => {
                self.0.push(NOTHING);
                self
            }
        }
    }

    /// The key.
    pub fn finish(self) -> Key {
        Key(self.0.into())
    }

    fn field(mut self, kind: u8, value: &[u8]) -> KeyBuilder {
        self.0.push(kind);
        self.0.extend_from_slice(&(value.len() as u64).to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }
}

impl Key {
    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For names in Redis only: two keys may share one.
    pub fn digest(&self) -> Digest {
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(&self.0)[..16]);
        Digest(digest)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.digest())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Field {
        Bytes(Vec<u8>),
        Text(String),
        Number(i64),
        Optional(Option<i64>),
    }

    fn build(fields: &[Field]) -> Key {
        let add = |key: KeyBuilder, field: &Field| match field {
            Field::Bytes(value) => key.bytes(value),
            Field::Text(value) => key.text(value),
            Field::Number(value) => key.number(*value),
            Field::Optional(value) => key.optional(*value),
        };
        fields.iter().fold(KeyBuilder::new("range"), add).finish()
    }

    /// A number that is there is the same field, whether it could have been missing or not.
    fn meaning(fields: &[Field]) -> Vec<Field> {
        let plain = |field: &Field| match field {
            Field::Optional(Some(value)) => Field::Number(*value),
            other => other.clone(),
        };
        fields.iter().map(plain).collect()
    }

    fn field() -> impl Strategy<Value = Field> {
        // Few and nasty letters, so that different lists often have the same text when they are written one after the other.
        prop_oneof![
            prop::collection::vec(prop_oneof![Just(TEXT), Just(BYTES), Just(NUMBER), Just(NOTHING), Just(0), Just(1)], 0..12)
                .prop_map(Field::Bytes),
            "[tbn0\u{0}\u{1}]{0,12}".prop_map(Field::Text),
            prop_oneof![Just(0), Just(1), Just(-1), any::<i64>()].prop_map(Field::Number),
            prop_oneof![Just(None), Just(Some(0)), any::<i64>().prop_map(Some)].prop_map(Field::Optional),
        ]
    }

    /// Reads the fields back: when that is possible for every key, no two lists can share one.
    fn read(mut bytes: &[u8]) -> Option<Vec<Field>> {
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at_checked(count)?;
            bytes = rest;
            Some(taken.to_vec())
        };
        take(1)?;
        let mut fields = Vec::new();
        while let Some(kind) = take(1) {
            fields.push(match kind[0] {
                NUMBER => Field::Number(i64::from_be_bytes(take(8)?.try_into().ok()?)),
                NOTHING => Field::Optional(None),
                kind => {
                    let length = u64::from_be_bytes(take(8)?.try_into().ok()?);
                    let value = take(usize::try_from(length).ok()?)?;
                    if kind == TEXT { Field::Text(String::from_utf8(value).ok()?) } else { Field::Bytes(value) }
                }
            });
        }
        Some(fields)
    }

    proptest! {
        #[test]
        fn different_fields_give_different_bytes(one in prop::collection::vec(field(), 0..6), other in prop::collection::vec(field(), 0..6)) {
            prop_assert_eq!(build(&one) == build(&other), meaning(&one) == meaning(&other));
        }

        #[test]
        fn every_key_can_be_read_back(fields in prop::collection::vec(field(), 0..6)) {
            let read = read(build(&fields).as_bytes()).unwrap();
            prop_assert_eq!(&read[0], &Field::Text("range".to_owned()));
            prop_assert_eq!(read[1..].to_vec(), meaning(&fields));
        }
    }

    #[test]
    fn the_digest_is_the_beginning_of_a_sha_256() {
        let key = KeyBuilder::new("range").text("up").number(15).optional(None).finish();
        assert_eq!(key.as_bytes()[0], FORMAT);
        let hex: String = Sha256::digest(key.as_bytes())[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key.digest().to_string(), hex);
        assert!(key.digest() != KeyBuilder::new("range").text("up").number(16).optional(None).finish().digest());
    }
}
