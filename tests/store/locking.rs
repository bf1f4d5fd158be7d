//! Of many who write at the same time one wins, and the others are told.

use std::collections::BTreeSet;

use hecate::dashboards::{Expected, NewDashboard, StoreError};
use serde_json::{Value, json};

use super::{Home, actor, at, body, create, document, save};

super::on_both!(
    an_old_version_is_told_who_was_faster,
    of_two_hundred_one_wins_a_version,
    two_hundred_writers_lose_nothing,
    one_name_is_given_once,
    a_repeated_create_finds_what_it_made,
    another_dashboard_of_the_same_name_is_another_one,
    whoever_asks_after_a_save_sees_it,
);

async fn an_old_version_is_told_who_was_faster(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "one")).await.unwrap();
    let two = save(&store, "bob", &body("p", "n", "two"), at(0)).await.unwrap();
    assert_eq!((two.version, two.updated_by.as_str(), two.created_by.as_str()), (1, "bob", "alice"));
    match save(&store, "alice", &body("p", "n", "mine"), at(0)).await.unwrap_err() {
        StoreError::Conflict(conflict) => {
            assert_eq!((conflict.version, conflict.updated_by.as_str(), conflict.updated_at), (1, "bob", two.updated_at));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(save(&store, "alice", &body("p", "n", "mine"), at(2)).await, Err(StoreError::Conflict(_))), "a version of the future");
    let read = store.get("p", "n").await.unwrap().dashboard;
    assert_eq!((read.title.as_str(), read.version), ("two", 1), "a rejected write leaves nothing behind");
    assert_eq!(store.versions("p", "n", None, 10).await.unwrap().len(), 2);
    assert_eq!(save(&store, "alice", &body("p", "n", "mine"), Expected::Any).await.unwrap().version, 2);
    assert!(matches!(save(&store, "alice", &body("p", "other", "x"), at(0)).await, Err(StoreError::NotFound { .. })));
}

async fn of_two_hundred_one_wins_a_version(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "start")).await.unwrap();
    let writers = (0..200).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { save(&store, &format!("user-{n}"), &body("p", "n", &format!("by {n}")), at(0)).await })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Ok(dashboard) => winners.push(dashboard),
            Err(StoreError::Conflict(conflict)) => assert_eq!(conflict.version, 1),
            // Not written: a slow disk has its limits, and says so.
            Err(StoreError::Away(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let [winner] = winners.as_slice() else { panic!("{} have won", winners.len()) };
    assert_eq!(store.get("p", "n").await.unwrap().dashboard.title, winner.title);
}

async fn two_hundred_writers_lose_nothing(home: Home) {
    let store = home.store().await;
    create(&store, "alice", &body("p", "n", "start")).await.unwrap();
    let writers = (0..200).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let Ok(read) = store.get("p", "n").await else { continue };
                let read = read.dashboard;
                let mut value: Value = serde_json::from_str(&read.text()).unwrap();
                value["spec"]["seen"][n.to_string()] = json!(true);
                match save(&store, "x", &value, at(read.version)).await {
                    Ok(_) => return,
                    // Somebody was faster, or the queue was too long: once more.
                    Err(StoreError::Conflict(_) | StoreError::Away(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let last = store.get("p", "n").await.unwrap().dashboard;
    let value: Value = serde_json::from_str(&last.text()).unwrap();
    assert_eq!((last.version, value["spec"]["seen"].as_object().unwrap().len()), (200, 200));
    let history: BTreeSet<i64> = store.versions("p", "n", None, 1000).await.unwrap().iter().map(|entry| entry.version).collect();
    assert_eq!(history.len(), 200, "each version once; of 201 the last 200 are kept");
}

/// Many are asked about at a time, on the replica that saved and on another one, by some who do not wait for the answer.
async fn whoever_asks_after_a_save_sees_it(home: Home) {
    let replicas = [home.store().await, home.store().await];
    let writers = (0..20).map(|n| {
        let replicas = replicas.clone();
        tokio::spawn(async move {
            let name = format!("n{n}");
            create(&replicas[0], "x", &body("p", &name, "0")).await.unwrap();
            for version in 1..=10 {
                let saved = loop {
                    match save(&replicas[0], "x", &body("p", &name, &version.to_string()), Expected::Any).await {
                        // Not written: a slow disk has its limits, and says so.
                        Err(StoreError::Away(_)) => {}
                        saved => break saved.unwrap(),
                    }
                };
                for store in &replicas {
                    let impatient = tokio::time::timeout(std::time::Duration::from_micros(50), store.get("p", &name)).await;
                    for read in [impatient.ok(), Some(store.get("p", &name).await)].into_iter().flatten().flatten() {
                        assert!(read.stale_since.is_some() || read.dashboard.version == saved.version, "{name}: {read:?}");
                    }
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for n in 0..20 {
        for store in &replicas {
            assert!(store.get("p", &format!("n{n}")).await.unwrap().dashboard.version >= 10);
        }
    }
}

async fn one_name_is_given_once(home: Home) {
    let store = home.store().await;
    let makers = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { create(&store, "x", &body("p", "n", &format!("by {n}"))).await.is_ok() })
    });
    let mut made = 0;
    for maker in makers.collect::<Vec<_>>() {
        made += u32::from(maker.await.unwrap());
    }
    assert_eq!(made, 1);
    assert!(matches!(create(&store, "x", &body("p", "n", "again")).await, Err(StoreError::NameTaken { .. })));
    create(&store, "x", &body("q", "n", "elsewhere")).await.unwrap();
}

async fn a_repeated_create_finds_what_it_made(home: Home) {
    let store = home.store().await;
    let document = document(&body("p", "n", "T"));
    let with = |key| NewDashboard { document: &document, template: None, key, message: "" };
    let first = store.create(&actor("alice"), with(Some("k1"))).await.unwrap();
    let second = store.create(&actor("alice"), with(Some("k1"))).await.unwrap();
    assert_eq!((first.repeated, second.repeated, &first.dashboard.id), (false, true, &second.dashboard.id));
    for (user, key) in [("alice", Some("k2")), ("bob", Some("k1")), ("alice", None)] {
        let error = store.create(&actor(user), with(key)).await.unwrap_err();
        assert!(matches!(error, StoreError::NameTaken { .. }), "{user} {key:?}: {error:?}");
    }
    assert_eq!(store.versions("p", "n", None, 10).await.unwrap().len(), 1);
}

async fn another_dashboard_of_the_same_name_is_another_one(home: Home) {
    let store = home.store().await;
    let old = create(&store, "alice", &body("p", "n", "old")).await.unwrap().dashboard;
    store.archive(&actor("alice"), "p", "n", &Expected::Any).await.unwrap();
    let new = create(&store, "bob", &body("p", "n", "new")).await.unwrap().dashboard;
    assert_eq!(old.version, new.version);
    let expected = Expected::Version { id: Some(old.id.clone()), version: 0 };
    assert!(matches!(save(&store, "alice", &body("p", "n", "mine"), expected.clone()).await, Err(StoreError::Conflict(_))));
    assert!(matches!(store.archive(&actor("alice"), "p", "n", &expected).await, Err(StoreError::Conflict(_))));
    assert_ne!(old.tag(), new.tag());
}
