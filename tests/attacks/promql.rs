//! The structure of PromQL.

use crate::stage::{Attack, Stage, enc, get_is, post};

/// Expressions that are answered, with alice's data or nothing.
const ANSWERED: &[&str] = &[
    // Parameters of aggregations and functions.
    "topk(scalar(count(odd)), app_requests_total)",
    "quantile(scalar(app_requests_total{namespace=\"b\"}), app_requests_total)",
    "count_values(\"leak\", app_requests_total{namespace=\"b\"})",
    "count_values(\"namespace\", {namespace=~\".+\"})",
    "bottomk(scalar(sum({__name__!=\"\"})), {__name__!=\"\"})",
    "clamp(app_requests_total, scalar(min(odd)), scalar(max(app_requests_total{namespace=\"b\"})))",
    "label_replace(app_requests_total, \"namespace\", \"b\", \"\", \"\")",
    "label_replace(app_requests_total, \"x\", \"$1\", \"path\", \"(.*)\")",
    "label_join(app_requests_total, \"all\", \",\", \"namespace\", \"path\", \"job\")",
    "histogram_quantile(scalar(odd), {__name__=~\".*_bucket\"})",
    "sort_desc({namespace!=\"a\",job!=\"\"})",
    "vector(scalar(odd{namespace=\"b\"}))",
    "time() - scalar(app_requests_total{namespace=\"b\"})",
    // Set operators and matching.
    "app_requests_total or app_requests_total{namespace=\"b\"}",
    "app_requests_total or odd or {__name__=~\".+\"}",
    "vector(1) unless on() {namespace=\"b\"}",
    "vector(1) and on() {namespace=\"b\"}",
    "absent(app_requests_total{namespace=\"b\"}) or vector(2)",
    "absent({namespace=\"b\"})",
    "absent_over_time(app_requests_total{namespace=\"b\"}[5m])",
    "a_only * on() group_left(path) app_requests_total{namespace=\"b\"}",
    "a_only * ignoring(path, namespace, job, pod, __name__) group_left(path) app_requests_total",
    "a_only / on(namespace) group_left(path, job) app_requests_total",
    "(((((app_requests_total{namespace=\"b\"})))))",
    "-app_requests_total{namespace=\"b\"}",
    // Implicit and broad selectors.
    "{namespace=~\".*\",__name__!=\"\"}",
    "{namespace!=\"a\",__name__=~\".+\"}",
    "{namespace=~\"b\",job=~\".+\"}",
    "{__name__=~\".+\"}",
    "{__name__=~\"(?i)DCGM_.*\"}",
    "{__name__=~\"(?s).*\",exported_namespace=\"b\"}",
    "{__name__!=\"x\",job!=\"\"}",
    "{__name__=\"\",job!=\"\"}",
    "{__name__=~\"|.*\",job!=\"\"}",
    "{__name__=~\"DCGM_.*\",namespace=\"a\"}",
    "{__name__=~\"DCGM_.*\",exported_namespace=~\"a|b\"}",
    "{__name__=~\"DCGM_.*\",__name__=~\".*\"}",
    "{__name__=~\"DCGM_.*\",__name__=~\"node_.*\"}",
    "{__name__=~\"DC.*\",namespace=\"a\"}",
    "{__name__=~\"D?CGM.*\",namespace=\"a\"}",
    "{__name__=~\"[D]CGM_.*\",namespace=\"a\"}",
    "{__name__=~\"\\\\x44CGM_.*\",namespace=\"a\"}",
    "{__name__=~\"DCGM_.*|node_.*\",namespace=\"a\"}",
    "{__name__=~\"(DCGM_FI_DEV_GPU_UTIL)\",namespace=\"a\"}",
    "{__name__=~\"DCGM_FI_DEV_GPU_UTIL|DCGM_OTHER\",namespace=\"a\"}",
    "{__name__=~\"DCGM_FI_DEV_GPU_UTI.\",namespace=\"a\"}",
    "{__name__=~\"no[d]e_secret\",namespace=\"a\"}",
    "{__name__=~\".ode_secret\",namespace=\"a\"}",
    "{__name__=~\"kueue.secret\",job=~\".+\"}",
    "{__name__=~\"n.*\",node!=\"\"}",
    "{__name__!~\"a_only\",namespace=\"a\"}",
    "{namespace=\"a\",node!=\"\"}",
    "{namespace=\"a\",exported_namespace=\"b\"}",
    "{exported_namespace=\"b\"}",
    "DCGM_FI_DEV_GPU_UTIL{namespace=\"a\"}",
    "DCGM_FI_DEV_GPU_UTIL{exported_namespace!=\"a\"}",
    "training_operator_jobs_secret{namespace=\"a\"}",
    "istio_secret{source_workload_namespace=\"a\"}",
    "istio_secret{namespace=\"a\"}",
    "ALERTS{namespace=\"b\"}",
    "ALERTS_FOR_STATE{alertname=~\".+\"}",
    "ALERTS{alertname=\"Everyone\"}",
    "mixed:rec{namespace!=\"a\"}",
    "up{namespace=\"\"}",
    "scrape_samples_scraped",
    "count by (job, instance) (up)",
    // Quoted names, and names that are spelled another way.
    "{\"app_requests_total\"}",
    "{\"app_requests_total\",\"namespace\"=\"b\"}",
    "{\"app_requests_total\",\"namespace\"=~\".*\"}",
    "{\"DCGM_FI_DEV_GPU_UTIL\",\"namespace\"=\"a\"}",
    "{\"app_requests_total\",\"\\x6eamespace\"=\"b\"}",
    "{\"app_requests_total\",\"\\u006eamespace\"!=\"a\"}",
    "{\"a.b\"}",
    "{\"U__app_2e_requests\"}",
    "{\"namespace\"=\"b\",'job'=~`.+`}",
    "app_requests_total{'namespace'='b'}",
    "app_requests_total{`namespace`=`b`}",
    "{\"\\x61pp_requests_total\"}",
    "sum by (\"namespace\") ({__name__=~\"app.*\"})",
    "app_requests_total{namespace=\"\\x62\"}",
    "app_requests_total{namespace=\"\\142\"}",
    "app_requests_total{namespace=\"b\\\"} or odd{x=\\\"\"}",
    "app_requests_total{x=\"\\\"}) or ({namespace=~\\\".*\\\"}\"}",
    "app_requests_total{x!=`\"}) or {namespace=\"b\"} or ({a=\"`}",
    "app_requests_total{namespace=\"a\",namespace=\"b\"}",
    "app_requests_total{namespace=~\"a|\"}",
    "app_requests_total{namespace=~\"|a\"}",
    "app_requests_total{namespace=~\"\"}",
    "app_requests_total{namespace=~\"a|b\"}",
    "app_requests_total{namespace=~\"(a)|(b)\"}",
    "app_requests_total{namespace=~\"a.*\"}",
    "app_requests_total{namespace=~\"(?i)A\"}",
    "app_requests_total{namespace=~\"a\\n|b\"}",
    "app_requests_total{namespace=~\"a|b|\"} or app_requests_total{namespace!~\"a\"}",
    "app_requests_total{namespace!~\"\"}",
    "odd{namespace=~\"a.*\"}",
    "odd{namespace=~\"a.\"}",
    "odd{namespace=\"\"}",
    "odd",
    // Comments, spaces, trailing commas.
    "app_requests_total{namespace=\"b\"} # {namespace=\"a\"}",
    "app_requests_total # {\n{namespace=\"b\"}",
    "app_requests_total#}\n",
    "sum(#(\napp_requests_total#)\n)",
    "app_requests_total\t{\r\nnamespace =\n\"b\" , }",
    "app_requests_total{namespace=\"b\",}",
    "{__name__=\"app_requests_total\",}",
    // Time modifiers and subqueries.
    "app_requests_total offset -1m",
    "app_requests_total{namespace=\"b\"} offset 1s",
    "app_requests_total{namespace=\"b\"} @ start()",
    "app_requests_total @ end() offset 1s",
    "rate(app_requests_total{namespace=\"b\"}[1m:5s])",
    "max_over_time((app_requests_total{namespace=\"b\"} or odd)[1m:5s])",
    "last_over_time(app_requests_total{namespace=\"b\"}[5m] @ end())",
    "sum_over_time(sum(sum_over_time(sum(odd)[1m:10s]))[1m:10s])",
    "max_over_time(quantile(0.5, app_requests_total{namespace=\"b\"})[1m:10s] offset 1s)",
    "sum without (namespace) (app_requests_total)",
    "group({__name__=~\".+\"}) by (__name__, namespace)",
    "sum(app_requests_total) by (path) or group(odd) by (s)",
    "{\"app_requests_total\",__name__=\"odd\"}",
    "{\"app_requests_total\",\"DCGM_FI_DEV_GPU_UTIL\"}",
    "{__name__=\"DCGM_FI_DEV_GPU_UTIL\",__name__=~\"DCGM_.*\",namespace=\"a\"}",
    "{__name__=\"node_secret\",__name__=~\".*\",namespace=\"a\"}",
    "{__name__=~\"node_secret|x\",__name__!=\"x\",__name__=~\"node_.*\",namespace=\"a\"}",
    "count_values(\"\\xff\", app_requests_total)",
    "label_replace(app_requests_total, \"n\", \"$1\", \"path\", \"(\")",
    "\"b\"",
    "1",
];

