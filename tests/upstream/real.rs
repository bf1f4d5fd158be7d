//! Every path against a real Prometheus.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hecate::upstream::{ApiPath, Call, HealthState, LabelName, ParamName, Params, prometheus_error};
use tokio::process::{Child, Command};

use crate::stand_in::{backend, bound, settings, text, whole};

const LIMIT: Duration = Duration::from_secs(10);

struct Prometheus {
    _process: Child,
    _folder: tempfile::TempDir,
    url: String,
}

/// Scrapes itself; below a path prefix, as behind a gateway.
async fn prometheus() -> Prometheus {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin/prometheus");
    assert!(binary.exists(), "{} is missing: run `make setup`", binary.display());
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.path().join("prometheus.yml");
    let scrape = "scrape_configs:\n- job_name: self\n  scrape_interval: 1s\n  metrics_path: /prom/metrics\n  static_configs:\n";
    std::fs::write(&config, format!("{scrape}  - targets: ['127.0.0.1:{port}']\n    labels: {{'http.kind': 'a/b'}}\n")).unwrap();
    let process = Command::new(binary)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--web.external-url=http://localhost/prom", "--log.level=error", "--enable-feature=exemplar-storage"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Prometheus { _process: process, _folder: folder, url: format!("http://127.0.0.1:{port}/prom") }
}

#[tokio::test]
async fn every_path_answers() {
    let prometheus = prometheus().await;
    let mut settings = settings(&prometheus.url);
    settings.retries = 0;
    settings.timeout = LIMIT;
    let (backend, _) = backend(settings);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    backend.spawn_health(stopped);
    let began = Instant::now();
    let has_samples = || async {
        let count = Call::new(ApiPath::Query, Params::new().query(&text("count_over_time(up[1m]) >= 2")), 1 << 20);
        backend.health().state() == HealthState::Up && whole(&backend, count, LIMIT).await.is_ok_and(|(_, body)| body.contains("self"))
    };
    while !has_samples().await {
        assert!(began.elapsed() < Duration::from_secs(30), "not ready: {:?}", backend.health().state());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(backend.health().version().unwrap()["version"].as_str().unwrap().starts_with("3."));

    let selector = || Params::new().matcher(&text("up"));
    let values = |name: &str| ApiPath::LabelValues(LabelName::new(name).unwrap());
    let range = |params: Params| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let params = params.scalar(ParamName::START, &(now - 10).to_string()).unwrap();
        params.scalar(ParamName::END, &now.to_string()).unwrap().scalar(ParamName::STEP, "1").unwrap()
    };
    let others = (0..6000).map(|number| format!("team-with-a-long-name-{number}"));
    let names: Vec<_> = std::iter::once("self".to_owned()).chain(others).collect();
    let long = bound("up", "job", &names);
    let none = Params::new;
    let cases = [
        (ApiPath::Query, none().query(&text("up")), "\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\""),
        (ApiPath::Query, none().query(&long), "\"__name__\":\"up\""),
        (ApiPath::QueryRange, range(none().query(&text("up"))), "\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\""),
        (ApiPath::QueryRange, range(none().query(&long)), "\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\""),
        (ApiPath::QueryExemplars, range(none().query(&text("up"))), "\"data\":[]"),
        (ApiPath::Series, selector(), "\"__name__\":\"up\""),
        (ApiPath::Series, none().matcher(&long), "\"__name__\":\"up\""),
        (ApiPath::Labels, selector(), "[\"__name__\",\"http.kind\",\"instance\",\"job\"]"),
        (values("job"), selector(), "\"data\":[\"self\"]"),
        (values("__name__"), selector(), "\"data\":[\"up\"]"),
        (values("http.kind"), selector(), "\"data\":[\"a/b\"]"),
        (values("../../query"), none(), "\"data\":[]"),
        (ApiPath::Metadata, none().scalar(ParamName::LIMIT, "1").unwrap(), "\"type\":"),
        (ApiPath::Rules, none(), "\"groups\":[]"),
        (ApiPath::Alerts, none(), "\"alerts\":[]"),
        (ApiPath::Targets, none().scalar(ParamName::STATE, "active").unwrap(), "\"scrapePool\":\"self\""),
        (ApiPath::TargetsMetadata, none().scalar(ParamName::LIMIT, "1").unwrap(), "\"target\":"),
        (ApiPath::Alertmanagers, none(), "\"activeAlertmanagers\""),
        (ApiPath::BuildInfo, none(), "\"goVersion\""),
        (ApiPath::StatusConfig, none(), "scrape_configs"),
        (ApiPath::StatusFlags, none(), "web.listen-address"),
        (ApiPath::StatusTsdb, none(), "\"headStats\""),
        (ApiPath::RuntimeInfo, none(), "\"startTime\""),
        (ApiPath::Federate, selector(), "up{http_kind=\"a/b\""),
    ];
    for (path, params, expected) in cases {
        let shown = format!("{path:?}");
        let (status, body) = whole(&backend, Call::new(path, params, 1 << 20), LIMIT).await.unwrap();
        let start: String = body.chars().take(300).collect();
        assert!(status == 200 && body.contains(expected), "{shown}: {status} {start}");
    }
    for (call, expected) in
        [(Call::format_query("1+1", 1000), "\"data\":\"1 + 1\""), (Call::parse_query("1+1", 1000), "\"type\":\"binaryExpr\"")]
    {
        let (status, body) = whole(&backend, call, LIMIT).await.unwrap();
        assert!(status == 200 && body.contains(expected), "{status} {body}");
    }

    let (status, body) =
        whole(&backend, Call::new(ApiPath::Query, none().query(&text("up")).scalar(ParamName::TIME, "yesterday").unwrap(), 1 << 20), LIMIT)
            .await
            .unwrap();
    let error = prometheus_error(status, body.as_bytes());
    assert_eq!((status, error.error_type), (400, "bad_data"));
    assert!(error.message.contains("yesterday"), "{error:?}");
}
