//! Where the next page of a list begins: the keys of the last entry, so that what comes and goes meanwhile moves nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Sort, StoreError};

/// The keys of the last entry of a page, in the order of the list's own sorting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Cursor(pub(super) String, pub(super) bool, pub(super) Vec<Key>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Key {
    Number(i64),
    Text(String),
}

impl Cursor {
    pub(super) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor of a list that is sorted like this one.
    pub(super) fn read(text: &str, sort: Sort, descending: bool) -> Result<Cursor, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::BadCursor)?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| StoreError::BadCursor)?;
        let fits = cursor.0 == sort.as_str()
            && cursor.1 == descending
            && cursor.2.len() == sort.columns().len()
            && cursor.2.iter().zip(sort.columns()).all(|(key, (_, is_number))| matches!(key, Key::Number(_)) == *is_number);
        if fits { Ok(cursor) } else { Err(StoreError::BadCursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_fits_its_own_list_only() {
        let cursor = Cursor("updated".into(), true, vec![Key::Number(7), Key::Text("ä".into())]);
        let text = cursor.write();
        assert_eq!(Cursor::read(&text, Sort::Updated, true).unwrap(), cursor);
        for (text, sort, descending) in [
            (text.as_str(), Sort::Updated, false),
            (&text, Sort::Created, true),
            ("", Sort::Updated, true),
            ("!", Sort::Updated, true),
            ("e30", Sort::Updated, true),
        ] {
            assert!(matches!(Cursor::read(text, sort, descending), Err(StoreError::BadCursor)), "{text}");
        }
        let wrong = Cursor("updated".into(), true, vec![Key::Text("7".into()), Key::Text("x".into())]).write();
        assert!(Cursor::read(&wrong, Sort::Updated, true).is_err(), "a text where a number belongs");
    }
}
