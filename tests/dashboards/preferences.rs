//! What is kept of a person, over HTTP.

use serde_json::{Value, json};

use crate::House;

#[tokio::test]
async fn preferences_favourites_and_recents() {
    let house = House::start("");
    assert_eq!(house.get("viewer", "/api/v1/preferences").await.json(), json!({"favourites": [], "recents": []}));
    let kept = json!({"theme": "dark", "refresh": "30s", "favourites": [{"project": "team-a", "name": "x"}], "recents": []});
    assert_eq!(house.ask("viewer", "PUT", "/api/v1/preferences", kept.clone(), &[]).await.json(), kept);
    let patched = house.ask("viewer", "PATCH", "/api/v1/preferences", json!({"theme": null, "home": "team-a/x"}), &[]).await;
    assert_eq!(
        patched.json(),
        json!({"refresh": "30s", "home": "team-a/x", "favourites": [{"project": "team-a", "name": "x"}], "recents": []})
    );
    for path in ["favourites/team-a/y", "recents/team-a/y", "recents/team-a/z"] {
        assert_eq!(house.ask("viewer", "PUT", &format!("/api/v1/preferences/{path}"), Value::Null, &[]).await.status, 204, "{path}");
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    assert_eq!(house.ask("viewer", "DELETE", "/api/v1/preferences/favourites/team-a/x", Value::Null, &[]).await.status, 204);
    let now = house.get("viewer", "/api/v1/preferences").await.json();
    assert_eq!(now["favourites"], json!([{"project": "team-a", "name": "y"}]));
    assert_eq!(now["recents"], json!([{"project": "team-a", "name": "z"}, {"project": "team-a", "name": "y"}]));
    assert_eq!(house.get("alice", "/api/v1/preferences").await.json(), json!({"favourites": [], "recents": []}), "of one person only");
}

#[tokio::test]
async fn preferences_that_are_refused() {
    let house = House::start("");
    for (body, words) in [
        (json!({"theme": "blue"}), "light, dark or system"),
        (json!({"colour": "blue"}), "expected one of `theme`"),
        (json!({"favourites": [{"project": "team-a"}]}), "missing field `name`"),
        (json!({"favourites": [{"project": "A B", "name": "x"}]}), "no dashboard"),
        (json!("{"), "no preferences"),
        (
            json!({"favourites": (0..201).map(|n| json!({"project": "team-a", "name": n.to_string()})).collect::<Vec<_>>()}),
            "200 favourites",
        ),
    ] {
        let answer = house.ask("viewer", "PUT", "/api/v1/preferences", body, &[]).await;
        assert_eq!(answer.code(), (400, "INVALID_REQUEST".into()), "{answer:?}");
        assert!(answer.body.contains(words), "{answer:?}");
    }
    let outside = house.ask("viewer", "PUT", "/api/v1/preferences/favourites/team-b/x", Value::Null, &[]).await;
    assert_eq!(outside.code(), (404, "NOT_FOUND".into()));
    assert_eq!(house.get("viewer", "/api/v1/preferences").await.json(), json!({"favourites": [], "recents": []}));
}
