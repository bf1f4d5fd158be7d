//! Archived, brought back, purged, and gone by age.

use hecate::dashboards::{Expected, Search, State, StoreError};
use hecate::tenancy::Scope;
use serde_json::json;

use super::{Home, actor, at, body, create, save};

super::on_both!(archive_and_back, a_name_is_free_after_its_dashboard_is_archived, purge_takes_archived_ones_only, retention, drafts);

async fn archive_and_back(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "T")).await.unwrap();
    assert!(matches!(store.archive(&actor("bob"), "p", "n", &at(7)).await, Err(StoreError::Conflict(_))));
    store.archive(&actor("bob"), "p", "n", &at(0)).await.unwrap();
    assert!(matches!(store.get("p", "n").await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.versions("p", "n", None, 10).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.archive(&actor("bob"), "p", "n", &Expected::Any).await, Err(StoreError::NotFound { .. })));
    let archived = Search { state: Some(State::Archived), limit: 10, ..Search::default() };
    assert_eq!(store.search(&Scope::ClusterWide, &archived).await.unwrap().dashboards[0].version, 0);
    let back = store.unarchive(&actor("carol"), "p", "n").await.unwrap();
    assert_eq!((back.version, back.state, back.archived_at, back.updated_by.as_str()), (1, State::Active, None, "carol"));
    assert_eq!(store.get("p", "n").await.unwrap().dashboard.text(), back.text());
    assert_eq!(store.versions("p", "n", None, 10).await.unwrap().len(), 2, "its history came back with it");
    assert!(matches!(store.unarchive(&actor("carol"), "p", "n").await, Err(StoreError::NotFound { what: "archived dashboard", .. })));
}

async fn a_name_is_free_after_its_dashboard_is_archived(home: Home) {
    let store = home.store().await;
    for title in ["first", "second"] {
        create(&store, "alice", &body("p", "n", title)).await.unwrap();
        store.archive(&actor("alice"), "p", "n", &Expected::Any).await.unwrap();
        // Milliseconds decide which one was archived last.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    create(&store, "alice", &body("p", "n", "third")).await.unwrap();
    assert!(matches!(store.unarchive(&actor("alice"), "p", "n").await, Err(StoreError::NameTaken { .. })));
    assert_eq!(store.get("p", "n").await.unwrap().dashboard.title, "third");
    store.archive(&actor("alice"), "p", "n", &Expected::Any).await.unwrap();
    assert_eq!(store.unarchive(&actor("alice"), "p", "n").await.unwrap().title, "third", "the one that was archived last");
}

async fn purge_takes_archived_ones_only(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "old")).await.unwrap();
    assert!(matches!(store.purge(&actor("alice"), "p", "n").await, Err(StoreError::NotFound { what: "archived dashboard", .. })));
    store.archive(&actor("alice"), "p", "n", &Expected::Any).await.unwrap();
    create(&store, "alice", &body("p", "n", "new")).await.unwrap();
    assert_eq!(store.purge(&actor("alice"), "p", "n").await.unwrap(), 1);
    assert_eq!(store.get("p", "n").await.unwrap().dashboard.title, "new");
    let archived = Search { state: Some(State::Archived), limit: 10, ..Search::default() };
    assert_eq!(store.search(&Scope::ClusterWide, &archived).await.unwrap().total, 0);
}

async fn retention(home: Home) {
    let store = home.store_with(|settings| settings.retention_days = 1).await;
    for name in ["a", "b", "c"] {
        create(&store, "alice", &body("p", name, name)).await.unwrap();
    }
    store.archive(&actor("alice"), "p", "a", &Expected::Any).await.unwrap();
    assert_eq!(store.drop_old().await.unwrap(), 0, "it was archived just now");
    let old = home.store_with(|settings| settings.retention_days = 0).await;
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    assert_eq!(old.drop_old().await.unwrap(), 1);
    assert!(matches!(store.unarchive(&actor("alice"), "p", "a").await, Err(StoreError::NotFound { .. })));
    let left = store.search(&Scope::ClusterWide, &Search { limit: 10, ..Search::default() }).await.unwrap();
    assert_eq!(left.total, 2);
}

async fn drafts(home: Home) {
    let store = home.store().await;
    let mut value = body("p", "n", "T");
    value["metadata"]["state"] = json!("draft");
    assert_eq!(create(&store, "alice", &value).await.unwrap().dashboard.state, State::Draft);
    let kept = save(&store, "alice", &body("p", "n", "T2"), at(0)).await.unwrap();
    assert_eq!(kept.state, State::Draft, "a save that says nothing of it leaves it");
    assert!(kept.text().contains(r#""state":"draft""#));
    value["metadata"]["state"] = json!("active");
    let active = save(&store, "alice", &value, at(1)).await.unwrap();
    assert!(active.state == State::Active && !active.text().contains("\"state\""));
}
