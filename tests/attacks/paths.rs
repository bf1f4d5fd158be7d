//! Paths: spelling, prefixes, absolute form, and everything that is never served.

use crate::stage::{Attack, Stage, get_is, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths() {
    let mut stage = Stage::set().await;
    stage.attack_all(spelled()).await;
    stage.attack_all(prefixed()).await;
    stage.attack_all(labels()).await;
    stage.attack_all(never()).await;
    stage.end("paths", 180).await;
}

fn spelled() -> Vec<Attack> {
    let two_ways = [
        "//api/v1/query",
        "/api//v1/query",
        "/api/v1//query",
        "/api/v1/query/",
        "/api/v1/query//",
        "/./api/v1/query",
        "/api/v1/./query",
        "/api/v1/../v1/query",
        "/api/v1/query/..",
        "/api/v1/labels/../status/config",
        "/%2e/api/v1/query",
        "/api/v1/%2e%2e/v1/query",
        "/api/v1/%2E%2E/v1/query",
        "/api/v1/.%2e/v1/query",
        "/api%2fv1%2fquery",
        "/api%2Fv1/query",
        "/api/v1/label/a%2f..%2f..%2fquery/values",
        "/api%5cv1%5cquery",
        "/api\\v1\\query",
        "/api/v1/query%00",
        "/api/v1/query%0a",
        "/api/v1/query%0d%0aX:%20y",
        "/api/v1/query%7f",
        "/api/v1/query;x=y",
        "/api/v1;x/query",
        "/api/v1/query%3bx",
        "/api/v1/query%",
        "/api/v1/query%2",
        "/api/v1/query%zz",
        "/api/v1/query%c0%af",
        "/api/v1/%c0%ae%c0%ae/query",
        "/api/v1/query%ff",
    ];
    let elsewhere = [
        "/API/v1/query",
        "/api/V1/query",
        "/api/v1/QUERY",
        "/Federate",
        "/api/v1/query%20",
        "/api/v1/query.json",
        "/api/v1/query%2ejson",
        "/api/v1/query,",
        "/api/v1/query%3fquery=odd",
        "/api/v1/query%23",
        "/api/v1/%252e%252e/query",
        "/api%252fv1%252fquery",
        "/api/v1/query/odd",
        "/prometheus/api/v1/query",
        "/api/v2/query",
        "/api/v1",
        "/api",
        "/",
        "/...",
        "/..;x",
        "/api/v1/ｑuery",
    ];
    let with = |path: &&str, right: &[u16]| get_is(&format!("{path}?query=app_requests_total"), right);
    let mut attacks: Vec<Attack> = two_ways.iter().map(|path| with(path, &[400])).collect();
    attacks.extend(elsewhere.iter().map(|path| with(path, &[404, 400])));
    attacks.extend([
        get_is("/%61pi/v1/query?query=app_requests_total", &[200]),
        get_is("/api/v1/%71uery?query=app_requests_total", &[200]),
        get_is("/api/v1/query#/../../status/config?query=odd", &[0, 400]),
        get_is("http://hecate/api/v1/query?query=app_requests_total", &[200]),
        get_is("http://victim:9090/api/v1/query?query=app_requests_total", &[200, 400]),
        get_is("http://victim:9090/api/v1/status/config", &[403, 400]),
        get_is("http://victim:9090//api/v1/query?query=odd", &[400]),
        get_is("http://victim/ns/b/api/v1/query?query=odd", &[403, 400]),
        get_is("https://user:pw@victim/api/v1/query?query=app_requests_total", &[200, 400]),
        get_is("file:///etc/passwd", &[0, 400, 404]),
        get_is("gopher://x/api/v1/query?query=app_requests_total", &[0, 200, 400]),
        get_is("http:///api/v1/query?query=odd", &[0, 400]),
        get_is("http://", &[0, 400]),
        get_is("*", &[0, 400]),
        request("OPTIONS", "*").right(&[0, 200, 204, 400]),
        get_is("api/v1/query?query=odd", &[0, 400, 404]),
        get_is("victim:9090", &[0, 400, 404]),
        get_is("@victim/api/v1/query", &[0, 400, 404]),
        get_is("?query=odd", &[0, 400, 404]),
        get_is("/?query=odd", &[404]),
        get_is(&format!("/{}", "a/".repeat(15_000)), &[400]),
        get_is(&format!("/{}a", "a/".repeat(15_000)), &[404]),
        get_is(&format!("/{}", "a".repeat(33_000)), &[414]),
        get_is(&format!("/{}", "%2e%2e/".repeat(4_000)), &[400]),
    ]);
    attacks
}

fn prefixed() -> Vec<Attack> {
    let q = "api/v1/query?query=app_requests_total";
    let all = [
        (format!("/ns/a/{q}"), 200),
        (format!("/ns/b/{q}"), 403),
        (format!("/ns/%62/{q}"), 403),
        (format!("/ns/%61/{q}"), 200),
        (format!("/n%73/b/{q}"), 403),
        (format!("/ns/b/ns/a/{q}"), 404),
        (format!("/ns/a/ns/b/{q}"), 404),
        (format!("/ns/a/ns/a/{q}"), 404),
        (format!("/ns//{q}"), 400),
        (format!("/ns/{q}"), 404),
        (format!("/NS/b/{q}"), 404),
        (format!("/ns/A/{q}"), 400),
        (format!("/ns/a,b/{q}"), 400),
        (format!("/ns/a%2cb/{q}"), 400),
        (format!("/ns/a%7Cb/{q}"), 400),
        (format!("/ns/.*/{q}"), 400),
        (format!("/ns/*/{q}"), 400),
        (format!("/ns/%2e%2e/{q}"), 400),
        (format!("/ns/a%2f..%2fb/{q}"), 400),
        (format!("/ns/a%00/{q}"), 400),
        (format!("/ns/a%20/{q}"), 400),
        (format!("/ns/a%3f/{q}"), 400),
        (format!("/ns/a%23/{q}"), 400),
        (format!("/ns/a%22%7D/{q}"), 400),
        (format!("/ns/-a/{q}"), 400),
        (format!("/ns/{}/{q}", "a".repeat(64)), 400),
        (format!("/ns/%D0%B0/{q}"), 400),
        (format!("/ns/a/{q}&namespace=b"), 403),
        (format!("/ns/b/{q}&namespace=a"), 403),
        ("/ns/b/api/v1/rules".to_owned(), 403),
        ("/ns/b/api/v1/alerts".to_owned(), 403),
        ("/ns/b/api/v1/metadata".to_owned(), 403),
        ("/ns/b/api/v1/labels".to_owned(), 403),
        ("/ns/b/api/v1/series?match[]=odd".to_owned(), 403),
        ("/ns/b/federate?match[]=odd".to_owned(), 403),
        ("/ns/b/api/v1/label/namespace/values".to_owned(), 403),
        ("/ns/b/api/v1/query_exemplars?query=odd".to_owned(), 403),
        ("/ns/a/api/v1/status/config".to_owned(), 403),
        ("/ns/a/api/v1/targets".to_owned(), 403),
        ("/ns/a".to_owned(), 404),
        ("/ns".to_owned(), 404),
        ("/ns/a/metrics".to_owned(), 404),
        ("/ns/a/debug/config".to_owned(), 404),
    ];
    all.iter().map(|(target, status)| get_is(target, &[*status])).collect()
}

fn labels() -> Vec<Attack> {
    [
        ("/api/v1/label/namespace/values", 200),
        ("/api/v1/label/U__namespace/values", 200),
        ("/api/v1/label/U__exported__namespace/values", 200),
        ("/api/v1/label/path/values?match[]={namespace=\"b\"}", 200),
        ("/api/v1/label/__name__/values?match[]={exported_namespace=\"b\"}", 200),
        ("/api/v1/label/%6eamespace/values", 200),
        ("/api/v1/label/a.b/values", 200),
        ("/api/v1/label/a..b/values", 200),
        ("/api/v1/label/%25%32%65/values", 200),
        ("/api/v1/label/%22%7D/values", 200),
        ("/api/v1/label/x%3Fmatch%5B%5D=y/values", 200),
        ("/api/v1/label/x%23/values", 200),
        ("/api/v1/label/caf%C3%A9/values", 200),
        ("/api/v1/label/U__/values", 200),
        ("/api/v1/label/U___zz_/values", 200),
        ("/api/v1/label//values", 400),
        ("/api/v1/label/../values", 400),
        ("/api/v1/label/%2e%2e/values", 400),
        ("/api/v1/label/x%00/values", 400),
        ("/api/v1/label/a/b/values", 404),
        ("/api/v1/label/namespace/values/x", 404),
        ("/api/v1/label/namespace", 404),
    ]
    .iter()
    .map(|(target, status)| get_is(target, &if *status == 200 { vec![200, 400] } else { vec![*status] }))
    .chain([get_is(&format!("/api/v1/label/{}/values", "x".repeat(2_000)), &[400])])
    .collect()
}

/// What is only for cluster-wide callers, and what is for nobody.
fn never() -> Vec<Attack> {
    let cluster = [
        "/api/v1/targets",
        "/api/v1/targets?state=any&scrapePool=a",
        "/api/v1/targets/metadata",
        "/api/v1/targets/metadata?match_target={namespace=\"a\"}",
        "/api/v1/alertmanagers",
        "/api/v1/status/config",
        "/api/v1/status/flags",
        "/api/v1/status/tsdb",
        "/api/v1/status/runtimeinfo",
    ];
    let nobody = [
        // Prometheus
        "/api/v1/read",
        "/api/v1/write",
        "/api/v1/otlp/v1/metrics",
        "/api/v1/admin/tsdb/delete_series?match[]=odd",
        "/api/v1/admin/tsdb/snapshot",
        "/api/v1/admin/tsdb/clean_tombstones",
        "/-/reload",
        "/-/quit",
        "/debug/pprof/heap",
        "/debug/pprof/cmdline",
        "/debug/vars",
        "/debug/config",
        "/metrics",
        "/graph",
        "/query",
        "/classic/graph",
        "/consoles/prometheus.html",
        "/user/x",
        "/static/x",
        "/api/v1/status/walreplay",
        "/api/v1/status/tsdb/blocks",
        "/api/v1/status/self_metrics",
        "/api/v1/notifications",
        "/api/v1/notifications/live",
        "/api/v1/scrape_pools",
        "/api/v1/targets/relabel_steps",
        "/api/v1/features",
        "/api/v1/openapi.yaml",
        "/api/v1/search/metric_names",
        "/api/v1/info_labels",
        "/api/v1/series/count",
        // Thanos
        "/api/v1/stores",
        "/api/v1/exemplars",
        "/api/v1/receive",
        "/api/v1/blocks",
        "/api/v1/query_explain",
        "/api/v1/query_range_explain",
        "/api/v1/info/labels",
        "/loki/api/v1/push",
        // Mimir
        "/prometheus/api/v1/query?query=odd",
        "/prometheus/api/v1/cardinality/label_names",
        "/prometheus/api/v1/cardinality/active_series",
        "/api/v1/push",
        "/api/v1/user_stats",
        "/api/v1/user_limits",
        "/api/v1/cardinality/label_values",
        "/distributor/all_user_stats",
        "/ingester/flush",
        "/ingester/tenants",
        "/store-gateway/tenants",
        "/compactor/delete_tenant",
        "/memberlist",
        "/config",
        "/runtime_config",
        "/services",
        "/multitenant_alertmanager/configs",
        // VictoriaMetrics
        "/select/0/prometheus/api/v1/query?query=odd",
        "/insert/0/prometheus/api/v1/write",
        "/api/v1/export?match[]=odd",
        "/api/v1/export/native?match[]=odd",
        "/api/v1/export/csv?match[]=odd",
        "/api/v1/import",
        "/api/v1/import/prometheus",
        "/api/v1/status/top_queries",
        "/api/v1/status/active_queries",
        "/api/v1/status/metric_names_stats",
        "/api/v1/admin/tenants",
        "/admin/tenants",
        "/internal/force_flush",
        "/internal/resetRollupResultCache",
        "/snapshot/create",
        "/vmui",
        "/vmalert/api/v1/rules",
        "/graphite/metrics/find",
        "/render?target=odd",
        "/prettify-query",
        "/flags",
        "/-/healthyz",
    ];
    let mut attacks: Vec<Attack> = cluster.iter().map(|path| get_is(path, &[403])).collect();
    for path in nobody {
        attacks.push(get_is(path, &[404]));
        attacks.push(
            request("POST", path)
                .header("Content-Type: application/x-protobuf")
                .body("cnry7q")
                .authorization(Some("Bearer token-admin"))
                .right(&[404]),
        );
    }
    for path in cluster {
        attacks.push(request("POST", path).right(&[405]));
        attacks.push(get_is(&format!("{path}{}namespace=b", if path.contains('?') { '&' } else { '?' }), &[403]));
    }
    attacks.extend([
        request("PUT", "/-/quit").right(&[404]),
        request("PUT", "/api/v1/admin/tsdb/snapshot").right(&[404]),
        request("DELETE", "/api/v1/series?match[]=odd").right(&[405]),
        request("HEAD", "/api/v1/status/config").right(&[403]),
        request("OPTIONS", "/api/v1/status/config")
            .header("Origin: http://evil")
            .header("Access-Control-Request-Method: GET")
            .right(&[200, 204]),
    ]);
    attacks
}
