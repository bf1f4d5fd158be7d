//! The model: labels that lie, series without a tenant, odd namespaces, narrowing, scopes of several.

use crate::stage::{Stage, enc, get_is, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn model() {
    let mut stage = Stage::set().await;
    // Alice may make labels in an answer, which changes nothing of what was read.
    for text in [
        "label_replace(odd, \"namespace\", \"a\", \"\", \"\")",
        "label_replace({__name__=\"odd\"}, \"namespace\", \"$1\", \"namespace\", \".*(a).*\")",
        "label_join(app_requests_total, \"namespace\", \"\", \"path\")",
        "sum by (s) (odd)",
        "sum without (namespace, job) ({__name__=~\"odd|app_requests_total\"})",
        "odd and on() app_requests_total",
        "app_requests_total and ignoring(namespace, path, job) odd",
        // Series without the tenant label belong to nobody.
        "odd{namespace=\"\"}",
        "odd{namespace=~\"|a\"}",
        "up{job=\"odd\"}",
        "up{namespace=~\".*\"}",
        "scrape_duration_seconds{job!=\"a\"}",
        "absent(odd)",
        "count({__name__=~\".+\"}) by (namespace)",
        // Values near to hers.
        "odd{namespace=\"A\"}",
        "odd{namespace=\"a \"}",
        "odd{namespace=\" a\"}",
        "odd{namespace=\"aa\"}",
        "odd{namespace=\"a|b\"}",
        "odd{namespace=\"a\\n\"}",
        "odd{namespace=\"а\"}",
        "odd{namespace=\".*\"}",
        "odd{namespace=~\"(?i)a\"}",
        "odd{namespace=~\"a\\\\s?\"}",
        "odd{namespace=~\"^a$\"}",
        "odd{namespace=~\"\\\\Qa\\\\E.*\"}",
        // The exporter runs in her namespace, and speaks of others.
        "{job=\"platform\"}",
        "{namespace=\"a\",job=\"platform\",gpu!=\"\"}",
        "count by (exported_namespace) ({job=\"platform\"})",
        "DCGM_FI_DEV_GPU_UTIL{namespace=\"a\",job=\"platform\"}",
        "DCGM_FI_DEV_GPU_UTIL{exported_namespace=~\".*\"}",
        "training_operator_jobs_secret",
        "istio_secret",
        "{__name__=~\"istio_.*\",source_workload_namespace=\"a\"}",
        "{__name__=~\"training_operator_jobs_.*\",namespace=\"a\"}",
        // What rules made of others.
        "mixed:rec",
        "{__name__=~\".*:rec\"}",
        "ALERTS{alertstate=\"firing\"}",
        "ALERTS{alertname=\"Either\"}",
        "ALERTS and on(alertname) ALERTS{namespace=\"b\"}",
        "ALERTS_FOR_STATE",
    ] {
        stage.attack(&get_is(&format!("/api/v1/query?query={}", enc(text)), &[200, 422])).await;
        stage.attack(&get_is(&format!("/ns/a/api/v1/query?query={}", enc(text)), &[200, 422])).await;
    }
    // Whoever may see both sees one of them when they narrow: b's marker is gone.
    for target in [
        "/api/v1/query?query=app_requests_total&namespace=a",
        "/ns/a/api/v1/query?query=app_requests_total",
        "/ns/a/api/v1/rules",
        "/ns/a/api/v1/alerts",
        "/ns/a/api/v1/metadata",
        "/ns/a/api/v1/labels",
        "/ns/a/api/v1/label/__name__/values",
        "/ns/a/api/v1/series?match[]={job!=\"\"}",
        "/ns/a/federate?match[]={job!=\"\"}",
        "/ns/a/api/v1/query_exemplars?query={job!=\"\"}&start=0&end=9999999999",
    ] {
        stage.attack(&request("GET", target).authorization(Some("Bearer token-both")).right(&[200])).await;
        stage.attack(&request("GET", target).authorization(Some("Bearer token-admin")).right(&[200])).await;
    }
    for line in ["a", "a, a"] {
        let narrowed = request("GET", "/api/v1/query?query={job!=\"\"}").header(&format!("X-Hecate-Namespaces: {line}"));
        stage.attack(&narrowed.authorization(Some("Bearer token-both")).right(&[200])).await;
    }
    // Two places that narrow to different ones leave nothing, and nothing is a refusal.
    for target in ["/ns/a/api/v1/query?query=odd&namespace=b", "/ns/b/api/v1/labels?namespace=a", "/ns/a/api/v1/rules?namespace=b"] {
        stage.attack(&request("GET", target).authorization(Some("Bearer token-both")).right(&[403])).await;
        stage.attack(&request("GET", target).authorization(Some("Bearer token-admin")).right(&[403])).await;
    }
    // Namespaces that do not exist look the same as those of others.
    let (_, theirs) = stage.answer("token-alice", "/api/v1/query?query=odd&namespace=b").await;
    let (_, nobodys) = stage.answer("token-alice", "/api/v1/query?query=odd&namespace=c").await;
    if theirs.replace("\\\"b\\\"", "") != nobodys.replace("\\\"c\\\"", "") {
        stage.fault(format!("{theirs} against {nobodys}"));
    }
    stage.end("model", 100).await;
}
