//! Entity tags: a client that has an answer already need not get it again.

use http::HeaderValue;

use crate::query::Form;

/// A strong tag: the content's fingerprint and its encoding, as other encodings are other bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntityTag(HeaderValue);

impl EntityTag {
    /// The tag with its quotes.
    pub(super) fn of(fingerprint: u64, encoding: Form) -> EntityTag {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"\"................-x\"";
        for (at, place) in text[1..17].iter_mut().enumerate() {
            *place = DIGITS[(fingerprint >> (60 - 4 * at)) as usize & 0xf];
        }
        text[18] = match encoding {
            Form::Plain => b'p',
            Form::Gzip => b'g',
        };
        // Digits, a dash, a letter and quotes: always a value.
        EntityTag(HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("\"\"")))
    }

    /// Whether it stands in an `If-None-Match`: as it is, marked as weak (by something in between that compressed), or as `*`.
    pub(super) fn is_in(&self, list: &HeaderValue) -> bool {
        let own = self.0.as_bytes();
        list.as_bytes()
            .split(|&b| b == b',')
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == own)
    }
}

impl From<EntityTag> for HeaderValue {
    fn from(tag: EntityTag) -> HeaderValue {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_contents_and_encodings_apart() {
        let text = |fingerprint, encoding| EntityTag::of(fingerprint, encoding).0.to_str().unwrap().to_owned();
        assert_eq!(text(0x0123_4567_89ab_cdef, Form::Plain), "\"0123456789abcdef-p\"");
        assert_eq!(text(0, Form::Gzip), "\"0000000000000000-g\"");
    }

    #[test]
    fn lists_are_read() {
        let tag = EntityTag::of(1, Form::Gzip);
        for (list, is_in) in [
            ("\"0000000000000001-g\"", true),
            ("W/\"0000000000000001-g\"", true),
            ("\"x\" , \"0000000000000001-g\"", true),
            ("*", true),
            ("\"0000000000000001-p\"", false),
            ("0000000000000001-g", false),
            ("", false),
            ("w/\"0000000000000001-g\"", false),
        ] {
            assert_eq!(tag.is_in(&HeaderValue::from_static(list)), is_in, "{list}");
        }
    }
}
