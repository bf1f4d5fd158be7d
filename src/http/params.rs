//! One canonical set of parameters, from URL and form body together, read once and strictly.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// Most parameters that one request may have.
const MOST: usize = 2_000;

/// Why parameters cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("parameter number {position} is not valid: {reason}")]
    Broken {
        /// Counted from 1, in the URL first, then in the body.
        position: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A body that is not a form.
    #[error("the content type {found:?} is not read here: send parameters as application/x-www-form-urlencoded")]
    NotAForm {
        /// The content type as sent, shortened.
        found: String,
    },
    /// A form in an encoding that is not read.
    #[error("the {header} {found:?} is not read here: send the form as plain UTF-8")]
    Encoded {
        /// Which header says so.
        header: &'static str,
        /// Its value, shortened.
        found: String,
    },
    /// More parameters than anybody needs.
    #[error("more than {MOST} parameters")]
    TooMany,
    /// Two values where one is meant.
    #[error("parameter {name:?} was given twice with different values")]
    Twice {
        /// The parameter.
        name: String,
    },
    /// A parameter that has to be there.
    #[error("missing parameter {name:?}")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter that changes what a backend reads, and so could lead around enforcement.
    #[error("parameter {name:?} controls the backend and is not accepted here")]
    Control {
        /// The parameter.
        name: String,
    },
    /// A value that does not mean anything.
    #[error("invalid parameter {name:?}: {reason}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What was found and what would be right.
        reason: String,
    },
}

/// Parameters of backends that choose tenants, stores or filters. Prometheus does not know them; others obey them.
const CONTROL: &[&str] = &[
    "extra_filters[]",
    "extra_filters",
    "extra_label",
    "storeMatch[]",
    "storeMatch",
    "replicaLabels[]",
    "tenant",
    "tenant_id",
    "org_id",
    "orgid",
    "X-Scope-OrgID",
    "AccountID",
    "ProjectID",
    "match",
    "shard",
    "nocache",
    "trace",
    "engine",
    "analyze",
];

/// Names and values in the order in which they came, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query of the URL and, when there is a body, the form in it.
    ///
    /// # Errors
    /// Everything that another server could read differently.
    pub fn decode(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Params, ParamError> {
        let mut pairs = Vec::with_capacity(8);
        read(query.unwrap_or_default().as_bytes(), &mut pairs)?;
        if !body.is_empty() {
            expect_form(headers)?;
            read(body, &mut pairs)?;
        }
        if let Some((name, _)) = pairs.iter().find(|(name, _)| CONTROL.iter().any(|control| control.eq_ignore_ascii_case(name))) {
            return Err(ParamError::Control { name: name.clone() });
        }
        Ok(Params(pairs))
    }

    /// The value of a parameter that is meant once. An empty value counts as none, as it does for Prometheus.
    ///
    /// # Errors
    /// When it was given twice with different values: who else reads the request might take the other one.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, ParamError> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(ParamError::Twice { name: name.to_owned() });
        }
        Ok(Some(first).filter(|value| !value.is_empty()))
    }

    /// The same, where there has to be one.
    ///
    /// # Errors
    /// When it is missing, or given twice with different values.
    pub fn required(&self, name: &'static str) -> Result<&str, ParamError> {
        self.one(name)?.ok_or(ParamError::Missing { name })
    }

    /// The names that were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// All values of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn expect_form(headers: &HeaderMap) -> Result<(), ParamError> {
    let text = |value: Option<&http::HeaderValue>| value.map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).unwrap_or_default();
    let shortened = |text: &str| text.chars().take(100).collect();
    let coding = text(headers.get(CONTENT_ENCODING));
    if !(coding.is_empty() || coding.eq_ignore_ascii_case("identity")) || headers.get_all(CONTENT_ENCODING).iter().count() > 1 {
        return Err(ParamError::Encoded { header: "Content-Encoding", found: shortened(&coding) });
    }
    let found = text(headers.get(CONTENT_TYPE));
    let mut pieces = found.split(';').map(str::trim);
    let essence = pieces.next().unwrap_or_default();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") || headers.get_all(CONTENT_TYPE).iter().count() != 1 {
        return Err(ParamError::NotAForm { found: shortened(&found) });
    }
    // Prometheus does not look at it, what stands in front may.
    let charsets = pieces.filter_map(|piece| piece.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    for (_, charset) in charsets {
        let charset = charset.trim().trim_matches('"');
        if !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
            return Err(ParamError::Encoded { header: "charset", found: shortened(charset) });
        }
    }
    Ok(())
}

fn read(text: &[u8], pairs: &mut Vec<(String, String)>) -> Result<(), ParamError> {
    for piece in text.split(|&b| b == b'&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == MOST {
            return Err(ParamError::TooMany);
        }
        let (name, value) = match memchr::memchr(b'=', piece) {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &piece[piece.len()..]),
        };
        let position = pairs.len() + 1;
        let decoded = |part| decode(part).map_err(|reason| ParamError::Broken { position, reason });
        let pair = (decoded(name)?, decoded(value)?);
        pairs.push(pair);
    }
    Ok(())
}

