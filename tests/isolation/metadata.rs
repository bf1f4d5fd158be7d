//! Metadata: the names of metrics that the caller has, in the words of their own targets.

use serde_json::{Value, json};

use crate::house::house;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_is_the_tenants_own() {
    let house = house().await;
    for params in [
        &[][..],
        &[("metric", "live_temperature")],
        &[("metric", "live_requests")],
        &[("metric", "live_size_bytes")],
        &[("metric", "kube_pod_info")],
        &[("limit_per_metric", "1")],
        &[("limit", "0")],
        &[("limit", "-1")],
    ] {
        let want = house.only_a().get("/api/v1/metadata", params).await.data();
        for door in house.narrowed().iter().chain([&house.alice()]) {
            let got = door.get("/api/v1/metadata", params).await.data();
            assert_eq!(got, want, "{} {params:?}", door.name);
        }
        if params == [("limit_per_metric", "1")] {
            // Prometheus chooses another entry each time.
            continue;
        }
        let admin = house.admin().get("/api/v1/metadata", params).await.data();
        assert_eq!(sorted(admin), sorted(house.mixed().get("/api/v1/metadata", params).await.data()), "{params:?}");
    }
    let all = house.alice().get("/api/v1/metadata", &[]).await.data();
    assert_eq!(all["live_temperature"], json!([{"type": "gauge", "help": "Same name, told by a.", "unit": ""}]));
    assert!(all.as_object().unwrap().len() >= 8, "{all:#}");
}

/// `b` has gauges whose names are those of series of `a` without an ending, as the families of histograms and counters are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_look_like_families_are_not() {
    let house = house().await;
    for name in ["backlog", "plan", "live_only_b", "nothing"] {
        for door in house.narrowed().iter().chain([&house.alice()]) {
            let got = door.get("/api/v1/metadata", &[("metric", name)]).await.data();
            assert_eq!(got, json!({}), "{} {name}", door.name);
        }
    }
    let body = house.alice().get("/api/v1/metadata", &[]).await.body;
    for words in ["What b does not tell.", "as b tells it", "told by b", "A secret of b", "in b."] {
        assert!(!body.contains(words), "{words}: {body}");
    }
    for (name, help) in [("backlog_count", "Open tasks of a."), ("plan_info", "Plan of a.")] {
        let got = house.alice().get("/api/v1/metadata", &[("metric", name)]).await.data();
        assert_eq!(got[name][0]["help"], help);
    }
}

/// Entries of several targets come in any order.
fn sorted(mut data: Value) -> Value {
    for entries in data.as_object_mut().unwrap().values_mut() {
        entries.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    data
}
