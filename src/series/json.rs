//! The few JSON shapes that an answer is made of. Each function reads what a text starts with and says how long that is.

/// Floats longer than any that Prometheus prints are refused.
const LONGEST_FLOAT: usize = 40;

/// The bytes of Prometheus' floats: decimal, with exponent, `NaN`, `+Inf`, `-Inf`.
const FLOAT_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"0123456789+-.eENaInf";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// `"83900"`.
#[inline]
pub(super) fn float(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"\"")?;
    let len = inner.iter().position(|b| !FLOAT_BYTE[usize::from(*b)])?;
    ((1..=LONGEST_FLOAT).contains(&len) && inner[len] == b'"').then_some(len + 2)
}

/// `{"count":"2","sum":"1","buckets":[[0,"0.1","0.2","2"]]}`; the buckets may be missing.
pub(super) fn histogram(text: &[u8]) -> Option<usize> {
    let mut rest = Rest(text);
    rest.pass(br#"{"count":"#)?.pass_float()?.pass(br#","sum":"#)?.pass_float()?;
    if rest.pass(br#","buckets":["#).is_some() {
        loop {
            rest.pass(b"[")?.pass_bounds()?;
            for _ in 0..3 {
                rest.pass(b",")?.pass_float()?;
            }
            rest.pass(b"]")?;
            if rest.pass(b",").is_none() {
                break;
            }
        }
        rest.pass(b"]")?;
    }
    rest.pass(b"}")?;
    Some(text.len() - rest.0.len())
}

/// `{"__name__":"up","job":"a"}`, strings only. Escapes and order are not looked at here.
pub(super) fn flat_object(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    match text {
        [b'{', b'}', ..] => return Some(2),
        [b'{', ..] => {}
        _ => return None,
    }
    loop {
        at += string(text.get(at..)?)?;
        if *text.get(at)? != b':' {
            return None;
        }
        at += 1;
        at += string(text.get(at..)?)?;
        match *text.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// A string with its quotes. What is between them is not looked at here.
#[inline]
pub(super) fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    if *text.first()? != b'"' {
        return None;
    }
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Reads one string, gives its unescaped bytes piece by piece, and returns what follows it; none if it is no valid JSON string.
pub(super) fn unescape(text: &[u8], mut piece: impl FnMut(&[u8])) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let end = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
        piece(&rest[..end]);
        match rest[end] {
            b'"' => return Some(&rest[end + 1..]),
            b'\\' => {}
            _ => return None,
        }
        let plain = match rest.get(end + 1)? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let (c, used) = unicode(&rest[end..])?;
                piece(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end + used..];
                continue;
            }
            &c @ (b'"' | b'\\' | b'/') => c,
            _ => return None,
        };
        piece(&[plain]);
        rest = &rest[end + 2..];
    }
}

/// `\u0041`, or a surrogate pair of them, and how long that is.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |n, d| Some(n * 16 + (*d as char).to_digit(16)?))
    };
    let first = unit(0)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = unit(6)?;
    let low = second.checked_sub(0xdc00).filter(|l| *l < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?, 12))
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn pass(&mut self, text: &[u8]) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(text)?;
        Some(self)
    }

    fn pass_float(&mut self) -> Option<&mut Self> {
        self.0 = &self.0[float(self.0)?..];
        Some(self)
    }

    /// Which ends of a bucket belong to it: 0 to 3.
    fn pass_bounds(&mut self) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (b'0'..=b'3').contains(first).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: fn(&[u8]) -> Option<usize>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(read(format!("{text}]").as_bytes()), Some(text.len()), "{text}");
        }
        for text in bad {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn floats() {
        let long = format!("\"{}\"", "1".repeat(41));
        let good = [r#""0""#, r#""-1.5e-07""#, r#""NaN""#, r#""+Inf""#];
        check(float, &good, &["1", r#""""#, r#""1"#, r#""1,2""#, r#""a b""#, r#""1\"""#, &long]);
    }

    #[test]
    fn histograms() {
        let good = [
            r#"{"count":"2","sum":"1"}"#,
            r#"{"count":"2","sum":"1","buckets":[[0,"0.1","0.2","2"]]}"#,
            r#"{"count":"2","sum":"NaN","buckets":[[3,"-1","1","1"],[0,"1","2","1"]]}"#,
        ];
        let bad = [
            "{}",
            r#"{"count":"2"}"#,
            r#"{"count":2,"sum":"1"}"#,
            r#"{"sum":"1","count":"2"}"#,
            r#"{"count":"2","sum":"1","buckets":[]}"#,
            r#"{"count":"2","sum":"1","buckets":[[4,"0.1","0.2","2"]]}"#,
            r#"{"count":"2","sum":"1","buckets":[[0,"0.1","0.2"]]}"#,
            r#"{"count":"2","sum":"1","buckets":[[0,"0.1","0.2","2"],]}"#,
            r#"{"count":"2","sum":"1","x":"1"}"#,
            r#"{"count":"2","sum":"1""#,
        ];
        check(histogram, &good, &bad);
    }

    #[test]
    fn label_sets() {
        check(
            flat_object,
            &["{}", r#"{"a":"b"}"#, r#"{"a":"}\"{","b":"\\"}"#],
            &["[]", "{", r#"{"a"}"#, r#"{"a":1}"#, r#"{"a":"b",}"#, r#"{"a":"b""#, r#"{"a":{"b":"c"}}"#, r#"{"a":"b\"}"#],
        );
    }

    #[test]
    fn strings_are_unescaped() {
        let read = |text: &str| {
            let mut out = vec![];
            unescape(text.as_bytes(), |piece| out.extend_from_slice(piece)).map(|rest| (String::from_utf8(out).unwrap(), rest.len()))
        };
        assert_eq!(read(r#""a\n\"\\\/\u00e9\ud83d\ude00b"x"#), Some(("a\n\"\\/é😀b".to_owned(), 1)));
        for bad in [r#""a"#, r#""\x""#, r#""\ud800""#, r#""\ud800\u0041""#, r#""\u00g0""#, "\"\n\"", r#""\"#, "a"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
