//! A real browser with nothing but a session cookie.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::client::params;
use crate::support::exporter::{Exporter, Page};
use crate::support::{eventually, free_port};
use crate::through::{Program, chromium, patiently};
use crate::world::{STEP, Settings, World};

/// The page comes from the same origin as Hecate, which nginx makes of both: signs in, and opens a plain EventSource. A second one goes to
/// Hecate's own port: the cookie goes with it, since cookies know no ports, but it is a page of another origin that asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_in_chromium_with_a_session_cookie_only() {
    let world = World::start(Settings { replicas: 0, ..Settings::default() }).await;
    let hecate = world.one_more(&[("HECATE__AUTH__SIGN_IN__KIND", "token")]);
    let query = params(&[("query", "growing_total"), ("step", STEP), ("window", "30s")]);
    let path = format!("/api/v1/metrics/stream?{query}");
    let page = format!(
        "<script>
        const told = {{ signedIn: 0, snapshots: 0, deltas: 0, series: null, elsewhere: null, elsewhereEvents: 0, cookie: '?' }};
        const tell = () => fetch('/report?' + encodeURIComponent(JSON.stringify(told)));
        const open = async () => {{
          const json = {{ 'Content-Type': 'application/json' }};
          told.before = (await fetch('/auth/me')).status;
          told.signedIn = (await fetch('/auth/login', {{ method: 'POST', headers: json, body: '{{\"token\":\"token-alice\"}}' }})).status;
          told.cookie = document.cookie;
          const live = new EventSource({path:?});
          live.addEventListener('snapshot', (event) => {{ told.snapshots++; told.series = event.data; }});
          live.addEventListener('delta', () => told.deltas++);
          const other = new EventSource({direct:?}, {{ withCredentials: true }});
          for (const name of ['connected', 'snapshot', 'delta']) other.addEventListener(name, () => told.elsewhereEvents++);
          setInterval(() => {{ told.elsewhere = other.readyState; tell(); }}, 300);
        }};
        open();</script>",
        direct = format!("{}{path}", hecate.url()),
    );
    let reports: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
    let told = reports.clone();
    let site = Exporter::serving(move |path| {
        if let Some(report) = path.strip_prefix("/report?") {
            let text = form_urlencoded::parse(report.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default();
            told.lock().unwrap().push(serde_json::from_str(&text).unwrap());
            return Some(Page { content_type: "text/plain", body: Vec::new() });
        }
        (path == "/").then(|| Page { content_type: "text/html", body: page.clone().into_bytes() })
    });
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = format!(
        "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;\nevents {{}}\nhttp {{ access_log off; client_body_temp_path {0}/a; \
         proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;\n\
         server {{ listen 127.0.0.1:{port};\nlocation / {{ proxy_pass http://{1}; }}\n\
         location ~ ^/(api|auth)/ {{ proxy_pass {2}; proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host; }} }} }}",
        folder.path().display(),
        site.address(),
        hecate.url(),
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(folder.path()).arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _nginx = Program(nginx.spawn().expect("nginx is missing: run make setup"));
    eventually("nginx listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    let profile = tempfile::tempdir().unwrap();
    let _chromium = chromium(profile.path(), &format!("http://127.0.0.1:{port}/"));
    let latest = || reports.lock().unwrap().last().cloned();
    patiently("a report of the browser", async || latest()).await;
    let is_done = |now: &serde_json::Value| now["deltas"].as_u64() > Some(3) && now["elsewhere"] == 2;
    for _ in 0..100 {
        if latest().is_some_and(|now| is_done(&now)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let seen = latest().unwrap();
    assert!(is_done(&seen), "{seen}\n{}", hecate.log());
    assert_eq!((&seen["before"], &seen["signedIn"]), (&401.into(), &204.into()), "{seen}");
    assert_eq!(seen["cookie"], "", "no script of the page can read it");
    assert_eq!(seen["snapshots"], 1, "{seen}");
    let series = seen["series"].as_str().unwrap();
    assert!(series.contains("\"namespace\":\"a\"") && !series.contains("\"namespace\":\"b\""), "alice sees what is hers: {series}");
    assert_eq!(seen["elsewhereEvents"], 0, "a page of another origin opens no stream: {seen}");
    assert_eq!(hecate.metric("hecate_stream_connections").await, 1.0);
}
