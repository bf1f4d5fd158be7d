//! Browsers of other origins: only those that the configuration names.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The layer that answers preflights and marks answers.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let origin = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let own = |name| HeaderName::from_static(name);
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, own("x-hecate-namespaces"), own("x-request-id"), own("traceparent")])
        .expose_headers([ETAG, RETRY_AFTER, own("x-request-id")])
        .max_age(Duration::from_secs(3600))
}
