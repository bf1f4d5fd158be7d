//! Rules and alerts: a tenant's own, nobody else's, not even their names.

use serde_json::{Value, json};

use crate::house::{House, house};
use crate::rule_files::PLATFORM_GROUP;
use crate::support::Door;

/// Times of evaluations, what a busy machine made of one of them, and the folder of each Prometheus are not of interest.
fn plain(mut value: Value, folders: &[String]) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.remove("lastError");
            for key in ["evaluationTime", "lastEvaluation", "activeAt", "groupNextToken", "health", "keepFiringSince"] {
                if members.contains_key(key) {
                    members.insert(key.to_owned(), json!("some"));
                }
            }
            members.values_mut().for_each(|member| *member = plain(member.take(), folders));
            // Prometheus lists them in another order each time.
            if let Some(alerts) = members.get_mut("alerts").and_then(Value::as_array_mut) {
                alerts.sort_by_key(ToString::to_string);
            }
            value
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| *item = plain(item.take(), folders));
            value
        }
        Value::String(text) => folders.iter().fold(text.clone(), |text, folder| text.replace(folder.as_str(), "FOLDER")).into(),
        _ => value,
    }
}

async fn rules(house: &House, door: &Door, params: &[(&str, &str)]) -> Value {
    plain(door.get("/api/v1/rules", params).await.data(), &house.folders())
}

/// What `a` alone would see, but for the platform's rules: those are not bound to a tenant, so that they are nobody's.
fn without_platform(mut data: Value) -> Value {
    data["groups"].as_array_mut().unwrap().retain(|group| group["name"] != PLATFORM_GROUP);
    data
}

fn count_rules(data: &Value) -> usize {
    data["groups"].as_array().unwrap().iter().map(|group| group["rules"].as_array().unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_the_tenants_own() {
    let house = house().await;
    for (params, wanted) in [
        (&[][..], 8),
        (&[("type", "alert")], 4),
        (&[("type", "record")], 4),
        (&[("rule_name[]", "Hot")], 1),
        (&[("rule_name[]", "Hot"), ("rule_name[]", "team:temperature:max"), ("rule_name[]", "secret:sum")], 2),
        (&[("rule_group[]", "team")], 6),
        (&[("rule_group[]", "only-of-b")], 0),
        (&[("rule_name[]", "Secret")], 0),
        (&[("match[]", r#"{namespace="a"}"#)], 4),
        (&[("match[]", r#"{severity="page"}"#)], 1),
        (&[("match[]", r#"{namespace="b"}"#)], 0),
        (&[("exclude_alerts", "true")], 8),
    ] {
        let want = without_platform(rules(&house, &house.only_a(), params).await);
        assert_eq!(count_rules(&want), wanted, "{params:?}");
        for door in house.narrowed().iter().chain([&house.alice()]) {
            assert_eq!(rules(&house, door, params).await, want, "{} {params:?}", door.name);
        }
        let admin = house.admin().get("/api/v1/rules", params).await.data();
        let mixed = house.mixed().get("/api/v1/rules", params).await.data();
        assert_eq!(plain(admin, &house.folders()), plain(mixed, &house.folders()), "{params:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_rules_have_no_holes() {
    let house = house().await;
    let whole = rules(&house, &house.alice(), &[]).await;
    let names =
        |data: &Value| data["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    for _ in 0..10 {
        let mut params = vec![("group_limit", "1")];
        params.extend(token.as_deref().map(|token| ("group_next_token", token)));
        let page = house.alice().get("/api/v1/rules", &params).await.data();
        assert_eq!(names(&page).len(), 1, "{page}");
        seen.extend(names(&page));
        token = page["groupNextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, names(&whole));
}

/// Nothing of what `b` wrote stands anywhere in what `a` gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_the_others_rules() {
    let house = house().await;
    for door in house.narrowed().iter().chain([&house.alice()]) {
        for path in ["/api/v1/rules", "/api/v1/alerts"] {
            let body = door.get(path, &[]).await.body;
            for word in
                ["Secret", "secret:sum", "only-of-b", "shared:first", "shared:third", "b.yml", "CompareWithA", "all:sum", "either:sum"]
            {
                assert!(!body.contains(word), "{} {path} says {word}: {body}", door.name);
            }
            assert!(!body.contains(r#""namespace":"b""#), "{} {path}: {body}", door.name);
        }
    }
}

async fn alerts(house: &House, door: &Door) -> Vec<Value> {
    let data = plain(door.get("/api/v1/alerts", &[]).await.data(), &house.folders());
    data["alerts"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_are_the_tenants_own() {
    let house = house().await;
    let want = alerts(&house, &house.only_a()).await;
    // Hot and Slow of both pods, PodSeen of both, and the one of the sum.
    assert_eq!(want.len(), 7, "{want:#?}");
    for door in house.narrowed().iter().chain([&house.alice()]) {
        assert_eq!(alerts(&house, door).await, want, "{}", door.name);
    }
    assert_ne!(alerts(&house, &house.bob()).await, want);
    assert_eq!(alerts(&house, &house.admin()).await, alerts(&house, &house.mixed()).await);
}

/// What rules and alerts write is read as any series: the recorded, `ALERTS`, and `up`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rules_record_is_isolated_too() {
    let house = house().await;
    let now = house.now();
    for (text, least) in [
        ("team:temperature:max", 1),
        ("team:requests:sum", 1),
        ("{__name__=~\"team:.*\"}", 2),
        ("shared:second", 2),
        ("gpu:util:max", 0),
        ("ALERTS", 4),
        ("ALERTS{alertstate=\"firing\"}", 4),
        ("count by (alertname) (ALERTS_FOR_STATE)", 1),
        ("{alertname=~\".+\", __name__=\"ALERTS\"}", 4),
        ("sum(ALERTS{namespace!=\"b\"})", 1),
        ("namespace:pods:count", 1),
        ("count(up)", 1),
        ("sum by (namespace) (up)", 1),
        ("absent(up{namespace=\"b\"})", 1),
        ("absent(ALERTS{alertname=\"Secret\"})", 1),
        ("secret:sum", 0),
        ("all:sum", 0),
        ("shared:first", 0),
        ("ALERTS{alertname=\"Secret\"}", 0),
        ("up{job=~\"live b|native b|live \"}", 0),
    ] {
        // Prometheus' own rules give series without a namespace, which are there for `a` alone but nobody's for Hecate.
        let bound = text.replace("ALERTS_FOR_STATE", "ALERTS_FOR_STATE{namespace=\"a\"}");
        let bound = if bound == "ALERTS" { "ALERTS{namespace=\"a\"}".to_owned() } else { bound };
        let bound = bound.replace("{alertname=~\".+\",", "{alertname=~\".+\", namespace=\"a\",");
        let bound = bound.replace("{alertstate=\"firing\"}", "{alertstate=\"firing\", namespace=\"a\"}");
        let bound = bound.replace("ALERTS{namespace!=\"b\"}", "ALERTS{namespace=\"a\"}");
        let params = |text| [("query", text), ("time", now.as_str())];
        let want = house.only_a().get("/api/v1/query", &params(bound.as_str())).await;
        assert!(want.values() >= least, "{bound}: {}", want.body);
        for door in house.narrowed().iter().chain([&house.alice()]) {
            let got = door.get("/api/v1/query", &params(text)).await;
            assert!(crate::answer::same(&got, &want, false), "{} {text}: got {} wanted {}", door.name, got.body, want.body);
        }
    }
}
