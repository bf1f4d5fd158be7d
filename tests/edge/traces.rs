//! The names of a request across processes: `X-Request-Id`, W3C trace context, spans at a collector.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use tokio::net::TcpListener;

use crate::support::stand_in::NOTHING;
use crate::support::{StandIn, client, eventually};
use crate::{QUERY, hecate, simple};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_request_has_one_name_everywhere() {
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), "telemetry: {format: json}");
    let long = "x".repeat(65);
    let cases = [(None, false), (Some("req-1.A_b"), true), (Some("two words"), false), (Some("{}"), false), (Some(long.as_str()), false)];
    let mut names = Vec::new();
    for (sent, kept) in cases {
        let mut request = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice");
        if let Some(sent) = sent {
            request = request.header("x-request-id", sent);
        }
        let response = request.send().await.unwrap();
        let all: Vec<_> = response.headers().get_all("x-request-id").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
        let [name] = &all[..] else { panic!("{all:?}") };
        assert_eq!(sent == Some(name.as_str()), kept, "{sent:?}: {name}");
        assert!(name.len() >= 9 && name.len() <= 64, "{name}");
        names.push(name.clone());
    }
    let upstreams: Vec<_> = upstream.queries().iter().map(|asked| asked.header("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(upstreams, names);
    let logged: Vec<_> = hecate.log_lines("hecate::access", 5).await.iter().map(|l| l["request_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(logged, names);
    let refused = client().get(format!("{}/nowhere", hecate.url())).header("x-request-id", "mine").send().await.unwrap();
    assert_eq!(refused.headers()["x-request-id"], "mine");
}

#[tokio::test]
async fn a_trace_goes_on_to_the_upstream() {
    let (hecate, upstream) = simple("").await;
    for flags in ["01", "00"] {
        let request = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice");
        let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}")).header("tracestate", "vendor=opaque");
        assert_eq!(request.send().await.unwrap().status(), 200);
        let asked = upstream.queries().pop().unwrap();
        let sent: Vec<String> = asked.header("traceparent").unwrap().split('-').map(str::to_owned).collect();
        assert_eq!((sent[0].as_str(), sent[1].as_str(), sent[3].as_str()), ("00", TRACE, flags));
        assert!(sent[2] != PARENT && sent[2].len() == 16, "it names the caller's span as its own: {sent:?}");
        assert_eq!(asked.header("tracestate"), Some("vendor=opaque"));
        assert_eq!(asked.header("authorization"), None, "the caller's credentials");
    }
    let bad = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice").header("traceparent", "00-zz-1-1");
    assert_eq!(bad.send().await.unwrap().status(), 200);
    let asked = upstream.queries().pop().unwrap();
    let sent = asked.header("traceparent").unwrap();
    assert!(sent.len() == 55 && !sent.contains(TRACE), "{sent}");
}

/// A collector, and the spans that reached it.
async fn collector() -> (String, Arc<Mutex<Vec<Span>>>) {
    let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
    let seen = spans.clone();
    let take = axum::routing::post(move |body: Bytes| async move {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let fresh = request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans);
        seen.lock().unwrap().extend(fresh);
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, axum::Router::new().route("/v1/traces", take)));
    (url, spans)
}

/// One request a connection; axum's own server is not among our features.
async fn serve(listener: TcpListener, router: axum::Router) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::ServiceExt;
    while let Ok((mut stream, _)) = listener.accept().await {
        let router = router.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            let (end, length) = loop {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
                break (end + 4, head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok()).unwrap_or(0));
            };
            while bytes.len() < end + length {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let body = axum::body::Body::from(bytes.split_off(end));
            let status = router.oneshot(http::Request::post("/v1/traces").body(body).unwrap()).await.unwrap().status();
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).await;
        });
    }
}

#[tokio::test]
async fn spans_arrive_linked() {
    let (url, spans) = collector().await;
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let hecate = hecate("", &format!("url: \"{}\"", upstream.url()), &format!("telemetry: {{otlp_endpoint: \"{url}\"}}"));
    let request = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice");
    let response = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let of = |kind: SpanKind| {
        let spans = spans.lock().unwrap();
        spans.iter().find(|span| span.kind == kind as i32 && hex(&span.trace_id) == TRACE).cloned()
    };
    let server = eventually("the server span arrives", async || of(SpanKind::Server)).await;
    let call = eventually("the client span arrives", async || of(SpanKind::Client)).await;
    assert_eq!(hex(&server.parent_span_id), PARENT);
    assert_eq!(call.parent_span_id, server.span_id);
    let asked = upstream.queries().pop().unwrap();
    assert_eq!(
        asked.header("traceparent").unwrap().split('-').nth(2).unwrap(),
        hex(&call.span_id),
        "the upstream's parent is the client span"
    );
    assert!(server.start_time_unix_nano <= call.start_time_unix_nano && call.end_time_unix_nano <= server.end_time_unix_nano);
    let names: Vec<_> = server.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    for name in ["http.request.method", "http.route", "http.response.status_code"] {
        assert!(names.contains(&name), "{names:?}");
    }
    // The caller decides: not sampled is not sent.
    let quiet = "0af7651916cd43dd8448eb211c80319c";
    let request = client().get(format!("{}{QUERY}", hecate.url())).bearer_auth("token-alice");
    assert_eq!(request.header("traceparent", format!("00-{quiet}-{PARENT}-00")).send().await.unwrap().status(), 200);
    hecate.signal("TERM");
    eventually("it ended", async || client().get(format!("{}/live", hecate.admin_url())).send().await.err()).await;
    assert!(spans.lock().unwrap().iter().all(|span| hex(&span.trace_id) != quiet));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
