//! A raw TCP server that does whatever a test wants, and the settings to reach it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hecate::config::{Role, Upstream, UpstreamAuth, UpstreamKind};
use hecate::promql::{ConflictMode, EnforcedText, MetricName, NameGuard, Options, Refusal, Rule, ScopedQuery, TenantRules};
use hecate::upstream::{Answer, ApiPath, Backend, Call, Params, UpstreamError, Upstreams};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

pub(crate) use crate::request::read_request;

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// Runs `handler` for every connection, with its number from 0; the server ends with the runtime.
pub(crate) async fn serve<F, Done>(handler: F) -> SocketAddr
where
    F: Fn(usize, TcpStream) -> Done + Send + Sync + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let connections = AtomicUsize::new(0);
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handler(connections.fetch_add(1, Ordering::SeqCst), stream));
        }
    });
    address
}

/// Answers every request with `answer(number of the request, its text)`, keeping connections.
pub(crate) async fn answering<F>(answer: F) -> SocketAddr
where
    F: Fn(usize, &str) -> String + Send + Sync + 'static,
{
    let shared = Arc::new((answer, AtomicUsize::new(0)));
    serve(move |_, mut stream| {
        let shared = Arc::clone(&shared);
        async move {
            while let Some((head, body)) = read_request(&mut stream).await {
                let request = format!("{head}\r\n\r\n{body}");
                let text = (shared.0)(shared.1.fetch_add(1, Ordering::SeqCst), &request);
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// Settings with short times.
pub(crate) fn settings(url: &str) -> Upstream {
    Upstream {
        name: "main".into(),
        url: url.parse().unwrap(),
        kind: UpstreamKind::Prometheus,
        role: Role::Hot,
        retention: None,
        settle: Duration::ZERO,
        timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(1),
        read_timeout: Duration::from_millis(400),
        max_concurrent: 8,
        retries: 2,
        native_enforcement: false,
        hedge: None,
        health_interval: Duration::from_millis(100),
        auth: UpstreamAuth::default(),
    }
}

pub(crate) fn at(address: SocketAddr) -> Upstream {
    settings(&format!("http://{address}"))
}

/// One backend and the registry of its metrics.
pub(crate) fn backend(settings: Upstream) -> (Arc<Backend>, Registry) {
    let registry = Registry::new();
    let upstreams = Upstreams::new(&[settings], &registry).unwrap();
    (Arc::clone(upstreams.default_hot()), registry)
}

/// The value of a metric line such as `hecate_upstream_retries_total{upstream="main"}`.
pub(crate) fn metric(registry: &Registry, series: &str) -> Option<f64> {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
    String::from_utf8(text).unwrap().lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// Binds every selector to these values of a label; to nothing when there are none.
struct Bound<'a>(&'a str, Arc<[String]>);

impl TenantRules for Bound<'_> {
    fn rule(&self, _name: MetricName<'_>) -> Result<Rule, Refusal> {
        let names = NameGuard::default();
        Ok(if self.1.is_empty() { Rule::Open(names) } else { Rule::Tenant { label: self.0.into(), values: Arc::clone(&self.1), names } })
    }

    fn everything(&self) -> Vec<Rule> {
        Vec::new()
    }
}

/// The text as someone sees it who may read everything.
pub(crate) fn text(text: &str) -> EnforcedText {
    bound(text, "namespace", &[])
}

/// The text bound to values of a label.
pub(crate) fn bound(text: &str, label: &str, values: &[String]) -> EnforcedText {
    let query = ScopedQuery::new(text, &Bound(label, values.into()), &Options::default(), ConflictMode::Empty).unwrap();
    query.text(None).unwrap()
}

pub(crate) fn query(expression: &str) -> Call {
    Call::new(ApiPath::Query, Params::new().query(&text(expression)), 1 << 20)
}

/// Head and body together; fails the test when that takes longer than `limit`.
pub(crate) async fn whole(backend: &Backend, call: Call, limit: Duration) -> Result<(u16, String), UpstreamError> {
    let began = Instant::now();
    let outcome = async {
        let Answer { status, mut body, .. } = backend.send(call).await?;
        let bytes = body.read_up_to(1 << 20).await?.expect("more than the limit of the call");
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    };
    let outcome = tokio::time::timeout(Duration::from_secs(20), outcome).await.expect("it hangs");
    assert!(began.elapsed() <= limit, "took {:?}, allowed are {limit:?}: {outcome:?}", began.elapsed());
    outcome
}