fn decode(part: &[u8]) -> Result<String, &'static str> {
    // Some servers split parameters at ';' too: whoever means one writes %3B.
    if part.contains(&b';') {
        return Err("a ';' has to be written %3B");
    }
    if memchr::memchr2(b'%', b'+', part).is_none() {
        return std::str::from_utf8(part).map(str::to_owned).map_err(|_| "it is not UTF-8");
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let [byte, after @ ..] = rest {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = rest else { return Err(BROKEN_ESCAPE) };
                rest = after;
                hex_digit(*high)? << 4 | hex_digit(*low)?
            }
            plain => *plain,
        });
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8")
}

const BROKEN_ESCAPE: &str = "'%' has to be followed by two hexadecimal digits";

fn hex_digit(digit: u8) -> Result<u8, &'static str> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(BROKEN_ESCAPE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8"))])
    }

    #[test]
    fn url_and_form_are_one_set() {
        let params = Params::decode(Some("query=up&match[]=a"), &form(), b"match%5B%5D=b+c&time=1").unwrap();
        assert_eq!(params.one("query"), Ok(Some("up")));
        assert_eq!(params.one("time"), Ok(Some("1")));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(params.one("step"), Ok(None));
        assert_eq!(params.required("step"), Err(ParamError::Missing { name: "step" }));
    }

    #[test]
    fn a_scalar_has_one_value() {
        let params = Params::decode(Some("query=up&query=up&time=1"), &form(), b"time=2").unwrap();
        assert_eq!(params.one("query"), Ok(Some("up")));
        assert_eq!(params.one("time"), Err(ParamError::Twice { name: "time".into() }));
    }

    #[test]
    fn what_can_be_read_two_ways_is_refused() {
        for query in ["a=%", "a=%2", "a=%zz", "a=1;b=2", "%ff=1", "a=%c3%28"] {
            assert!(matches!(Params::decode(Some(query), &HeaderMap::new(), b""), Err(ParamError::Broken { position: 1, .. })), "{query}");
        }
        for name in ["extra_filters[]", "storeMatch%5B%5D", "x-scope-orgid", "TENANT"] {
            assert!(
                matches!(Params::decode(Some(&format!("{name}=1")), &HeaderMap::new(), b""), Err(ParamError::Control { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn a_body_has_to_be_a_form() {
        for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencodedx"] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            assert!(matches!(Params::decode(None, &headers, b"query=up"), Err(ParamError::NotAForm { .. })), "{kind}");
        }
        assert!(matches!(Params::decode(None, &HeaderMap::new(), b"query=up"), Err(ParamError::NotAForm { .. })));
        let mut twice = form();
        twice.append(CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
        assert!(matches!(Params::decode(None, &twice, b"query=up"), Err(ParamError::NotAForm { .. })));
    }

    #[test]
    fn a_form_is_plain_utf8() {
        let with = |kind: &str, coding: Option<&str>| {
            let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            headers.extend(coding.map(|coding| (CONTENT_ENCODING, coding.parse().unwrap())));
            Params::decode(None, &headers, b"query=up")
        };
        let form = "application/x-www-form-urlencoded";
        for charset in ["utf-16", "UTF-7", "\"ibm037\"", "iso-8859-1", ""] {
            let kind = format!("{form}; charset={charset}");
            assert!(matches!(with(&kind, None), Err(ParamError::Encoded { header: "charset", .. })), "{kind}");
        }
        for coding in ["gzip", "identity, gzip", "br"] {
            assert!(matches!(with(form, Some(coding)), Err(ParamError::Encoded { header: "Content-Encoding", .. })), "{coding}");
        }
        for kind in
            [form, "application/x-www-form-urlencoded;charset=\"UTF-8\"", "application/x-www-form-urlencoded; x=y; Charset=us-ascii"]
        {
            assert!(with(kind, Some("identity")).is_ok(), "{kind}");
        }
    }

    #[test]
    fn there_is_a_most() {
        let many = "a=1&".repeat(MOST + 1);
        assert_eq!(Params::decode(Some(&many), &HeaderMap::new(), b""), Err(ParamError::TooMany));
    }

    proptest::proptest! {
        #[test]
        fn what_a_client_encodes_comes_out(pairs in proptest::collection::vec(("[a-z]{1,5}", ".{0,20}"), 0..5)) {
            let text: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let params = Params::decode(Some(&text), &HeaderMap::new(), b"");
            if let Ok(params) = params {
                proptest::prop_assert_eq!(params.0, pairs);
            }
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = Params::decode(None, &form(), &text);
        }
    }
}
