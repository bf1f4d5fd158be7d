//! Rules page by page, and what tenants see of them.

use serde_json::Value;

use crate::house::House;

/// Walks all pages; the names of the groups in their order, and how many pages there were.
async fn walk(house: &House, user: &str, limit: usize, more: &str) -> (Vec<String>, usize) {
    let (mut names, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let next = if token.is_empty() { String::new() } else { format!("&group_next_token={token}") };
        let page = house.get(user, &format!("/api/v1/rules?group_limit={limit}{next}{more}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let data = page.json()["data"].clone();
        let groups = data["groups"].as_array().unwrap();
        assert!(groups.len() <= limit, "{page:?}");
        names.extend(groups.iter().map(|group| group["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match data["groupNextToken"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => return (names, pages),
        }
    }
}

fn rules(body: &Value) -> Vec<&str> {
    let groups = body["data"]["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).map(|rule| rule["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let house = House::start("").await;
    let all = ["a-one", "a-two", "a-three", "b-one", "all"];
    let mut sorted = all.map(str::to_owned).to_vec();
    sorted.sort();
    for limit in [1, 2, 4] {
        let (mut names, pages) = walk(&house, "admin", limit, "").await;
        names.sort();
        assert_eq!((names, pages), (sorted.clone(), 5usize.div_ceil(limit)), "limit {limit}");
        let (mut names, pages) = walk(&house, "alice", limit, "").await;
        names.sort();
        assert_eq!((names, pages), (vec!["a-one".to_owned(), "a-three".to_owned(), "a-two".to_owned()], 3usize.div_ceil(limit)));
    }
    let (names, _) = walk(&house, "alice", 1, "&type=alert").await;
    assert_eq!(names.len(), 2, "{names:?}");
    let first = house.get("alice", "/api/v1/rules?group_limit=1").await.json();
    assert!(!first.to_string().contains("b-one"), "{first}");
    let stale = house.get("alice", "/api/v1/rules?group_limit=1&group_next_token=nothing").await;
    assert!(stale.status == 400 || rules(&stale.json()).is_empty(), "{stale:?}");
}

#[tokio::test]
async fn tenants_see_their_own_rules_and_alerts() {
    let house = House::start("").await;
    for (user, own, alerts) in
        [("alice", &["a:work", "DeepQueue", "NeverA"][..], &["DeepQueue"][..]), ("bob", &["SecretOfB"], &["SecretOfB"])]
    {
        let answer = house.get(user, "/api/v1/rules").await.json();
        let mut seen = rules(&answer);
        seen.sort_by_key(|name| name.to_ascii_lowercase());
        let mut expected = own.to_vec();
        expected.sort_by_key(|name| name.to_ascii_lowercase());
        assert_eq!(seen, expected, "{user}");
        let firing = house.get(user, "/api/v1/alerts").await.json();
        let firing: Vec<&str> =
            firing["data"]["alerts"].as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap()).collect();
        assert_eq!(firing, alerts, "{user}");
    }
    for (query, expected) in [
        ("type=record", &["a:work"][..]),
        ("rule_name%5B%5D=NeverA", &["NeverA"]),
        ("rule_name%5B%5D=SecretOfB", &[]),
        ("rule_group%5B%5D=b-one", &[]),
        ("rule_group%5B%5D=a-two&rule_group%5B%5D=b-one", &["DeepQueue"]),
        ("match%5B%5D=%7Bseverity%3D%22page%22%7D", &["DeepQueue"]),
        ("match%5B%5D=%7Bnamespace%3D%22b%22%7D", &[]),
        ("file%5B%5D=nowhere", &[]),
    ] {
        let answer = house.get("alice", &format!("/api/v1/rules?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(rules(&answer.json()), expected, "{query}");
    }
    let bare = house.get("alice", "/api/v1/rules?rule_name%5B%5D=DeepQueue&exclude_alerts=true").await;
    assert!(!bare.body.contains("activeAt"), "{bare:?}");
}

/// Metadata: only of metrics that the caller has series of, cut after that.
#[tokio::test]
async fn metadata_and_its_limits() {
    let house = House::start("").await;
    let names = async |user: &str, query: &str| {
        let answer = house.get(user, &format!("/api/v1/metadata?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names("alice", "").await, ["depth", "work"]);
    assert_eq!(names("bob", "").await, ["only_b", "work"]);
    assert_eq!(names("alice", "metric=only_b").await, [] as [&str; 0]);
    assert_eq!(names("alice", "metric=depth").await, ["depth"]);
    for user in ["alice", "admin"] {
        assert_eq!(names(user, "limit=1").await.len(), 1, "{user}");
        assert_eq!(names(user, "limit=0").await.len(), 0, "{user}");
        assert_eq!(names(user, "limit=-1").await, names(user, "").await, "{user}");
        assert_eq!(names(user, "limit_per_metric=1").await, names(user, "").await, "{user}");
    }
}
