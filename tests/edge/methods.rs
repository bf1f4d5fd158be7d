//! Methods and origins: 405 with `Allow`, `OPTIONS`, CORS, `HEAD`.

use reqwest::Method;

use crate::support::{Wire, client};
use crate::{QUERY, simple};

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let (hecate, _upstream) = simple("").await;
    let read = "GET, HEAD, OPTIONS";
    let both = "GET, HEAD, OPTIONS, POST";
    for (method, path, allow) in [
        ("DELETE", "/api/v1/query", both),
        ("PUT", "/api/v1/query_range", both),
        ("PATCH", "/api/v1/series", both),
        ("POST", "/api/v1/rules", read),
        ("POST", "/api/v1/label/a/values", read),
        ("DELETE", "/federate", read),
        ("POST", "/ns/a/api/v1/rules", read),
        ("POST", "/api/v1/health", read),
        ("POST", "/ready", read),
        ("POST", "/api/v1/auth/me", read),
        ("GET", "/api/v1/metrics/validate", "OPTIONS, POST"),
    ] {
        let request = client().request(method.parse().unwrap(), format!("{}{path}", hecate.url())).bearer_auth("token-alice");
        let response = request.send().await.unwrap();
        let allowed = response.headers().get("allow").map(|v| v.to_str().unwrap().to_owned());
        assert_eq!((response.status().as_u16(), allowed.as_deref()), (405, Some(allow)), "{method} {path}");
        assert!(response.headers().contains_key("x-request-id"));
        let text = response.text().await.unwrap();
        assert!(text.contains("takes"), "{method} {path}: {text}");
    }
    let admin = client().post(format!("{}/metrics", hecate.admin_url())).send().await.unwrap();
    assert_eq!(admin.status(), 405);
}

#[tokio::test]
async fn methods_of_no_use_here_are_refused() {
    let (hecate, _upstream) = simple("").await;
    for method in ["TRACE", "CONNECT", "PROPFIND", "get"] {
        let mut wire = Wire::connect(hecate.address()).await;
        wire.send(format!("{method} {QUERY} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n")).await;
        assert_eq!(wire.answer().await.unwrap().status, 405, "{method}");
    }
}

#[tokio::test]
async fn options_without_cors_names_the_methods() {
    let (hecate, _upstream) = simple("").await;
    let request = client().request(Method::OPTIONS, format!("{}/api/v1/query", hecate.url())).header("origin", "https://evil.example");
    let response = request.header("access-control-request-method", "GET").send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST");
    assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")), "{:?}", response.headers());
}

#[tokio::test]
async fn only_configured_origins_may_call() {
    let (hecate, _upstream) = simple("cors_origins: [\"https://grafana.example\"]").await;
    let preflight = async |origin: &'static str, path: &'static str| {
        let request = client().request(Method::OPTIONS, format!("{}{path}", hecate.url())).header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let response = request.header("access-control-request-headers", "authorization,content-type").send().await.unwrap();
        assert!(response.status().is_success(), "{origin} {path}: {}", response.status());
        response.headers().clone()
    };
    let told = |headers: &http::HeaderMap, name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_ascii_lowercase());
    for path in ["/api/v1/query", "/ns/a/api/v1/query_range"] {
        let allowed = preflight("https://grafana.example", path).await;
        assert_eq!(told(&allowed, "access-control-allow-origin").as_deref(), Some("https://grafana.example"));
        assert!(told(&allowed, "access-control-allow-methods").unwrap().contains("post"));
        assert!(told(&allowed, "access-control-allow-headers").unwrap().contains("authorization"));
        let foreign = preflight("https://evil.example", path).await;
        assert_eq!(told(&foreign, "access-control-allow-origin"), None);
    }
    for (origin, expected) in [("https://grafana.example", Some("https://grafana.example")), ("https://evil.example", None)] {
        let request = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice").header("origin", origin);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(told(response.headers(), "access-control-allow-origin").as_deref(), expected);
        assert!(told(response.headers(), "vary").is_some());
        let varies: Vec<_> = response.headers().get_all("vary").iter().map(|v| v.to_str().unwrap().to_ascii_lowercase()).collect();
        assert!(varies.iter().any(|v| v.contains("origin")), "{varies:?}");
    }
    // A browser has to be able to read a refusal, too.
    let request = client().get(format!("{}{QUERY}", hecate.url())).header("origin", "https://grafana.example");
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(told(refused.headers(), "access-control-allow-origin").as_deref(), Some("https://grafana.example"));
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let (hecate, _upstream) = simple("").await;
    for path in [QUERY, "/live", "/ready", "/api/v1/health", "/nowhere", "/api/v1/query", "/api/v1/query?query=sum("] {
        let ask = async |method: &str| {
            let mut wire = Wire::connect(hecate.address()).await;
            wire.send(format!("{method} {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nX-Request-Id: one\r\n\r\n"))
                .await;
            let answer = if method == "HEAD" { wire.answer_to_head().await } else { wire.answer().await }.unwrap();
            // The connection is good for the next one: no byte of a body came.
            wire.get("/live").await;
            let next = wire.answer().await.unwrap();
            assert_eq!((next.status, next.text().as_str()), (200, "ok\n"), "{method} {path}");
            let mut lines: Vec<String> = answer.head.lines().map(str::to_ascii_lowercase).collect();
            lines.retain(|line| !line.starts_with("date:") && !line.starts_with("server-timing:"));
            lines.sort();
            lines
        };
        // The age in the body of health makes lengths differ only every power of ten seconds.
        assert_eq!(ask("HEAD").await, ask("GET").await, "{path}");
    }
}
