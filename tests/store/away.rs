//! The database goes and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hecate::config::{Dashboards, Secret};
use hecate::dashboards::{Store, StoreError};

use super::support::{Cable, Postgres, eventually};
use super::{at, body, create, save};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_from_memory_and_writes_are_refused() {
    let cable = Cable::to(&Postgres::shared().new_database()).await;
    let settings = Dashboards { database: Secret::new(cable.address.clone()), ..Dashboards::default() };
    let store = Arc::new(Store::new(&settings, &prometheus::Registry::new()).unwrap());
    store.migrate().await.unwrap();
    create(&store, "alice", &body("p", "seen", "T")).await.unwrap();
    save(&store, "alice", &body("p", "seen", "T2"), at(0)).await.unwrap();
    cable.pull();
    let started = Instant::now();
    let stale = eventually("the cable is noticed", async || {
        let read = store.get("p", "seen").await.unwrap();
        read.stale_since.map(|_| read.dashboard)
    })
    .await;
    assert_eq!((stale.title.as_str(), stale.version), ("T2", 1));
    assert!(matches!(store.get("p", "never.seen").await, Err(StoreError::Away(_))));
    assert!(matches!(save(&store, "alice", &body("p", "seen", "T3"), at(1)).await, Err(StoreError::Away(_))));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    // One call after the other would wait in vain: they are refused at once.
    let started = Instant::now();
    for _ in 0..100 {
        assert!(store.get("p", "seen").await.unwrap().stale_since.is_some());
        if started.elapsed() > Duration::from_millis(300) {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_millis(1000), "{:?}", started.elapsed());
    assert_eq!(store.check().status, hecate::telemetry::State::Degraded);
    cable.plug_in();
    eventually("it is back", async || store.get("p", "seen").await.unwrap().stale_since.is_none().then_some(())).await;
    assert_eq!(save(&store, "alice", &body("p", "seen", "T3"), at(1)).await.unwrap().version, 2);
    assert_eq!(store.check().status, hecate::telemetry::State::Healthy);
}
