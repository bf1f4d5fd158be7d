//! `/api/openapi.json` and `/api/docs`, for everybody.

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Made once: it is the same for everybody.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(super::openapi()));
/// One file, so that it works behind any prefix.
static WHOLE_PAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let page = PAGE.replace("<style></style>", &format!("<style>{STYLE}</style>"));
    Bytes::from(page.replace("<script></script>", &format!("<script>{SCRIPT}</script>")))
});
/// The page's own style and script, by their hashes, and requests to where it came from: nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    // Words and base64 are always a value; without one the page would get no style and no script.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The document.
pub(in crate::http) async fn document() -> Response<Body> {
    served(DOCUMENT.clone(), "application/json")
}

/// The page, which shows it.
pub(in crate::http) async fn page() -> Response<Body> {
    let mut response = served(WHOLE_PAGE.clone(), "text/html; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn served(bytes: Bytes, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_has_all_it_needs_and_asks_nobody_else() {
        let response = page().await;
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("connect-src 'self';"), "{policy}");
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let (_, rest) = text.split_once(open).unwrap();
            let (inside, _) = rest.split_once(close).unwrap();
            let hash = STANDARD.encode(Sha256::digest(inside.as_bytes()));
            assert!(inside.len() > 100 && policy.contains(&hash), "{open} is not what the policy allows");
        }
        for outside in ["http://", "https://", "src=", "@import", "url(", "innerHTML", "localStorage", "sessionStorage", "document.cookie"]
        {
            assert!(!text.contains(outside), "the page has {outside}");
        }
    }
}
