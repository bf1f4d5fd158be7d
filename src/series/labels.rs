//! The order of label sets: a key whose byte order is the order in which Prometheus sorts series.
//!
//! Prometheus sorts a matrix with `labels.Compare`: pair by pair (labels are sorted by name), name before value, each by its
//! bytes; when one set is a prefix of the other, the shorter comes first. The key is every unescaped string with a zero after
//! it, its bytes raised by one so that zero is free. UTF-8 has no byte 0xff, so nothing overflows, and a prefix sorts first.

use super::json;

/// Appends the sort key of a flat JSON object of strings; none if it is not one, or its names are not ascending.
pub(super) fn sort_key(object: &[u8], key: &mut Vec<u8>) -> Option<()> {
    std::str::from_utf8(object).ok()?;
    let mut rest = object.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let mut previous = 0..0;
    while !rest.is_empty() {
        if !previous.is_empty() {
            rest = rest.strip_prefix(b",")?;
        }
        let from = key.len();
        rest = string(rest, key)?.strip_prefix(b":")?;
        let name = from..key.len();
        if !previous.is_empty() && key[previous.clone()] >= key[name.clone()] {
            return None;
        }
        previous = name;
        rest = string(rest, key)?;
    }
    Some(())
}

/// Appends one string, raised by one and ended by zero, and returns what follows it.
fn string<'a>(text: &'a [u8], key: &mut Vec<u8>) -> Option<&'a [u8]> {
    let rest = json::unescape(text, |piece| key.extend(piece.iter().map(|b| b.wrapping_add(1))))?;
    key.push(0);
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> Vec<u8> {
        let mut key = vec![];
        sort_key(json.as_bytes(), &mut key).unwrap();
        key
    }

    #[test]
    fn sorts_like_labels_compare() {
        // Texts alone would sort otherwise: `"a_"` < `"a"`? (0x5f > 0x22), `1","` against `10`, escapes, a shorter set.
        let sorted = [
            r#"{}"#,
            r#"{"A":"z"}"#,
            r#"{"a":"z"}"#,
            r#"{"a":"z","b":"1"}"#,
            r#"{"a":"z","b":"1","c":"0"}"#,
            r#"{"a":"z","b":"1 "}"#,
            r#"{"a":"z\u0000"}"#,
            r#"{"a":"z\n"}"#,
            r#"{"a":"z!"}"#,
            r#"{"a":"z\u003c"}"#,
            r#"{"a":"z\\"}"#,
            r#"{"a_":"z"}"#,
            r#"{"ab":"z"}"#,
            r#"{"b":"é"}"#,
            r#"{"b":"\u2028"}"#,
            "{\"b\":\"\u{ffff}\"}",
            r#"{"b":"😀"}"#,
        ];
        for pair in sorted.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} must come before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn rejects_what_is_not_a_label_set() {
        let bad = [
            r#"{"a":1}"#,
            r#"{"a":"b",}"#,
            r#"{"b":"1","a":"1"}"#,
            r#"{"a":"1","a":"1"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\x"}"#,
            r#"["a"]"#,
            "{",
            r#"{"a":"b}"#,
            r#"{,"a":"b"}"#,
        ];
        for bad in bad {
            assert!(sort_key(bad.as_bytes(), &mut vec![]).is_none(), "{bad}");
        }
        assert!(sort_key(b"{\"a\":\"\xff\"}", &mut vec![]).is_none());
    }
}
