//! One Prometheus with the series of two tenants, where everything of tenant `b` carries [`MARKER`].

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Prometheus, PrometheusOptions, client, eventually};

/// Part of every name, value and text that alice may not see. No request of the corpus contains it.
pub(crate) const MARKER: &str = "qz9hidden";

/// What tenant a exposes.
const OF_A: &str = "\
# HELP app_requests Requests as a tells them.
# TYPE app_requests counter
app_requests_total{path=\"/a\"} 10 # {trace_id=\"trace-of-a\"} 1.0
# HELP a_only Of a alone.
# TYPE a_only gauge
a_only{pod=\"p\"} 1
# TYPE suffix_trick_total unknown
suffix_trick_total 1
# EOF
";

/// What tenant b exposes.
const OF_B: &str = "\
# HELP app_requests Requests QZ tells.
# TYPE app_requests counter
app_requests_total{path=\"/QZ\",QZ_label=\"1\"} 20 # {trace_id=\"QZ-trace\"} 1.0
# HELP QZ_things About QZ.
# TYPE QZ_things gauge
QZ_things{x=\"QZ\"} 1
# HELP suffix_trick A gauge of QZ.
# TYPE suffix_trick gauge
suffix_trick 1
# EOF
";

/// An exporter of the platform that runs in namespace a, and speaks of everybody.
const OF_THE_PLATFORM: &str = "\
# HELP DCGM_FI_DEV_GPU_UTIL Utilisation.
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{exported_namespace=\"a\",gpu=\"0\"} 5
DCGM_FI_DEV_GPU_UTIL{exported_namespace=\"b\",gpu=\"1\",exported_pod=\"QZ\"} 6
# HELP node_secret Of node QZ.
# TYPE node_secret gauge
node_secret{node=\"QZ\"} 1
# TYPE kueue_secret gauge
kueue_secret{queue=\"QZ\"} 1
# TYPE training_operator_jobs_secret gauge
training_operator_jobs_secret{job_namespace=\"b\",x=\"QZ\"} 1
# TYPE istio_secret gauge
istio_secret{destination_service_namespace=\"b\",source_workload_namespace=\"a\",x=\"QZ\"} 1
# EOF
";

/// Values of the tenant label that are near to `a` but not it.
const ODD: &str = "\
# TYPE odd gauge
odd{namespace=\"a|b\",s=\"QZ\"} 1
odd{namespace=\"a \",s=\"QZ\"} 1
odd{namespace=\" a\",s=\"QZ\"} 1
odd{namespace=\"A\",s=\"QZ\"} 1
odd{namespace=\"aa\",s=\"QZ\"} 1
odd{namespace=\"a\\n\",s=\"QZ\"} 1
odd{namespace=\".*\",s=\"QZ\"} 1
odd{namespace=\"a.*\",s=\"QZ\"} 1
odd{namespace=\"а\",s=\"QZ\"} 1
odd{s=\"QZ\"} 1
# EOF
";

const RULES_OF_A: &str = "\
groups:
- name: a-group
  rules:
  - {alert: AOwn, expr: 'a_only{namespace=\"a\"} == 1', annotations: {summary: own}}
  - {record: 'a:rec', expr: 'sum(a_only{namespace=\"a\"})', labels: {namespace: a}}
";

const RULES_OF_B: &str = "\
groups:
- name: QZ-group
  rules:
  - {alert: QZAlert, expr: 'QZ_things{namespace=\"b\"} == 1', annotations: {summary: QZ}}
  - {alert: BLabel, expr: 'vector(1)', labels: {namespace: b, why: QZ}}
  - {record: 'QZ:rec', expr: 'vector(1)', labels: {namespace: b}}
";

/// Rules that read both tenants: what they make of a's series is a's, their texts are nobody's.
const RULES_OF_ALL: &str = "\
groups:
- name: mixed
  rules:
  - {alert: Everyone, expr: 'app_requests_total{path!=\"QZ\"} > 0', annotations: {summary: 'path {{ $labels.path }}'}}
  - {alert: Either, expr: 'app_requests_total{namespace=~\"a|b\",path!=\"QZ\"} > 0'}
  - {record: 'mixed:rec', expr: 'sum by (namespace) (app_requests_total{path!=\"QZ\"})'}
";

/// Starts it, and waits until everything that could leak is there.
pub(crate) async fn start() -> Prometheus {
    let exporter = exporter().await;
    let config = marked(&format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s, scrape_timeout: 1s}}
rule_files: [a.yml, QZ.yml, mixed.yml]
alerting: {{alertmanagers: [{{path_prefix: /QZ, static_configs: [{{targets: ['127.0.0.1:1']}}]}}]}}
scrape_configs:
- {{job_name: a, metrics_path: /a, static_configs: [{{targets: ['{exporter}'], labels: {{namespace: a}}}}]}}
- {{job_name: QZ-job, metrics_path: /b, static_configs: [{{targets: ['{exporter}'], labels: {{namespace: b}}}}]}}
- {{job_name: platform, metrics_path: /platform, static_configs: [{{targets: ['{exporter}'], labels: {{namespace: a}}}}]}}
- {{job_name: odd, metrics_path: /odd, honor_labels: true, static_configs: [{{targets: ['{exporter}']}}]}}
"
    ));
    let (b_file, b_rules, all_rules) = (marked("QZ.yml"), marked(RULES_OF_B), marked(RULES_OF_ALL));
    let files = [("a.yml", RULES_OF_A), (b_file.as_str(), b_rules.as_str()), ("mixed.yml", all_rules.as_str())];
    let flags = ["--enable-feature=exemplar-storage", "--web.enable-lifecycle", "--web.enable-admin-api"];
    let prometheus = Prometheus::start(PrometheusOptions { config: &config, files: &files, flags: &flags, history: None }).await;
    let http = client();
    for (path, needle) in [
        ("/api/v1/query?query=ALERTS{namespace=\"b\"}", "firing"),
        ("/api/v1/query?query=ALERTS{namespace=\"a\"}", "firing"),
        ("/api/v1/alerts", "path /a"),
        ("/api/v1/alerts", marked("path /QZ").as_str()),
        ("/api/v1/query?query=mixed:rec", "\"a\""),
        ("/api/v1/query?query=mixed:rec", "\"b\""),
        ("/api/v1/query_exemplars?query=app_requests_total&start=0&end=9999999999", "-trace"),
        ("/api/v1/query?query=odd", MARKER),
        ("/api/v1/query?query=node_secret", MARKER),
        ("/api/v1/metadata", "app_requests"),
    ] {
        eventually(path, async || {
            let text = http.get(format!("{}{path}", prometheus.url())).send().await.ok()?.text().await.ok()?;
            text.contains(needle).then_some(())
        })
        .await;
    }
    prometheus
}

fn marked(text: &str) -> String {
    text.replace("QZ", MARKER)
}

/// `host:port` of something that can be scraped; ends with the runtime.
async fn exporter() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut piece = [0; 8 * 1024];
                while let Ok(count) = socket.read(&mut piece).await {
                    let request = String::from_utf8_lossy(&piece[..count]).into_owned();
                    let text = match request.split(' ').nth(1) {
                        Some("/a") => OF_A,
                        Some("/b") => OF_B,
                        Some("/platform") => OF_THE_PLATFORM,
                        Some("/odd") => ODD,
                        _ => return,
                    };
                    let body = marked(text);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    if socket.write_all((head + &body).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
