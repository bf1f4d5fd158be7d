//! Backups as docs/dashboards.md describes them: taken while others write, and brought back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hecate::dashboards::{Search, Store};
use hecate::tenancy::Scope;
use sqlx::Connection as _;

use super::support::Postgres;
use super::{Home, at, body, create, save};

/// Writers that do not stop for a backup; what each has written when they are told to stop.
async fn while_others_write(store: &Arc<Store>, backup: impl Future<Output = ()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..4).map(|n| {
        let (store, stop) = (store.clone(), stop.clone());
        tokio::spawn(async move {
            let mut version = 0;
            create(&store, "x", &body("p", &format!("busy{n}"), "T")).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                save(&store, "x", &body("p", &format!("busy{n}"), "T"), at(version)).await.unwrap();
                version += 1;
            }
            version
        })
    });
    let writers: Vec<_> = writers.collect();
    backup.await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() >= 0);
    }
}

/// What was there before the backup is there, all of it, and the copy goes on as a database.
async fn expect_restored(home: &Home) {
    let store = home.store().await;
    for n in 0..20 {
        let read = store.get("p", &format!("n{n}")).await.unwrap().dashboard;
        assert_eq!((read.version, read.title.as_str()), (1, "two"), "n{n}");
        assert_eq!(store.versions("p", &format!("n{n}"), None, 10).await.unwrap().len(), 2);
    }
    // Of those that were being written it has one state, whole.
    let found = store.search(&Scope::ClusterWide, &Search { limit: 100, ..Search::default() }).await.unwrap();
    for dashboard in found.dashboards.iter().filter(|dashboard| dashboard.name.starts_with("busy")) {
        let newest = store.versions("p", &dashboard.name, None, 1).await.unwrap()[0].version;
        assert_eq!(newest, dashboard.version, "{}: a version without its history", dashboard.name);
    }
    save(&store, "x", &body("p", "n0", "three"), at(1)).await.unwrap();
    create(&store, "x", &body("p", "new", "new")).await.unwrap();
}

async fn twenty(home: &Home) -> Arc<Store> {
    let store = home.store().await;
    for n in 0..20 {
        create(&store, "x", &body("p", &format!("n{n}"), "one")).await.unwrap();
        save(&store, "x", &body("p", &format!("n{n}"), "two"), at(0)).await.unwrap();
    }
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let home = Home::sqlite();
    let store = twenty(&home).await;
    let (copied, restored) = (Home::sqlite(), Home::sqlite());
    let file = |home: &Home| home.address.strip_prefix("sqlite:").unwrap().to_owned();
    while_others_write(&store, async {
        let mut connection = sqlx::SqliteConnection::connect(&home.address).await.unwrap();
        sqlx::query("VACUUM INTO ?").bind(file(&copied)).execute(&mut connection).await.unwrap();
    })
    .await;
    std::fs::copy(file(&copied), file(&restored)).unwrap();
    expect_restored(&restored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_files_of_a_stopped_server() {
    let home = Home::sqlite();
    let store = twenty(&home).await;
    drop(store);
    let restored = Home::sqlite();
    let file = |home: &Home| home.address.strip_prefix("sqlite:").unwrap().to_owned();
    for ending in ["", "-wal"] {
        let from = format!("{}{ending}", file(&home));
        if std::path::Path::new(&from).exists() {
            std::fs::copy(from, format!("{}{ending}", file(&restored))).unwrap();
        }
    }
    expect_restored(&restored).await;
}

/// What was written goes from SQLite's log into its file while the store lives, and the log does not grow for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_writes_its_log_back() {
    let home = Home::sqlite();
    let store = home.store().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let upkeep = store.spawn_upkeep(&stopped);
    create(&store, "x", &body("p", "n", "needle-in-the-file")).await.unwrap();
    let file = home.address.strip_prefix("sqlite:").unwrap();
    super::support::eventually("it is in the file", async || {
        let bytes = std::fs::read(file).unwrap();
        String::from_utf8_lossy(&bytes).contains("needle-in-the-file").then_some(())
    })
    .await;
    stop.send(true).unwrap();
    upkeep.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let (home, restored) = (Home::postgres(), Home::postgres());
    let store = twenty(&home).await;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("hecate.dump");
    let database = |home: &Home| home.address.rsplit('/').next().unwrap().to_owned();
    let run = async |name: &'static str, arguments: Vec<String>| {
        let work = move || Postgres::shared().program(name).args(arguments).output().unwrap();
        let output = tokio::task::spawn_blocking(work).await.unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let target = archive.display().to_string();
    while_others_write(&store, run("pg_dump", vec!["--format=custom".into(), "--file".into(), target.clone(), database(&home)])).await;
    // Into a database that has something else.
    let other = restored.store().await;
    create(&other, "x", &body("p", "other", "T")).await.unwrap();
    drop(other);
    run("pg_restore", vec!["--clean".into(), "--if-exists".into(), "--dbname".into(), database(&restored), target]).await;
    expect_restored(&restored).await;
    assert!(restored.store().await.get("p", "other").await.is_err(), "what was there before is gone");
}
