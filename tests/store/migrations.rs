//! Replicas that start together.

use super::{Home, body, create};

super::on_both!(replicas_starting_together_do_not_collide, without_tables_nothing_is_asked);

async fn replicas_starting_together_do_not_collide(home: Home) {
    let stores: Vec<_> = (0..6).map(|_| home.fresh_store(|_| {})).collect();
    let starts = stores.iter().map(|store| {
        let store = store.clone();
        tokio::spawn(async move { store.migrate().await })
    });
    let mut applied = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        applied.extend(start.await.unwrap().unwrap());
    }
    assert_eq!(applied, ["0001 dashboards"], "by one of them, once");
    for (n, store) in stores.iter().enumerate() {
        create(store, "x", &body("p", &format!("n{n}"), "T")).await.unwrap();
    }
}

async fn without_tables_nothing_is_asked(home: Home) {
    let store = home.fresh_store(|_| {});
    let error = store.get("p", "n").await.unwrap_err();
    assert!(error.detail().unwrap().contains("migrations have not run"), "{error:?}");
}
