//! Which encodings of an answer its client takes.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// The encodings that are worth sending to a client: it named them, and likes them no less than the plain answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// `gzip`, also as `x-gzip`.
    pub gzip: bool,
    /// `zstd`, and no less than gzip: where both are true, zstd is the better choice.
    pub zstd: bool,
}

/// How much something is liked, in thousandths.
type Quality = u16;

impl Accepts {
    /// Only the plain answer.
    pub const PLAIN: Accepts = Accepts { gzip: false, zstd: false };

    /// Reads `Accept-Encoding`. What cannot be read is not accepted; without the header the answer is plain.
    pub fn read(headers: &HeaderMap) -> Accepts {
        let (mut gzip, mut zstd, mut plain, mut others): (Option<Quality>, Option<Quality>, Option<Quality>, Option<Quality>) =
            Default::default();
        for value in headers.get_all(ACCEPT_ENCODING) {
            for item in value.as_bytes().split(|&b| b == b',') {
                let Some((coding, quality)) = quality_of(item) else { continue };
                let known = match coding {
                    c if c.eq_ignore_ascii_case(b"gzip") || c.eq_ignore_ascii_case(b"x-gzip") => &mut gzip,
                    c if c.eq_ignore_ascii_case(b"zstd") => &mut zstd,
                    c if c.eq_ignore_ascii_case(b"identity") => &mut plain,
                    b"*" => &mut others,
                    _ => continue,
                };
                *known = (*known).max(Some(quality));
            }
        }
        let (gzip, zstd) = (gzip.or(others).unwrap_or(0), zstd.or(others).unwrap_or(0));
        let least = plain.unwrap_or(0).max(1);
        Accepts { gzip: gzip >= least, zstd: zstd >= least && zstd >= gzip }
    }

    /// Whether it takes any encoding.
    pub fn any(self) -> bool {
        self.gzip || self.zstd
    }
}

/// `coding` or `coding;q=0.5`.
fn quality_of(item: &[u8]) -> Option<(&[u8], Quality)> {
    match memchr::memchr(b';', item) {
        None => Some((item.trim_ascii(), 1000)),
        Some(at) => Some((item[..at].trim_ascii(), thousandths(item[at + 1..].trim_ascii())?)),
    }
}

/// `q=` and a number from 0 to 1 with three places at most (RFC 9110, 12.4.2).
fn thousandths(parameter: &[u8]) -> Option<Quality> {
    let number = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, places) = match number {
        [whole] => (whole, &[][..]),
        [whole, b'.', places @ ..] if places.len() <= 3 => (whole, places),
        _ => return None,
    };
    if !(matches!(whole, b'0' | b'1') && places.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let mut quality = Quality::from(whole - b'0') * 1000;
    for (place, unit) in places.iter().zip([100, 10, 1]) {
        quality += Quality::from(place - b'0') * unit;
    }
    (quality <= 1000).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_sending() {
        for (sent, gzip, zstd) in [
            (&[][..], false, false),
            (&[""], false, false),
            (&["gzip"], true, false),
            (&["zstd"], false, true),
            (&["gzip, deflate, br, zstd"], true, true),
            (&["GZIP"], true, false),
            (&["x-gzip"], true, false),
            (&["gzip", "zstd"], true, true),
            (&["gzip;q=1.0, zstd;q=0.1"], true, false),
            (&["gzip;q=0.1, zstd;q=0.2"], true, true),
            (&["gzip;q=0"], false, false),
            (&["gzip ; q=0.001"], true, false),
            (&["gzip;q=0.000"], false, false),
            (&["gzip;q=1.001"], false, false),
            (&["gzip;q=2"], false, false),
            (&["gzip;q=0.5, identity"], false, false),
            (&["gzip;q=0.5, identity;q=0.5"], true, false),
            (&["gzip, identity;q=0"], true, false),
            (&["*"], true, true),
            (&["*;q=0.1, gzip;q=0"], false, true),
            (&["zstd, *;q=0"], false, true),
            (&["br"], false, false),
            (&["gzipped, azstd"], false, false),
            (&["gzip;level=9"], false, false),
            (&["gzip;q=0.0001"], false, false),
            (&["gzip;q="], false, false),
        ] {
            let headers =
                sent.iter().map(|value| (ACCEPT_ENCODING, value.parse().unwrap())).fold(HeaderMap::new(), |mut all, (name, value)| {
                    all.append(name, value);
                    all
                });
            assert_eq!(Accepts::read(&headers), Accepts { gzip, zstd }, "{sent:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(value in "[a-z*;=q., 0-9]{0,30}") {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            let _ = Accepts::read(&headers);
        }
    }
}
