//! `tracestate`: passed on as it came if it is valid and short, else dropped as a whole. We add nothing to it.

use std::sync::Arc;

use http::HeaderMap;

use super::trace_context::TRACESTATE;

/// The longest that is passed on, in characters.
const MAX_LENGTH: usize = 512;
/// The most members, by the specification.
const MAX_MEMBERS: usize = 32;

/// Joins the headers (several count as one, by the specification) and checks them.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut joined = String::new();
    for value in headers.get_all(TRACESTATE) {
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(value.to_str().ok()?);
        if joined.len() > MAX_LENGTH {
            return None;
        }
    }
    is_valid(&joined).then(|| joined.into())
}

/// At least one member, at most 32, no key twice, every key and value of the grammar.
fn is_valid(state: &str) -> bool {
    let mut keys: Vec<&str> = Vec::new();
    for member in state.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()) {
        let Some((key, value)) = member.split_once('=') else { return false };
        if !is_key(key) || !is_value(value) || keys.contains(&key) || keys.len() == MAX_MEMBERS {
            return false;
        }
        keys.push(key);
    }
    !keys.is_empty()
}

/// Level 2: begins with a lower-case letter or a digit, then those and `_ - * / @`, at most 256.
fn is_key(key: &str) -> bool {
    let lower_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= 256
        && key.as_bytes().first().is_some_and(lower_or_digit)
        && key.bytes().all(|byte| lower_or_digit(&byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@'))
}

/// 1 to 256 printable ASCII characters without `,` and `=`, no blank at the end.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && value.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=')
        && !value.ends_with(' ')
}
