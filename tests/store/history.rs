//! Every save is a version; the oldest go.

use hecate::dashboards::{Action, NewDashboard, Save, StoreError, changes};
use serde_json::{Value, json};

use super::{Home, actor, at, body, create, document, save};

super::on_both!(every_save_is_a_version, the_oldest_versions_go, differences);

async fn every_save_is_a_version(home: Home) {
    let store = home.store().await;
    let first = document(&body("p", "n", "one"));
    store.create(&actor("alice"), NewDashboard { document: &first, template: None, key: None, message: "made" }).await.unwrap();
    let second = document(&body("p", "n", "two"));
    let saved = Save { document: &second, expected: at(0), message: "better\0", action: Action::Update };
    store.save(&actor("bob"), saved).await.unwrap();
    let history = store.versions("p", "n", None, 10).await.unwrap();
    let told: Vec<_> = history.iter().map(|entry| (entry.version, entry.author.as_str(), entry.message.as_str())).collect();
    assert_eq!(told, [(1, "bob", "better"), (0, "alice", "made")]);
    assert!(history.iter().all(|entry| entry.size_bytes > 100 && entry.created_at > 1_700_000_000_000));
    let old: Value = serde_json::from_str(&store.version("p", "n", 0).await.unwrap()).unwrap();
    assert_eq!((&old["spec"]["display"]["name"], &old["metadata"]["version"]), (&json!("one"), &json!(0)));
    assert_eq!(store.versions("p", "n", Some(1), 10).await.unwrap().len(), 1, "the page below version 1");
    assert_eq!(store.versions("p", "n", Some(0), 10).await.unwrap(), []);
    for version in [2, -1] {
        assert!(matches!(store.version("p", "n", version).await, Err(StoreError::NotFound { what: "version", .. })));
    }
}

async fn the_oldest_versions_go(home: Home) {
    let store = home.store_with(|settings| settings.keep_versions = 3).await;
    create(&store, "alice", &body("p", "n", "v0")).await.unwrap();
    for version in 0..6 {
        save(&store, "alice", &body("p", "n", &format!("v{}", version + 1)), at(version)).await.unwrap();
    }
    let kept: Vec<i64> = store.versions("p", "n", None, 10).await.unwrap().iter().map(|entry| entry.version).collect();
    assert_eq!(kept, [6, 5, 4]);
    assert!(matches!(store.version("p", "n", 3).await, Err(StoreError::NotFound { .. })));
}

async fn differences(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "one")).await.unwrap();
    let mut value = body("p", "n", "two");
    value["metadata"]["tags"] = json!(["gpu"]);
    save(&store, "alice", &value, at(0)).await.unwrap();
    let found = changes(&store.version("p", "n", 0).await.unwrap(), &store.version("p", "n", 1).await.unwrap()).unwrap();
    assert_eq!(found.summary, ["the tags changed: \"gpu\" was added", "the title changed from \"one\" to \"two\""]);
    assert_eq!(found.patch.len(), 2, "{:?}", found.patch);
}
