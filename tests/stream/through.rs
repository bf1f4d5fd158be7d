//! What stands between: nginx, HTTP/2, a real browser.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, params};
use crate::first::{QUERIES, all_same, pairs};
use crate::support::exporter::{Exporter, Page};
use crate::support::{Http2, eventually, free_port};
use crate::world::{STEP, Settings, World};

const SOON: Duration = Duration::from_secs(20);

/// Ended when it is dropped.
pub struct Program(pub Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx in front of a replica, once as the manual says and once with nothing but `proxy_pass`.
fn nginx(folder: &std::path::Path, port: u16, hecate: &str) -> Program {
    let manual = include_str!("../../docs/streams.md");
    let location = manual.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap().replace("http://hecate:7070", hecate);
    let plain = format!("location /plain/ {{ proxy_pass {hecate}/; gzip on; gzip_types *; }}");
    let config = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\nevents {{}}\nhttp {{ access_log off; client_body_temp_path {0}/a; \
         proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;\n\
         server {{ listen 127.0.0.1:{port};\n{location}\n{plain} }} }}",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Program(command.spawn().expect("nginx is missing: run make setup"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_through_nginx_as_they_are_sent() {
    let mut world = World::start(Settings::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let _nginx = nginx(folder.path(), port, world.replicas[0].url());
    eventually("nginx listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    let through = |prefix: &str, is_gzip: bool| {
        let plan = world.plan(0, &pairs("30s"));
        let mut plan = if is_gzip { plan.gzip() } else { plan };
        plan.bases = Arc::new(Mutex::new(vec![format!("http://127.0.0.1:{port}{prefix}")]));
        Client::start(plan)
    };
    let clients =
        [through("", false), through("/plain", false), through("", true), through("/plain", true), world.stream(0, &pairs("30s"))];
    let (direct, behind) = clients.split_last().unwrap();
    for client in &clients {
        client.sees("deltas", SOON, |seen| (seen.count("delta") >= 6 * QUERIES.len()).then_some(())).await;
    }
    // An event is through as soon as it is there directly.
    let arrived = |client: &Client| {
        client.see(|seen| seen.events.iter().filter(|e| e.id.is_some()).map(|e| (e.id.clone(), e.at)).collect::<Vec<_>>())
    };
    let direct = arrived(direct);
    for client in behind {
        let mut late: Vec<Duration> = arrived(client)
            .into_iter()
            .filter_map(|(id, at)| direct.iter().find(|(other, _)| *other == id).map(|(_, first)| at.saturating_duration_since(*first)))
            .collect();
        late.sort_unstable();
        assert!(late.len() > 3 && late[late.len() / 2] < Duration::from_millis(300), "{late:?}");
    }
    for (nth, client) in behind.iter().enumerate() {
        client.see(|seen| assert_eq!(seen.headers.contains_key("content-encoding"), nth >= 2, "{nth}: {:?}", seen.headers));
    }
    world.settle().await;
    for client in &clients {
        let now = client.see(|seen| seen.count("delta"));
        client.sees("ticks", SOON, |seen| (seen.count("delta") >= now + 2 * QUERIES.len()).then_some(())).await;
        all_same(&world, client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_on_one_connection_of_http2() {
    let world = World::start(Settings::default()).await;
    let http2 = Http2::over(TcpStream::connect(world.replicas[0].address()).await.unwrap()).await;
    let mut bodies = Vec::new();
    for window in ["10s", "20s", "30s"] {
        let query = params(&[("query", "growing_total"), ("step", STEP), ("window", window)]);
        let uri = format!("http://h/api/v1/metrics/stream?{query}");
        let request = http::Request::get(uri).header("authorization", "Bearer token-alice").body(()).unwrap();
        let mut sender = http2.sender().ready().await.unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        let response = timeout(SOON, response).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        bodies.push(response.into_body());
    }
    for mut body in bodies {
        let mut text = String::new();
        let three_ticks = async {
            while text.matches("event: delta").count() < 3 {
                let piece = body.data().await.expect("the stream ended").unwrap();
                let _ = body.flow_control().release_capacity(piece.len());
                text.push_str(std::str::from_utf8(&piece).unwrap());
            }
        };
        timeout(SOON, three_ticks).await.expect("no deltas over HTTP/2");
        assert!(text.contains("event: connected") && text.contains("event: snapshot"), "{text}");
    }
    drop(http2);
    world.replicas[0].metric_becomes("hecate_stream_connections", 0.0).await;
}

/// The example of the manual, in Chromium: a real EventSource puts the window together, through a connection that is lost in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_in_chromium() {
    let reports: Arc<Mutex<Vec<String>>> = Arc::default();
    let (page, told): (Arc<Mutex<String>>, _) = (Arc::default(), reports.clone());
    let serving = page.clone();
    let site = Exporter::serving(move |path| {
        if let Some(report) = path.strip_prefix("/report?") {
            let text = form_urlencoded::parse(report.as_bytes()).next().map(|(key, _)| key.into_owned()).unwrap_or_default();
            told.lock().unwrap().push(text);
            return Some(Page { content_type: "text/plain", body: Vec::new() });
        }
        (path == "/").then(|| Page { content_type: "text/html", body: serving.lock().unwrap().clone().into_bytes() })
    });
    let origin = format!("http://{}", site.address());
    let server: &'static str = Box::leak(format!("cors_origins: [\"{origin}\"]").into_boxed_str());
    let mut world = World::start(Settings { open: true, server, ..Settings::default() }).await;
    let manual = include_str!("../../docs/streams.md");
    let example = manual.split("```js\n").nth(1).unwrap().split("```").next().unwrap();
    let query = params(&[("query", "flickering"), ("query", "mixed"), ("step", STEP), ("window", "40s")]);
    let address = format!("{}/api/v1/metrics/stream?{query}", world.replicas[0].url());
    *page.lock().unwrap() = format!(
        "<script>{example}
        let opened = 0;
        const live = new Live({address:?}, () => {{}});
        live.source.onopen = () => opened++;
        setInterval(() => {{
          if (live.queries.size < 2) return;
          const one = (id) => ({{ start: live.queries.get(id).start, end: live.queries.get(id).end, result: live.answer(id) }});
          fetch('/report?' + encodeURIComponent(JSON.stringify({{ opened, state: live.source.readyState, q0: one('q0'), q1: one('q1') }})));
        }}, 300);</script>"
    );
    let profile = tempfile::tempdir().unwrap();
    let _chromium = chromium(profile.path(), &origin);
    let latest = || reports.lock().unwrap().last().map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    let first = patiently("a report of the browser", async || latest()).await;
    assert_eq!(first["opened"], 1);
    patiently("ticks", async || latest().filter(|now| now["q0"]["end"].as_f64() > first["q0"]["end"].as_f64().map(|end| end + 4.0))).await;
    world.settle().await;
    // What it put together is what Prometheus answers for the very window.
    patiently("the same as Prometheus", async || {
        let now = latest()?;
        for (id, text) in [("q0", "flickering"), ("q1", "mixed")] {
            let ms = |name: &str| (now[id][name].as_f64().unwrap() * 1000.0) as i64;
            let truth: serde_json::Value = serde_json::from_str(&world.truth(text, ms("start"), ms("end")).await).unwrap();
            if truth["data"]["result"] != now[id]["result"] {
                return None;
            }
            assert!(!truth["data"]["result"].as_array().unwrap().is_empty());
        }
        Some(())
    })
    .await;
    assert!(world.replicas[0].metric("hecate_stream_compressions_total").await > 0.0, "the browser takes gzip");
    // The process goes; another one takes its address: the browser comes back by itself.
    let listen = world.replicas[0].address().to_owned();
    world.replicas[0].signal("TERM");
    world.replicas[0].ended(SOON).await;
    let again = world.one_more(&[("HECATE__SERVER__LISTEN", &listen)]);
    let back = patiently("the browser is back", async || latest().filter(|now| now["opened"] == 2)).await;
    patiently("ticks again", async || latest().filter(|now| now["q0"]["end"].as_f64() > back["q0"]["end"].as_f64().map(|end| end + 2.0)))
        .await;
    assert_eq!(again.metric(r#"hecate_stream_frames_total{event="snapshot"}"#).await, 0.0, "it went on where it was");
}

/// Opens a page.
pub fn chromium(profile: &std::path::Path, page: &str) -> Program {
    Program(
        Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is missing: run make setup"),
    )
}

/// Browsers start slowly on a busy machine.
pub async fn patiently<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("{what}: not within 90 s");
}
