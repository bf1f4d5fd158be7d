//! Whose page a request comes from. Browsers send our cookies with what pages of other hosts of the same site ask, too.

use http::header::{HOST, ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use url::Url;

use super::Front;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of ours made this request, or, for a method that changes nothing, nobody says that it was another.
pub(super) fn is_from_here(front: &Front, parts: &Parts) -> bool {
    let headers = &parts.headers;
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        return origins.next().is_none() && origin.to_str().is_ok_and(|origin| is_ours(front, headers, origin));
    }
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let referer = headers.get(REFERER).and_then(|referer| Url::parse(referer.to_str().ok()?).ok());
    referer.is_some_and(|url| is_ours(front, headers, &url.origin().ascii_serialization()))
}

/// The origin of the public URL, or that of the host which the request was sent to.
fn is_ours(front: &Front, headers: &HeaderMap, origin: &str) -> bool {
    if front.origin.as_deref() == Some(origin) {
        return true;
    }
    let Some((scheme @ ("http" | "https"), _)) = origin.split_once("://") else { return false };
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    // Whoever takes off TLS in front of us does not say so in the host: the scheme is the page's own.
    let own = Url::parse(&format!("{scheme}://{host}/")).ok().filter(|url| url.username().is_empty() && url.path() == "/");
    own.is_some_and(|url| url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::config::Server;

    fn check(public_url: Option<&str>, method: &str, headers: &[(&str, &str)]) -> bool {
        let front = Front::new(&Server { public_url: public_url.map(str::to_owned), ..Server::default() });
        let request = headers.iter().fold(Request::builder().method(method), |request, (name, value)| request.header(*name, *value));
        is_from_here(&front, &request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_page_of_ours_is_known_by_its_origin() {
        let url = Some("https://hecate.example/metrics");
        for (origin, host, expect) in [
            ("https://hecate.example", "10.0.0.1:7070", true),
            ("https://hecate.example:443", "10.0.0.1:7070", false),
            ("http://hecate.example", "10.0.0.1:7070", false),
            ("https://hecate.example.evil.org", "10.0.0.1:7070", false),
            ("https://evil.org", "hecate.example", false),
            ("null", "hecate.example", false),
            ("", "hecate.example", false),
            ("http://10.0.0.1:7070", "10.0.0.1:7070", true),
            ("https://inside", "inside:443", true),
            ("http://inside", "inside:443", false),
            ("http://inside:8080", "inside", false),
            ("http://[::1]:7070", "[::1]:7070", true),
            ("http://inside", "evil.org@inside", false),
            ("http://inside", "inside/x", false),
            ("file://inside", "inside", false),
        ] {
            for method in ["POST", "DELETE", "GET"] {
                assert_eq!(check(url, method, &[("origin", origin), ("host", host)]), expect, "{method} {origin} {host}");
            }
        }
        assert!(!check(url, "POST", &[("origin", "https://hecate.example"), ("origin", "https://hecate.example")]));
    }

    #[test]
    fn without_an_origin_other_headers_say_it_and_silence_is_no() {
        let url = Some("https://hecate.example");
        for (headers, expect) in [
            (&[][..], false),
            (&[("host", "hecate.example")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site"), ("referer", "https://hecate.example/x")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.org")], false),
            (&[("referer", "https://hecate.example/x?y")], true),
            (&[("referer", "https://evil.org/https://hecate.example")], false),
            (&[("referer", "hecate.example")], false),
        ] {
            assert_eq!(check(url, "POST", headers), expect, "{headers:?}");
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(check(url, method, &[]) && check(url, method, &[("sec-fetch-site", "cross-site")]), "a link from elsewhere");
        }
    }
}
