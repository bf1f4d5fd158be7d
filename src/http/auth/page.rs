//! The form for a token: one field, no script, nothing from elsewhere.

use std::sync::LazyLock;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// Its own style by its hash, and a form that goes where it came from: nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    // Words and base64 are always a value; without one the page would get no style.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; form-action 'self'"))
});

/// The page, with what was wrong with the token before.
pub(super) fn form(status: StatusCode, return_to: &str, wrong: Option<&str>) -> Response<Body> {
    let wrong = wrong.map(|text| format!("<p role=\"alert\">{}</p>", escaped(text))).unwrap_or_default();
    // What the caller sent comes last: it may spell the name of a gap.
    let page = PAGE.replace("{style}", STYLE).replace("{wrong}", &wrong).replace("{return_to}", &escaped(return_to));
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    // Not `no-referrer`: with it browsers would send `Origin: null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hecate\""));
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_has_all_it_needs_and_repeats_nothing_as_it_is() {
        let response = form(StatusCode::UNAUTHORIZED, "/x?a=1&b='{wrong}", Some("no <b>token</b> \"{style}\""));
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        let (_, rest) = text.split_once("<style>").unwrap();
        let style = rest.split("</style>").next().unwrap();
        assert!(policy.contains(&STANDARD.encode(Sha256::digest(style.as_bytes()))), "{policy}");
        assert!(
            text.contains("value=\"/x?a=1&amp;b=&#39;{wrong}\"") && text.contains("no &lt;b&gt;token&lt;/b&gt; &quot;{style}&quot;"),
            "{text}"
        );
        for outside in ["http://", "https://", "src=", "<script", "@import", "url(", "{return_to}"] {
            assert!(!text.contains(outside), "the page has {outside}");
        }
    }
}
