//! Times and durations as Prometheus' API reads them.

use std::time::Duration;

/// A moment, in milliseconds since 1970, from seconds (`1435781430.781`) or RFC 3339.
///
/// # Errors
/// In Prometheus' words.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let cannot = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = parse_float(text) {
        let millis = (seconds * 1000.0).round();
        // Beyond this, Prometheus' own arithmetic wraps around.
        if !millis.is_finite() || millis.abs() > 9.2e15 {
            return Err(cannot());
        }
        return Ok(millis as i64);
    }
    parse_rfc3339(text).ok_or_else(cannot)
}

/// A duration from seconds (`15`, `0.5`) or Prometheus' notation (`1h30m`).
///
/// # Errors
/// In Prometheus' words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let cannot = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = parse_float(text) {
        // More would overflow Prometheus' own 64 bits of nanoseconds.
        if !(0.0..9.2e9).contains(&seconds) {
            return Err(cannot());
        }
        return Duration::try_from_secs_f64(seconds).map_err(|_| cannot());
    }
    parse_units(text).ok_or_else(cannot)
}

/// A number as Go reads it, without the words that Rust would accept in other spellings.
fn parse_float(text: &str) -> Result<f64, std::num::ParseFloatError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    (if plain { text } else { "" }).parse()
}

fn parse_units(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 7] =
        [("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut rest, mut millis, mut next_unit) = (text, 0u64, 0);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let unit = &rest[digits..digits + letters];
        // Units come in falling order, each once.
        let place = UNITS.iter().position(|(name, _)| *name == unit)?;
        if place < next_unit {
            return None;
        }
        next_unit = place + 1;
        millis = millis.checked_add(number.checked_mul(UNITS[place].1)?)?;
        rest = &rest[digits + letters..];
    }
    (millis < 9_200_000_000_000).then(|| Duration::from_millis(millis))
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let shaped = is(4, b'-') && is(7, b'-') && (is(10, b'T') || is(10, b't')) && is(13, b':') && is(16, b':');
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = *days_of_month.get(usize::try_from(month - 1).ok()?)?;
    if !shaped || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (mut at, mut nanos) = (19, 0);
    if is(at, b'.') || is(at, b',') {
        let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 30 {
            return None;
        }
        nanos = (0..9).fold(0, |n, i| n * 10 + if i < digits { i64::from(bytes[at + 1 + i] - b'0') } else { 0 });
        at += 1 + digits;
    }
    let offset_minutes = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 && is(at + 3, b':') => {
            let (h, m) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if h > 24 || m > 59 {
                return None;
            }
            (h * 60 + m) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * 1000 + nanos / 1_000_000)
}

/// Howard Hinnant's civil-day count, proleptic Gregorian.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, millis) in [
            ("0", 0),
            ("1435781430.781", 1_435_781_430_781),
            ("1.5e3", 1_500_000),
            ("-1", -1000),
            ("2015-07-01T20:10:30.781Z", 1_435_781_430_781),
            ("2015-07-01T20:10:30Z", 1_435_781_430_000),
            ("2015-07-01T22:10:30+02:00", 1_435_781_430_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59Z", -1000),
            ("2026-11-23T10:00:00.123456789Z", 1_795_428_000_123),
        ] {
            assert_eq!(parse_time(text), Ok(millis), "{text}");
        }
        for text in [
            "",
            "now",
            "nan",
            "inf",
            "1e300",
            "2023-02-29T00:00:00Z",
            "2015-07-01",
            "2015-07-01T20:10:30",
            "2015-07-01T20:10:60Z",
            "0x10",
            "1_000",
        ] {
            assert_eq!(parse_time(text), Err(format!("cannot parse {text:?} to a valid timestamp")));
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in
            [("15", 15_000), ("0.25", 250), ("1h30m", 5_400_000), ("1d", 86_400_000), ("1y2w3d4h5m6s7ms", 33_019_506_007), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "h", "1h1h", "1m1h", "1.5h", "-1", "-1h", "1 h", "nan", "1e12", "300y"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".{0,40}") {
            let _ = (parse_time(&text), parse_duration(&text));
        }

        #[test]
        fn near_misses_do_not_panic(text in "[0-9TZ:.+eE-]{0,30}") {
            let _ = (parse_time(&text), parse_duration(&text));
        }
    }
}
