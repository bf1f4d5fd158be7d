//! One log line, written down field by field in either format: what tracing-subscriber would write, without its machinery.
//! A test holds the two against each other.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::config::LogFormat;

/// A line that is being written into a buffer which is used again for the next one.
pub(super) struct Line<'a> {
    text: &'a mut String,
    format: LogFormat,
    target: &'static str,
}

impl<'a> Line<'a> {
    /// Begins a line of level INFO.
    pub(super) fn begin(text: &'a mut String, format: LogFormat, now: SystemTime, target: &'static str, message: &str) -> Line<'a> {
        text.clear();
        match format {
            LogFormat::Text => {
                timestamp(text, now);
                text.push_str("  INFO ");
                text.push_str(target);
                text.push_str(": ");
                text.push_str(message);
            }
            LogFormat::Json => {
                text.push_str("{\"timestamp\":\"");
                timestamp(text, now);
                text.push_str("\",\"level\":\"INFO\",\"message\":\"");
                text.push_str(message);
                text.push('"');
            }
        }
        Line { text, format, target }
    }

    /// A text from outside: quoted, and escaped as the format has it.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        if value.bytes().fold(true, |plain, b| plain & matches!(b, 0x20..=0x7e) & (b != b'"') & (b != b'\\')) {
            self.text.push('"');
            self.text.push_str(value);
            self.text.push('"');
        } else if self.format == LogFormat::Text {
            let _ = write!(self.text, "{value:?}");
        } else {
            // A text can always be written as JSON.
            self.text.push_str(&serde_json::to_string(value).unwrap_or_default());
        }
    }

    /// A text that needs no escapes, such as an address or an id.
    pub(super) fn plain(&mut self, key: &str, write: impl FnOnce(&mut String)) {
        self.key(key);
        self.text.push('"');
        write(self.text);
        self.text.push('"');
    }

    /// A whole number.
    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        push_number(self.text, value);
    }

    /// Milliseconds, see [`push_millis`].
    pub(super) fn millis(&mut self, key: &str, value: Duration) {
        self.key(key);
        push_millis(self.text, value);
    }

    /// The whole line, without its end.
    pub(super) fn end(self) -> &'a str {
        if self.format == LogFormat::Json {
            self.text.push_str(",\"target\":\"");
            self.text.push_str(self.target);
            self.text.push_str("\"}");
        }
        self.text
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Text => {
                self.text.push(' ');
                self.text.push_str(key);
                self.text.push('=');
            }
            LogFormat::Json => {
                self.text.push_str(",\"");
                self.text.push_str(key);
                self.text.push_str("\":");
            }
        }
    }
}

fn digit(value: u64) -> char {
    char::from(b'0' + (value % 10) as u8)
}

/// Without the formatting machinery, which costs several times as much.
pub(super) fn push_number(text: &mut String, value: u64) {
    let (mut digits, mut rest, mut from) = ([b'0'; 20], value, 20);
    loop {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.push_str(std::str::from_utf8(&digits[from..]).unwrap_or_default());
}

/// Milliseconds with one to three places: microseconds are as fine as it gets.
pub fn push_millis(text: &mut String, value: Duration) {
    let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
    push_number(text, micros / 1000);
    text.push('.');
    let places = micros % 1000;
    text.push(digit(places / 100));
    if places % 100 != 0 {
        text.push(digit(places / 10));
    }
    if places % 10 != 0 {
        text.push(digit(places));
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
}

/// `2026-11-27T12:00:00.123456Z`
fn timestamp(text: &mut String, now: SystemTime) {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second_of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let two = |text: &mut String, value: u64| {
        text.push(digit(value / 10));
        text.push(digit(value));
    };
    two(text, year / 100);
    two(text, year % 100);
    text.push('-');
    two(text, month);
    text.push('-');
    two(text, day);
    text.push('T');
    two(text, second_of_day / 3600);
    text.push(':');
    two(text, second_of_day / 60 % 60);
    text.push(':');
    two(text, second_of_day % 60);
    text.push('.');
    let micros = u64::from(since.subsec_micros());
    two(text, micros / 10_000);
    two(text, micros / 100 % 100);
    two(text, micros % 100);
    text.push('Z');
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, 999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001Z"),
            (1_709_251_199, 120_000, "2024-02-29T23:59:59.120000Z"),
            (1_795_780_800, 0, "2026-11-27T12:00:00.000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
        ] {
            let mut text = String::new();
            timestamp(&mut text, SystemTime::UNIX_EPOCH + Duration::new(seconds, micros * 1000));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn numbers() {
        for micros in [0, 1, 10, 100, 999, 1000, 1001, 1010, 1500, 59_999_123, 60_000_000] {
            let mut text = String::new();
            let mut line = Line::begin(&mut text, LogFormat::Text, SystemTime::UNIX_EPOCH, "t", "m");
            line.millis("ms", Duration::from_micros(micros));
            line.number("n", micros);
            assert!(line.end().ends_with(&format!(" ms={:?} n={micros}", micros as f64 / 1000.0)), "{micros}: {text}");
        }
        let mut text = String::new();
        push_number(&mut text, u64::MAX);
        push_hex(&mut text, &[0, 0xaf]);
        assert_eq!(text, format!("{}00af", u64::MAX));
    }
}
