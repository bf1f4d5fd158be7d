//! `Server-Timing`: where the time of a request went, for whoever looks at it in a browser.

use std::time::Duration;

use http::HeaderValue;

use crate::telemetry::push_millis;

/// `cache;dur=0.012, upstream;dur=3.1`: names are words, times are milliseconds.
pub(super) fn server_timing<'a>(parts: impl IntoIterator<Item = (&'a str, Duration)>) -> HeaderValue {
    let mut text = String::with_capacity(64);
    for (name, took) in parts {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
        text.push_str(";dur=");
        push_millis(&mut text, took);
    }
    // A name that is no word is a mistake of ours; the answer is still good without its times.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds() {
        let micros = Duration::from_micros;
        for (parts, expected) in [
            (&[][..], ""),
            (&[("cache", micros(12))], "cache;dur=0.012"),
            (&[("cache", micros(1_500)), ("upstream", micros(2_000_010))], "cache;dur=1.5, upstream;dur=2000.01"),
            (&[("a\nb", micros(1))], ""),
        ] {
            assert_eq!(server_timing(parts.iter().copied()), expected);
        }
    }
}
