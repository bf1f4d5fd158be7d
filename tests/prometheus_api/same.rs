//! The cluster administrator gets Prometheus' own bytes.

use serde_json::Value;

use crate::house::{Answer, House, T0};

fn differences(target: &str, ours: &Answer, theirs: &Answer, faults: &mut Vec<String>) {
    if (ours.status, ours.header("content-type"), &ours.body) != (theirs.status, theirs.header("content-type"), &theirs.body) {
        let short = |answer: &Answer| {
            format!("{} {} {}", answer.status, answer.header("content-type"), answer.body.chars().take(400).collect::<String>())
        };
        faults.push(format!("{target}\n   ours {}\n theirs {}", short(ours), short(theirs)));
    }
}

/// Everything about fixed times: compared byte by byte, as GET and, where there is a second column, as a form.
#[tokio::test]
async fn reads_of_the_past_are_byte_for_byte_the_same() {
    let house = House::start("").await;
    let end = T0 + 3600;
    let mid = T0 + 1800;
    let mut both = vec![
        format!("/api/v1/query?query=http_requests_total&time={mid}"),
        format!("/api/v1/query?query=sum+by(namespace)+(rate(http_requests_total%5B5m%5D))&time={mid}.5"),
        format!("/api/v1/query?query=%201%20%2B%20%201&time={mid}.1234567"),
        format!("/api/v1/query?query=%22text%22&time={mid}"),
        format!("/api/v1/query?query=load%5B1m%5D&time={mid}"),
        format!("/api/v1/query?query=load&time=2023-11-14T22:43:20Z"),
        format!("/api/v1/query?query=load&time=2023-11-14T22:43:20.123456789%2B00:00"),
        format!("/api/v1/query?query=load&time={mid}&limit=1"),
        format!("/api/v1/query?query=http_requests_total&time={mid}&limit=2"),
        format!("/api/v1/query?query=http_requests_total&time={mid}&limit=0"),
        format!("/api/v1/query?query=load&time={}&lookback_delta=20m", end + 600),
        format!("/api/v1/query?query=load&time={}&lookback_delta=1200.5", end + 600),
        format!("/api/v1/query?query=load&time={}&timeout=30s", mid),
        format!("/api/v1/query?query=load&time={}&timeout=2.5", mid),
        format!("/api/v1/query?query=load&time={}&timeout=&limit=&lookback_delta=&stats=", mid),
        // Informations and warnings, with their positions.
        format!("/api/v1/query?query=rate(load%5B5m%5D)&time={mid}"),
        format!("/api/v1/query?query=quantile(2,%20http_requests_total)&time={mid}"),
        format!("/api/v1/query_range?query=load&start={T0}&end={end}&step=60"),
        format!("/api/v1/query_range?query=load&start={T0}.0004&end={end}.9996&step=15.001"),
        format!("/api/v1/query_range?query=load&start={T0}&end={end}&step=1m30s"),
        format!(
            "/api/v1/query_range?query=rate(http_requests_total%5B5m%5D)&start=2023-11-14T22:13:20Z&end=2023-11-14T23:13:20%2B00:00&step=300"
        ),
        format!("/api/v1/query_range?query=http_requests_total&start={T0}&end={T0}&step=1&limit=1"),
        format!("/api/v1/query_range?query=load&start={T0}&end={end}&step=0.5"),
        format!("/api/v1/query_range?query=1&start={T0}&end={end}&step=1e2"),
        format!("/api/v1/series?match%5B%5D=load&start={T0}&end={end}"),
        format!("/api/v1/series?match%5B%5D=load&match%5B%5D=http_requests_total%7Bpod%3D%22p1%22%7D&start={T0}&end={end}"),
        format!("/api/v1/series?match%5B%5D=http_requests_total&start={T0}&end={end}&limit=1"),
        format!("/api/v1/labels?start={T0}&end={end}"),
        format!("/api/v1/labels?start={T0}&end={end}&match%5B%5D=load"),
        format!("/api/v1/labels?start={T0}&end={end}&limit=2"),
        format!("/api/v1/format_query?query=sum(%20rate(x%5B5m%5D))by(a)"),
        format!("/api/v1/parse_query?query=sum(rate(x%5B5m%5D))by(a)"),
        format!("/api/v1/parse_query?query=foo%20%2B%20on(a)%20group_left%20bar%20offset%205m"),
    ];
    both.extend([
        "/api/v1/query?query=topk(1,+http_requests_total)+by+(namespace)&time=1700001800".to_owned(),
        "/api/v1/query?query=absent(nothing%7Ba%3D%22b%22%7D)&time=1700001800".to_owned(),
        "/api/v1/query?query=%7B__name__%3D~%22load%7Chttp.*%22%7D&time=1700001800".to_owned(),
        "/api/v1/query?query=%7B%22load%22,%22gpu.kind%22%3D%22x%22%7D&time=1700001800".to_owned(),
    ]);
    let get_only = [
        format!("/api/v1/label/namespace/values?start={T0}&end={end}"),
        format!("/api/v1/label/namespace/values?start={T0}&end={end}&match%5B%5D=load"),
        format!("/api/v1/label/__name__/values?start={T0}&end={end}&limit=1"),
        format!("/api/v1/label/gpu.kind/values?start={T0}&end={end}"),
        format!("/api/v1/label/gpu%2Ekind/values?start={T0}&end={end}"),
        format!("/api/v1/label/U__gpu_2e_kind/values?start={T0}&end={end}"),
        format!("/api/v1/label/U__namespace/values?start={T0}&end={end}"),
        format!("/api/v1/label/U__bad_zz_/values?start={T0}&end={end}"),
        format!("/api/v1/label/%C3%A4/values?start={T0}&end={end}"),
        "/api/v1/status/config".to_owned(),
        "/api/v1/status/flags".to_owned(),
        "/api/v1/alertmanagers".to_owned(),
        "/api/v1/targets/metadata?metric=work_total".to_owned(),
        "/api/v1/targets/metadata?match_target=%7Bjob%3D%22teams%22%7D&limit=1&metric=depth".to_owned(),
        "/api/v1/targets/metadata?match_target=%7Bjob%3D%22nothing%22%7D".to_owned(),
        "/api/v1/targets?state=dropped".to_owned(),
        "/api/v1/metadata?metric=work".to_owned(),
        "/api/v1/metadata?metric=work&limit_per_metric=1".to_owned(),
        "/api/v1/metadata?limit=0".to_owned(),
        "/federate".to_owned(),
        format!("/api/v1/query_exemplars?query=load&start={T0}&end={end}"),
        // 204, from upstream and from what is kept.
        "/api/v1/query_exemplars?query=1%2B1".to_owned(),
        "/api/v1/query_exemplars?query=1%2B1".to_owned(),
    ];
    let mut faults = Vec::new();
    for target in both.iter().chain(&get_only) {
        let (ours, theirs) = (house.get("admin", target).await, house.direct("GET", target, "").await);
        differences(&format!("GET {target}"), &ours, &theirs, &mut faults);
    }
    for target in &both {
        let (path, form) = target.split_once('?').unwrap();
        let (ours, theirs) = (house.ask("admin", "POST", path, form).await, house.direct("POST", path, form).await);
        assert_eq!(theirs.status, 200, "{target}: {theirs:?}");
        differences(&format!("POST {target}"), &ours, &theirs, &mut faults);
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), both.len() * 2 + get_only.len(), faults.join("\n"));
}