/// Expressions that are refused, each with its status.
const REFUSED: &[(&str, u16)] = &[
    ("", 400),
    ("{}", 400),
    ("{namespace=~\".*\"}", 400),
    ("node_secret", 403),
    ("kueue_secret", 403),
    ("{__name__=\"node_secret\"}", 403),
    ("{__name__=~\"node_secret\"}", 403),
    ("{__name__=~\"node_secret|a_only\"}", 403),
    ("{__name__=~\"node_.*\"}", 403),
    ("{\"node_secret\",namespace=\"a\"}", 403),
    ("absent(node_secret)", 403),
    ("count(count(node_secret))", 403),
    ("topk(scalar(node_secret), a_only)", 403),
    ("a_only or node_secret", 403),
    ("a_only{x=\"1\"} unless on() node_secret{node=~\"q.*\"}", 403),
    ("max_over_time((a_only + on() node_secret)[1m:1s])", 403),
    ("{__name__=~\"app_requests_total|DCGM_FI_DEV_GPU_UTIL\"}", 403),
    ("app_requests_total{__name__=\"odd\"}", 400),
    ("app_requests_total{__name__=~\"odd\"}", 400),
    ("{namespace=\"b\" or namespace=\"a\"}", 400),
    ("app_requests_total{namespace=\"a\" or namespace=\"b\"}", 400),
    ("app_requests_total{namespace=\"a\"} default odd", 400),
    ("WITH (x = odd) x", 400),
    ("app_requests_total{namespace=\"a\"}}", 400),
    ("app_requests_total{namespace=\"a\"} {namespace=\"b\"}", 400),
    ("app_requests_total{namespace=\"b\"", 400),
    ("app_requests_total{namespace=\"b}", 400),
    ("app_requests_total{namespace=\"b\n\"}", 400),
    ("app_requests_total{namespace=b}", 400),
    ("app_requests_total{namespace==\"b\"}", 400),
    ("app_requests_total{namespace=~\"(\"}", 400),
    ("app_requests_total{namespace=~\"b(?=c)\"}", 400),
    ("app_requests_total{na\u{2060}mespace=\"b\"}", 400),
    ("app_requests_total;odd", 400),
    ("app_requests_total/*c*/", 400),
    ("app_requests_total // odd", 400),
    ("app_requests_total\u{0}{namespace=\"b\"}", 400),
    ("\u{feff}app_requests_total", 400),
    ("app_requests_total\u{2028}or odd", 400),
    ("info(app_requests_total)", 400),
    ("info(app_requests_total, {__name__=~\".+\",namespace=\"b\"})", 400),
    ("limitk(1, odd)", 400),
    ("sort_by_label(odd, \"namespace\")", 400),
    ("rate(app_requests_total[1000y])", 400),
    ("rate(app_requests_total[90d])", 422),
    ("app_requests_total offset 90d", 422),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn structure() {
    let mut stage = Stage::set().await;
    for text in ANSWERED {
        // What Prometheus itself cannot execute over alice's series is an answer too.
        let right = [200, 422, 400].as_slice();
        let right = if text.starts_with("label_replace(app_requests_total, \"namespace\"") { right } else { &[200, 422] };
        stage.attack(&get_is(&format!("/api/v1/query?query={}", enc(text)), right)).await;
    }
    for (text, status) in REFUSED {
        stage.attack(&get_is(&format!("/api/v1/query?query={}", enc(text)), &[*status])).await;
    }
    // The same through the other doors: another path of the code, the same rules.
    for text in ANSWERED.iter().step_by(3) {
        stage.attack(&post("/api/v1/query_range", format!("query={}&start=1&end=2&step=1", enc(text))).right(&[200, 422, 400])).await;
        stage.attack(&get_is(&format!("/api/v1/query_exemplars?query={}&start=0&end=9999999999", enc(text)), &[200, 204, 400, 422])).await;
        stage.attack(&get_is(&format!("/api/v1/series?match[]={}", enc(text)), &[200, 400])).await;
        stage.attack(&get_is(&format!("/federate?match[]={}", enc(text)), &[200, 400])).await;
        stage.attack(&get_is(&format!("/api/v1/parse_query?query={}", enc(text)), &[200, 400])).await;
        let question = serde_json::json!({"query": text, "start": 1, "end": 2, "step": "1s"}).to_string();
        let validated = crate::stage::request("POST", "/api/v1/metrics/validate").header("Content-Type: application/json").body(question);
        stage.attack(&validated.right(&[200, 422])).await;
    }
    for (text, _) in REFUSED {
        stage.attack(&get_is(&format!("/api/v1/label/path/values?match[]={}", enc(text)), &[400, 403, 422])).await;
        stage.attack(&post("/api/v1/series", format!("match[]=a_only&match[]={}", enc(text))).right(&[400, 403, 422])).await;
    }
    stage.attack_all(huge()).await;
    stage.end("PromQL structure", 200).await;
}

/// Deep, long and wide.
fn huge() -> Vec<Attack> {
    let texts = [
        "(".repeat(5_000) + "odd" + &")".repeat(5_000),
        "-".repeat(10_000) + "odd",
        "sum(".repeat(3_000) + "odd" + &")".repeat(3_000),
        vec!["odd"; 3_000].join("+"),
        vec!["odd{namespace=\"b\"}"; 800].join(" or "),
        "odd".to_owned() + &"[5m:1m]".repeat(1_500),
        "odd{".to_owned() + &"namespace=\"b\",".repeat(1_000) + "}",
        format!("odd{{namespace=~\"{}\"}}", "b|".repeat(7_000)),
        format!("odd{{namespace=~\"{}a{}\"}}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("odd{{namespace=~\"{}\"}}", "(a{0,1000}){0,1000}"),
        "odd ^ ".repeat(2_500) + "odd",
        "#".repeat(16_000) + "\nodd",
        "\n".repeat(16_000) + "odd",
        "o".repeat(16_384),
        "o".repeat(500_000),
        "9".repeat(16_000),
        format!("odd offset {}s", "9".repeat(40)),
        "odd @ 9e300".to_owned(),
        "odd @ -9223372036854775808".to_owned(),
        "rate(odd[9223372036854775807s])".to_owned(),
    ];
    texts.iter().map(|text| post("/api/v1/query", format!("query={}", enc(text))).right(&[200, 400, 413, 422])).collect()
}
