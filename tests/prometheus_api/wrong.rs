//! What Prometheus refuses is refused with its status, its type of error and names the same parameter.

use serde_json::Value;

use crate::house::House;

#[tokio::test]
async fn refusals_are_those_of_prometheus() {
    let house = House::start("").await;
    let cases = [
        "/api/v1/query",
        "/api/v1/query?query=",
        "/api/v1/query?query=up&time=yesterday",
        "/api/v1/query?query=up&time=1e400",
        "/api/v1/query?query=up&timeout=soon",
        "/api/v1/query?query=up&timeout=-1s",
        "/api/v1/query?query=up&limit=x",
        "/api/v1/query?query=up&limit=-1",
        "/api/v1/query?query=up&lookback_delta=x",
        "/api/v1/query?query=up%20%2B",
        "/api/v1/query?query=sum(up",
        "/api/v1/query?query=rate(up)",
        "/api/v1/query?query=nofunction(up)",
        "/api/v1/query?query=%7B%7D",
        "/api/v1/query?query=up%5B5m%5D%20%2B%201",
        "/api/v1/query_range",
        "/api/v1/query_range?query=up",
        "/api/v1/query_range?query=up&start=1",
        "/api/v1/query_range?query=up&start=1&end=2",
        "/api/v1/query_range?start=1&end=2&step=1",
        "/api/v1/query_range?query=up&start=2&end=1&step=1",
        "/api/v1/query_range?query=up&start=1&end=2&step=0",
        "/api/v1/query_range?query=up&start=1&end=2&step=-1",
        "/api/v1/query_range?query=up&start=1&end=2&step=x",
        "/api/v1/query_range?query=up&start=x&end=2&step=1",
        "/api/v1/query_range?query=up&start=1&end=x&step=1",
        "/api/v1/query_range?query=up%5B1m%5D&start=1&end=2&step=1",
        "/api/v1/query_range?query=%22text%22&start=1&end=2&step=1",
        "/api/v1/query?query=work_total%20%2B%20on()%20work_total",
        "/api/v1/series",
        "/api/v1/series?match%5B%5D=",
        "/api/v1/series?match%5B%5D=sum(up)",
        "/api/v1/series?match%5B%5D=up&start=x",
        "/api/v1/series?match%5B%5D=up&limit=-1",
        "/api/v1/series?match%5B%5D=%7Bx%3D%22%22%7D",
        "/api/v1/labels?start=x",
        "/api/v1/labels?end=x",
        "/api/v1/labels?limit=x",
        "/api/v1/labels?match%5B%5D=1",
        "/api/v1/label/a/b/values",
        "/api/v1/label/x/values?start=x",
        "/api/v1/label/x/values?match%5B%5D=%7B%7D",
        "/api/v1/query_exemplars",
        "/api/v1/query_exemplars?query=up&start=2&end=1",
        "/api/v1/query_exemplars?query=up&start=x",
        "/api/v1/query_exemplars?query=%2B",
        "/api/v1/format_query",
        "/api/v1/format_query?query=%28",
        "/api/v1/parse_query",
        "/api/v1/parse_query?query=%28",
        "/api/v1/metadata?limit=x",
        "/api/v1/metadata?limit_per_metric=x",
        "/api/v1/rules?type=x",
        "/api/v1/rules?exclude_alerts=x",
        "/api/v1/rules?group_limit=x",
        "/api/v1/rules?group_limit=0",
        "/api/v1/rules?group_limit=-1",
        "/api/v1/rules?group_next_token=x",
        "/api/v1/rules?group_limit=1&group_next_token=x",
        "/api/v1/rules?match%5B%5D=1",
        "/api/v1/targets/metadata?limit=x",
        "/api/v1/targets/metadata?match_target=1",
        "/api/v1/status/tsdb?limit=0",
        "/api/v1/status/tsdb?limit=x",
        "/federate?match%5B%5D=%7B",
    ];
    let mut faults = Vec::new();
    for target in cases {
        let (ours, theirs) = (house.get("admin", target).await, house.direct("GET", target, "").await);
        if theirs.status < 400 {
            faults.push(format!("{target} is no error: {}", theirs.body));
            continue;
        }
        // Where Prometheus answers with plain text, ours still has the form that clients of the API read.
        let Ok(told) = serde_json::from_str::<Value>(&theirs.body) else {
            if ours.status != theirs.status || ours.error().is_empty() {
                faults.push(format!("{target}\n   ours {} {}\n theirs {} {}", ours.status, ours.body, theirs.status, theirs.body));
            }
            continue;
        };
        let (our_text, their_text) = (ours.error(), told["error"].as_str().unwrap());
        let names_the_parameter = their_text.split('"').nth(1).is_none_or(|name| our_text.contains(name));
        let alike = ours.status == theirs.status
            && ours.json()["errorType"] == told["errorType"]
            && ours.header("content-type") == theirs.header("content-type")
            && names_the_parameter;
        if !alike {
            faults.push(format!("{target}\n   ours {} {}\n theirs {} {}", ours.status, ours.body, theirs.status, theirs.body));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// What two servers could read differently is refused, although Prometheus would take one of the readings.
#[tokio::test]
async fn what_is_ambiguous_is_refused() {
    let house = House::start("").await;
    let before = house.reached_upstream().await;
    let form = "application/x-www-form-urlencoded";
    for (target, body, kind, status, word) in [
        ("/api/v1/query?query=up&query=down", "", form, 400, "query"),
        ("/api/v1/query?query=up", "query=down", form, 400, "query"),
        ("/api/v1/query?query=up&time=1&time=2", "", form, 400, "time"),
        ("/api/v1/query?query=up;time=1", "", form, 400, "%3B"),
        ("/api/v1/query?query=%zz", "", form, 400, "hexadecimal"),
        ("/api/v1/query?query=%ff", "", form, 400, "UTF-8"),
        ("/api/v1/query", "{\"query\":\"up\"}", "application/json", 415, "application/x-www-form-urlencoded"),
        ("/api/v1/query", "query=up", "text/plain", 415, "application/x-www-form-urlencoded"),
    ] {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let refused = house.ask_with("admin", method, target, body, &[("content-type", kind)]).await;
        assert_eq!(refused.status, status, "{target} {body}: {refused:?}");
        assert_eq!(refused.json()["errorType"], "bad_data", "{target} {body}");
        assert!(refused.error().contains(word), "{target} {body}: {refused:?}");
    }
    assert_eq!(house.reached_upstream().await, before);
}

/// Errors of the language have the line and the column of the user's own text.
#[tokio::test]
async fn errors_of_the_language_have_a_place() {
    let house = House::start("").await;
    for (query, place) in [("sum(%0A%20%20rate(up)%0A)", "2:8: "), ("up%20%2B%2B%20", "1:"), ("%22%C3%A4%22%20%2B%20sum(", "1:")] {
        for user in ["alice", "admin"] {
            let refused = house.get(user, &format!("/api/v1/query?query={query}")).await;
            assert_eq!(refused.status, 400, "{query}: {refused:?}");
            let error = refused.error();
            assert!(error.starts_with(&format!("invalid parameter \"query\": {place}")) && error.contains("parse error"), "{error}");
        }
    }
}
