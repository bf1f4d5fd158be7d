//! Text of users is shortened before it is logged: a line has a bound whatever is sent to us.

use std::borrow::Cow;

/// At most `limit` bytes of `text`, cut between characters, with `…` at the end if something is missing.
pub(super) fn bounded(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(limit)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        for (text, limit, expected) in [("abc", 3, "abc"), ("abcd", 3, "abc…"), ("aéb", 2, "a…"), ("", 0, ""), ("é", 0, "…")] {
            assert_eq!(bounded(text, limit), expected);
        }
    }
}