/// Places in warnings are those of the text as it was sent: one spelling for all, whatever blanks the user wrote.
#[tokio::test]
async fn places_in_informations_are_of_the_canonical_text() {
    let house = House::start("").await;
    let at = |expression: &str| format!("/api/v1/query?query={expression}&time=1700001800");
    let ours = house.get("admin", &at("%20sum(%20%20rate(load%5B5m%5D)%20)")).await;
    let theirs = house.direct("GET", &at("sum(rate(load%5B5m%5D))"), "").await;
    assert!(theirs.body.contains("(1:10)"), "{theirs:?}");
    assert_eq!(ours.body, theirs.body);
    let tenant = house.get("alice", &at("sum(rate(load%5B5m%5D))")).await;
    assert_eq!(tenant.json()["infos"], theirs.json()["infos"]);
}

/// What changes from one moment to the next is compared without that.
#[tokio::test]
async fn what_moves_is_the_same_in_shape() {
    let house = House::start("").await;
    let exemplars = "/api/v1/query_exemplars?query=work_total";
    assert!(house.direct("GET", exemplars, "").await.body.contains("trace_id"), "there are exemplars to compare");
    let mut faults = Vec::new();
    for target in [
        "/api/v1/rules",
        "/api/v1/rules?type=alert",
        "/api/v1/rules?type=RECORD",
        "/api/v1/rules?rule_name%5B%5D=DeepQueue&exclude_alerts=true",
        "/api/v1/rules?rule_group%5B%5D=a-one&rule_group%5B%5D=b-one",
        "/api/v1/rules?file%5B%5D=nowhere",
        "/api/v1/rules?match%5B%5D=%7Bseverity%3D%22page%22%7D",
        "/api/v1/alerts",
        "/api/v1/targets",
        "/api/v1/targets?state=active&scrapePool=teams",
        "/api/v1/status/runtimeinfo",
        "/api/v1/status/tsdb?limit=1",
        "/api/v1/metadata",
        "/api/v1/query?query=load&time=1700001800&stats=all",
        "/api/v1/query?query=load&time=1700001800&stats=true",
        "/api/v1/query_range?query=load&start=1700000000&end=1700000600&step=60&stats=all",
        "/api/v1/query?query=count(work_total)",
        exemplars,
    ] {
        let (ours, theirs) = (house.get("admin", target).await, house.direct("GET", target, "").await);
        assert_eq!(theirs.status, 200, "{target}: {theirs:?}");
        let (still_ours, still_theirs) = (still(ours.json()), still(theirs.json()));
        let same =
            (ours.status, ours.header("content-type")) == (theirs.status, theirs.header("content-type")) && still_ours == still_theirs;
        if !same {
            faults.push(format!("{target}\n   ours {} {still_ours}\n theirs {} {still_theirs}", ours.status, theirs.status));
        }
    }
    let federate = "/federate?match%5B%5D=work_total&match%5B%5D=depth";
    let without_times = |answer: &Answer| {
        let lines: Vec<&str> =
            answer.body.lines().map(|line| if line.starts_with('#') { line } else { line.rsplit_once(' ').unwrap().0 }).collect();
        lines.join("\n")
    };
    let (ours, theirs) = (house.get("admin", federate).await, house.direct("GET", federate, "").await);
    assert!(theirs.body.contains("work_total{"), "{theirs:?}");
    if (without_times(&ours), ours.header("content-type")) != (without_times(&theirs), theirs.header("content-type")) {
        faults.push(format!("{federate}\n   ours {ours:?}\n theirs {theirs:?}"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Without times and measurements.
fn still(mut value: Value) -> Value {
    const MOVING: &[&str] = &[
        "evaluationTime",
        "lastEvaluation",
        "activeAt",
        "lastScrape",
        "lastScrapeDuration",
        "timings",
        "serverTime",
        "timestamp",
        "goroutineCount",
        "lastConfigTime",
        "maxTime",
        "chunkCount",
        "value",
        "groupNextToken",
        "peakSamples",
        "numSeries",
    ];
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| !MOVING.contains(&name.as_str()));
            members.values_mut().for_each(|member| *member = still(member.take()));
            // Alerts of several rules come in any order.
            if let Some(Value::Array(alerts)) = members.get_mut("alerts") {
                alerts.sort_by_key(Value::to_string);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = still(item.take())),
        _ => {}
    }
    value
}
