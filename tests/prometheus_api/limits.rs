//! What a query may cost: refused before it runs, with the estimate, the limit, the setting and the costly part.

use crate::house::House;

const LIMITS: &str = "limits: {query_bytes: 200, depth: 5, selectors: 3, points_per_series: 100, range: 1h, series: 2, samples: 1000, response_bytes: 2KiB}\n";

#[tokio::test]
async fn static_limits_refuse_before_anything_runs() {
    let house = House::start(LIMITS).await;
    let before = house.reached_upstream().await;
    let long = format!("/api/v1/query?query=up{}", "+".repeat(199));
    let range =
        |query: &str, start: i64, end: i64, step: &str| format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}");
    for (target, words) in [
        (long.clone(), &["limits.query_bytes", "200", "201"][..]),
        ("/api/v1/query?query=((((((1))))))".to_owned(), &["limits.depth", "5"]),
        ("/api/v1/query?query=a%2Bb%2Bc%2Bd".to_owned(), &["limits.selectors", "3"]),
        (format!("/api/v1/series?{}", "match%5B%5D=up&".repeat(4)), &["limits.selectors", "3", "4"]),
        (range("up", 0, 1010, "10"), &["102 points", "100", "limits.points_per_series"]),
        (range("up", 0, 3601, "1h"), &["limits.range", "1h"]),
        ("/api/v1/query?query=sum_over_time(up%5B2h%5D)%2Bdown".to_owned(), &["limits.range", "2h", "1h", "up[2h]"]),
        ("/api/v1/query?query=up+offset+3h".to_owned(), &["limits.range", "3h", "1h", "up offset 3h"]),
        (range("sum_over_time(up%5B30m%5D)%2Bdown", 0, 990, "10"), &["limits.samples", "1000", "at least", "up[30m]"]),
    ] {
        for (user, method) in [("alice", "GET"), ("admin", "POST")] {
            let (path, form) = target.split_once('?').unwrap();
            let refused = match method {
                "GET" => house.get(user, &target).await,
                _ => house.ask(user, method, path, form).await,
            };
            assert_eq!(refused.status, 422, "{target}: {refused:?}");
            assert_eq!(refused.json()["errorType"], "execution", "{target}: {refused:?}");
            let error = refused.error();
            assert!(words.iter().all(|word| error.contains(word)), "{target}: {error:?} misses one of {words:?}");
        }
    }
    assert_eq!(house.reached_upstream().await, before, "nothing ran");
}

#[tokio::test]
async fn what_is_just_inside_the_limits_is_answered() {
    let house = House::start(LIMITS).await;
    for target in [
        format!("/api/v1/query?query=up{}", "%20".repeat(198)),
        "/api/v1/query?query=a%2Bb%2Bc".to_owned(),
        "/api/v1/query_range?query=depth&start=0&end=990&step=10".to_owned(),
        "/api/v1/query_range?query=depth&start=0&end=3600&step=1h".to_owned(),
        "/api/v1/query?query=sum_over_time(depth%5B1h%5D)".to_owned(),
        "/api/v1/query?query=work_total".to_owned(),
    ] {
        let answer = house.get("admin", &target).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
}

/// Known only when the answer comes in: still an error and not half an answer.
#[tokio::test]
async fn answers_that_are_too_large_are_errors() {
    let house = House::start(LIMITS).await;
    for (target, words) in [
        ("/api/v1/query?query=%7B__name__%3D~%22work_total%7Cdepth%22%7D", &["2 series", "limits.series"][..]),
        (
            "/api/v1/query_range?query=http_requests_total%7Bpod%3D%22p1%22%7D&start=1700000000&end=1700001485&step=15",
            &["limits.response_bytes"],
        ),
        ("/api/v1/status/flags", &["limits.response_bytes"]),
    ] {
        let refused = house.get("admin", target).await;
        assert_eq!(refused.status, 422, "{target}: {refused:?}");
        assert!(words.iter().all(|word| refused.error().contains(word)), "{target}: {refused:?}");
    }
}
