//! Values of literals, by Go's rules (strconv, model.ParseDuration, strutil.Unquote).

const MAX_SECONDS: f64 = (1u64 << 63) as f64 / 1e9;

/// Does a count of seconds fit a 64-bit count of nanoseconds? NaN is for the caller to see.
pub(super) fn fits_duration(seconds: f64) -> bool {
    seconds.is_nan() || seconds.abs() <= MAX_SECONDS
}

/// Underscores stand between digits only; a `0x` counts as a digit.
fn underscores_ok(text: &str) -> bool {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let body = if hex { &text[2..] } else { text };
    let mut before = if hex { '0' } else { ' ' };
    for c in body.chars() {
        let digit = |c: char| c.is_ascii_digit() || (hex && c.is_ascii_hexdigit());
        if (c == '_' && !digit(before)) || (before == '_' && !digit(c)) {
            return false;
        }
        before = c;
    }
    before != '_'
}

/// A NUMBER token's value; None when Go could not read it (or it overflows).
pub(super) fn number(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "inf" => return Some(f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    if !underscores_ok(text) {
        return None;
    }
    let plain = text.replace('_', "");
    if let Some(hex) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    let octal = plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|b| b.is_ascii_digit());
    if let Some(n) = i64::from_str_radix(&plain, 8).ok().filter(|_| octal) {
        return Some(n as f64);
    }
    if !plain.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|v| v.is_finite())
}

/// A DURATION token in seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000_000_000),
        ("w", 7 * 86_400_000_000_000),
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
    ];
    let (mut rest, mut nanos, mut next_unit) = (text, 0u64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(|b| !b.is_ascii_digit()).count();
        let unit = UNITS.iter().position(|(name, _)| *name == &rest[..letters])?;
        if unit < next_unit {
            return None;
        }
        next_unit = unit + 1;
        rest = &rest[letters..];
        nanos = nanos.checked_add(value.checked_mul(UNITS[unit].1)?)?;
        if nanos > i64::MAX as u64 {
            return None;
        }
    }
    Some((nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9)
}

/// The bytes of a quoted string's content, escapes resolved. They need not be UTF-8 (`"\xff"`).
/// `Err` is the offset of the bad character.
pub(super) fn unquote(content: &str, quote: u8) -> Result<Vec<u8>, (usize, &'static str)> {
    let bytes = content.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != b'\\' {
            out.push(bytes[i]);
            i += 1;
            continue;
        }
        let at = i;
        let c = *bytes.get(i + 1).ok_or((at, "escape sequence not terminated"))?;
        i += 2;
        let (count, base, skip) = match c {
            b'a' => {
                out.push(7);
                continue;
            }
            b'b' => {
                out.push(8);
                continue;
            }
            b'f' => {
                out.push(12);
                continue;
            }
            b'n' => {
                out.push(b'\n');
                continue;
            }
            b'r' => {
                out.push(b'\r');
                continue;
            }
            b't' => {
                out.push(b'\t');
                continue;
            }
            b'v' => {
                out.push(11);
                continue;
            }
            b'\\' => {
                out.push(b'\\');
                continue;
            }
            c if c == quote => {
                out.push(quote);
                continue;
            }
            b'0'..=b'7' => (3, 8, 1),
            b'x' => (2, 16, 0),
            b'u' => (4, 16, 0),
            b'U' => (8, 16, 0),
            _ => return Err((at, "unknown escape sequence")),
        };
        i -= skip;
        let digits =
            bytes.get(i..i + count).and_then(|d| std::str::from_utf8(d).ok()).filter(|d| d.bytes().all(|b| b.is_ascii_alphanumeric()));
        let value = digits.and_then(|d| u32::from_str_radix(d, base).ok()).ok_or((at, "illegal character in escape sequence"))?;
        i += count;
        if count <= 3 {
            out.push(u8::try_from(value).map_err(|_| (at, "escape sequence is an invalid Unicode code point"))?);
        } else {
            let c = char::from_u32(value).ok_or((at, "escape sequence is an invalid Unicode code point"))?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, want) in [
            ("1_000", 1000.0),
            ("0x1F", 31.0),
            ("0x_1f", 31.0),
            ("017", 15.0),
            ("08", 8.0),
            ("1.5e3", 1500.0),
            (".5", 0.5),
            ("1_0.5", 10.5),
            ("INF", f64::INFINITY),
        ] {
            assert_eq!(number(text), Some(want), "{text}");
        }
        for text in ["1_", "1e", "1e400", "0xFFFFFFFFFFFFFFFF", "1_.5"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("1h30m"), Some(5400.0));
        assert_eq!(duration("5ms"), Some(0.005));
        for text in ["30m1h", "1m1m", "1x", "300y", "1.5h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn strings() {
        assert_eq!(unquote(r#"a\n\x41\101\u00e9\""#, b'"').unwrap(), "a\nAA\u{e9}\"".as_bytes());
        assert_eq!(unquote(r"\xff", b'"').unwrap(), [0xff]);
        assert!(unquote(r"\'", b'"').is_err() && unquote(r"\777", b'"').is_err() && unquote(r"\ud800", b'"').is_err());
    }
}
