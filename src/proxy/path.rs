//! The one strict path normaliser: what passes means the same to everybody who looks at it later.

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Only `/…` can be asked for.
    #[error("the request target has to start with a single '/'")]
    NotAbsolute,
    /// `//` means different things to different servers.
    #[error("the path has an empty segment ('//')")]
    EmptySegment,
    /// `/./`, `/../`, also spelled with `%2e`.
    #[error("the path has a '.' or '..' segment")]
    DotSegment,
    /// `%2F` and `%5C` hide a separator; a backslash is one to some servers.
    #[error("the path has an encoded or reversed slash")]
    HiddenSlash,
    /// `/api/v1/query/` is not `/api/v1/query`.
    #[error("the path ends in a slash")]
    TrailingSlash,
    /// `%` has to be followed by two hexadecimal digits.
    #[error("the path has a broken percent escape")]
    BrokenEscape,
    /// Control characters, NUL and DEL among them.
    #[error("the path has a control character")]
    Control,
    /// Escapes have to spell UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// `;x=y` path parameters are dropped by some servers and kept by others.
    #[error("the path has a ';'")]
    Parameter,
}

/// Decodes and checks the path of a request target (without its query).
///
/// The result is the decoded text, with the same segments as the raw path.
///
/// # Errors
/// Everything that two servers could read differently.
pub fn normalise(raw: &str) -> Result<String, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    let decoded = decode(raw)?;
    if decoded.len() > 1 && decoded.ends_with('/') {
        return Err(if decoded.ends_with("//") { PathError::EmptySegment } else { PathError::TrailingSlash });
    }
    for segment in decoded.split('/').skip(1) {
        match segment {
            "" if decoded.len() > 1 => return Err(PathError::EmptySegment),
            "." | ".." => return Err(PathError::DotSegment),
            _ => {}
        }
    }
    Ok(decoded)
}

/// Whether a path is what [`normalise`] and [`encode`] would make of it, for sure: what nearly every request has.
pub(super) fn is_plain(raw: &str) -> bool {
    // Letters, digits and what needs no escape; each segment begins with a letter, a digit, '-' or '_'.
    let mut before = 0;
    for byte in raw.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {}
            b'.' | b':' if before != b'/' && before != 0 => {}
            b'/' if before != b'/' => {}
            _ => return false,
        }
        before = byte;
    }
    raw.starts_with('/') && (raw.len() == 1 || before != b'/')
}

/// The one spelling of a decoded path: only what may not stand in a path as it is gets escaped.
pub(super) fn encode(decoded: &str) -> String {
    const PATH: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'|')
        .add(b'^');
    percent_encoding::utf8_percent_encode(decoded, PATH).to_string()
}

fn decode(raw: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let (value, escaped) = match byte {
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(PathError::BrokenEscape);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                ((high * 16 + low) as u8, true)
            }
            plain => (plain, false),
        };
        match value {
            b'/' if escaped => return Err(PathError::HiddenSlash),
            b'\\' => return Err(PathError::HiddenSlash),
            b';' => return Err(PathError::Parameter),
            0..=0x1f | 0x7f => return Err(PathError::Control),
            _ => bytes.push(value),
        }
    }
    String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for (raw, decoded) in [
            ("/", "/"),
            ("/api/v1/query", "/api/v1/query"),
            ("/ns/team-a/api/v1/label/pod/values", "/ns/team-a/api/v1/label/pod/values"),
            ("/api/v1/label/U__a_2e_b/values", "/api/v1/label/U__a_2e_b/values"),
            ("/api/v1/label/caf%C3%A9/values", "/api/v1/label/café/values"),
            ("/api/v1/label/a..b/values", "/api/v1/label/a..b/values"),
            ("/%61pi/v1/query", "/api/v1/query"),
        ] {
            assert_eq!(normalise(raw), Ok(decoded.to_owned()), "{raw}");
        }
    }

    #[test]
    fn everything_that_can_be_read_two_ways_is_refused() {
        use PathError::*;
        for (raw, error) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("api/v1/query", NotAbsolute),
            ("//", EmptySegment),
            ("//api/v1/query", EmptySegment),
            ("/api//v1/query", EmptySegment),
            ("/api/v1/query//", EmptySegment),
            ("/api/v1/./query", DotSegment),
            ("/api/v1/x/../query", DotSegment),
            ("/api/v1/%2e%2E/query", DotSegment),
            ("/api/v1/.%2e/query", DotSegment),
            ("/api/v1/..", DotSegment),
            ("/api%2fv1/query", HiddenSlash),
            ("/api%5cv1/query", HiddenSlash),
            ("/api\\v1\\query", HiddenSlash),
            ("/api/v1/query/", TrailingSlash),
            ("/api/v1/query%", BrokenEscape),
            ("/api/v1/query%2", BrokenEscape),
            ("/api/v1/query%zz", BrokenEscape),
            ("/api/v1/query%00", Control),
            ("/api/v1/query%0d%0aHost:x", Control),
            ("/api/v1/query%7f", Control),
            ("/api/v1/%ff%fe", NotUtf8),
            ("/api/v1/%c0%ae%c0%ae/query", NotUtf8),
            ("/api/v1/query;x=y", Parameter),
            ("/api/v1/query%3bx", Parameter),
        ] {
            assert_eq!(normalise(raw), Err(error), "{raw}");
        }
    }

    #[test]
    fn the_usual_paths_are_plain() {
        for path in ["/", "/api/v1/query_range", "/ns/team-a/api/v1/label/pod/values", "/-/healthy", "/api/v1/label/a..b:c/values"] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["", "*", "a", "//", "/a//b", "/a/", "/.", "/a/..", "/a/.b", "/%61", "/a;b", "/a\\b", "/caf\u{e9}", "/a b", "/a?b"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_plain_path_is_its_own_spelling(raw in "[/a-z._:%0-9A-F;\\\\~ -]{0,12}") {
            if is_plain(&raw) {
                proptest::prop_assert_eq!(normalise(&raw).map(|path| encode(&path)), Ok(raw));
            }
        }

        /// No input panics, and what passes has no segment that could be walked or lost.
        #[test]
        fn what_passes_is_plain(raw in "/[a-z/.%0-9A-F;\\\\]{0,40}") {
            if let Ok(path) = normalise(&raw) {
                proptest::prop_assert!(path == "/" || path.split('/').skip(1).all(|s| !s.is_empty() && s != "." && s != ".."));
                proptest::prop_assert!(!path.contains('\\'));
                proptest::prop_assert_eq!(normalise(&encode(&path)), Ok(path));
            }
        }
    }
}
