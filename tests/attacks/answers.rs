//! What a backend answers: headers, errors and redirects that name others, and one that lives below a path.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Hecate, client};
use crate::world::MARKER;

const TARGETS: [&str; 9] = [
    "/api/v1/query?query=up",
    "/api/v1/query_range?query=up&start=1&end=2&step=1",
    "/api/v1/labels",
    "/api/v1/label/pod/values",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/api/v1/metadata",
    "/federate?match[]=up",
    "/api/v1/query_exemplars?query=up",
];

/// Answers everything in the same words; ends with the runtime.
async fn upstream(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut piece = [0; 16 * 1024];
                let _ = socket.read(&mut piece).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

fn before(upstream: &str) -> Hecate {
    Hecate::start(
        "",
        &format!(
            "upstreams: [{{name: prometheus, url: \"http://{upstream}\", retries: 0}}]\n\
             auth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n"
        ),
        &[("users.yaml", &crate::stage::everybody())],
    )
}

/// Status and everything else that alice gets.
async fn asked(hecate: &Hecate, target: &str) -> (u16, String) {
    let request = client().get(format!("{}{target}", hecate.url())).bearer_auth("token-alice").header("X-Request-Id", "mine");
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
    (status, headers + &answer.text().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_bad_answer_is_passed_on() {
    let json = |status: &str, kind: &str| {
        let body = format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":\"block {MARKER} is broken\"}}");
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let headers = format!("X-Served-By: {MARKER}\r\nSet-Cookie: {MARKER}=1\r\nWarning: 199 {MARKER}\r\nX-Prometheus-Series: {MARKER}");
    let empty = "{\"status\":\"success\",\"data\":{}}";
    let mut answers = vec![
        json("500 Internal Server Error", "internal"),
        json("500 Internal Server Error", MARKER),
        json("503 Service Unavailable", "internal"),
        json("200 OK", "internal")
            .replace("application/json", &format!("application/json; x={MARKER}"))
            .replace(&format!("block {MARKER} is"), "it is"),
        format!("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>{MARKER}</html>"),
        format!("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno {MARKER} here"),
        format!("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{MARKER}"),
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/{MARKER}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"{MARKER}\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        ),
        format!("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n{MARKER} is forbidden"),
        format!(
            "HTTP/1.1 200 {MARKER}\r\n{headers}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{empty}",
            empty.len()
        ),
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {MARKER}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{MARKER}\r\n\r\n"),
    ];
    // What the filters cannot read does not leave.
    let filtered = [format!("[\"{MARKER}\"]"), format!("{{\"data\":[\"{MARKER}\"]}}"), format!("{{\"data\":{{\"groups\":\"{MARKER}\"")];
    answers.extend(
        filtered.iter().map(|body| format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
    );
    let whole = answers.len() - filtered.len();
    let mut count = 0;
    for (i, answer) in answers.into_iter().enumerate() {
        let hecate = before(&upstream(answer.clone()).await);
        let filtered_paths = ["/api/v1/rules", "/api/v1/alerts", "/api/v1/metadata"];
        for target in TARGETS.iter().filter(|target| i < whole || filtered_paths.contains(target)) {
            let (status, all) = asked(&hecate, target).await;
            let content_type_is_theirs = answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type") && !filtered_paths.contains(target);
            assert!(!all.contains(MARKER) || content_type_is_theirs, "{target}: {status} {all}\n{answer}");
            assert!(status != 500 || answer.starts_with("HTTP/1.1 500"), "{target}: {all}\n{answer}");
            count += 1;
        }
        assert!(!hecate.log().contains("panicked"), "{}", hecate.log());
    }
    println!("answers of the backend: {count} requests");
}

/// The filters hang on our route, not on the backend's path.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_below_a_path_is_filtered_too() {
    let rule = |namespace: &str, name: &str| {
        let labels = format!("{{\"alertname\":\"{name}\",\"namespace\":\"{namespace}\"}}");
        format!(
            "{{\"name\":\"{name}\",\"query\":\"up\",\"labels\":{labels},\"alerts\":[{{\"labels\":{labels}}}],\"health\":\"ok\",\"type\":\"alerting\"}}"
        )
    };
    let rules = format!("\"groups\":[{{\"name\":\"g\",\"file\":\"f\",\"rules\":[{},{}]}}]", rule("a", "Own"), rule("b", MARKER));
    let body = format!("{{\"status\":\"success\",\"data\":{{{rules}}}}}");
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for path in ["", "/prometheus", "/select/0/prometheus/", "/api/v1/rules"] {
        let hecate = before(&format!("{}{path}", upstream(answer.clone()).await));
        for target in ["/api/v1/rules", "/ns/a/api/v1/rules", "/api/v1/alerts"] {
            let (status, all) = asked(&hecate, target).await;
            assert!(status == 200 && all.contains("Own") && !all.contains(MARKER), "{path} {target}: {status} {all}");
        }
    }
}
