//! Killed in the middle of a storm of writes, and started again: what was acknowledged is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{House, dashboard};

const WRITERS: usize = 8;

async fn storm(database: &str) {
    let more = format!("dashboards: {{database: \"{database}\"}}\nlimits: {{rate_per_user: 100000/s, concurrent_per_user: 1000}}");
    let house = Arc::new(House::start(&more));
    // The newest version of each that was acknowledged; -1 for none.
    let acknowledged: Arc<Vec<AtomicI64>> = Arc::new((0..WRITERS).map(|_| AtomicI64::new(-1)).collect());
    let writers = (0..WRITERS).map(|n| {
        let (house, acknowledged) = (house.clone(), acknowledged.clone());
        tokio::spawn(async move {
            let client = crate::support::client();
            let list = format!("{}/api/v1/projects/team-a/dashboards", house.hecate.url());
            for version in 0.. {
                let mut body = dashboard(&format!("n{n}"), &format!("Version {version}"));
                let request = if version == 0 {
                    client.post(&list)
                } else {
                    body["metadata"]["version"] = json!(version - 1);
                    client.put(format!("{list}/n{n}"))
                };
                let request = request.bearer_auth("token-alice").header("content-type", "application/json").body(body.to_string());
                match request.send().await {
                    Ok(answer) if answer.status().as_u16() == 200 => acknowledged[n].store(version, Ordering::SeqCst),
                    Ok(answer) => panic!("{}: {}", answer.status(), answer.text().await.unwrap_or_default()),
                    // Killed.
                    Err(_) => return,
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    house.hecate.signal("KILL");
    for writer in writers {
        writer.await.unwrap();
    }
    let second = House::start(&more);
    let mut written = 0;
    for (n, newest) in acknowledged.iter().enumerate() {
        let newest = newest.load(Ordering::SeqCst);
        assert!(newest >= 0, "writer {n} has written nothing");
        written += newest + 1;
        let path = format!("/api/v1/projects/team-a/dashboards/n{n}");
        let read = second.get("alice", &path).await.json();
        let version = read["metadata"]["version"].as_i64().unwrap();
        // One more may have been stored without anybody being told.
        assert!(version == newest || version == newest + 1, "n{n}: {newest} was acknowledged, {version} is there");
        assert_eq!(read["spec"]["display"]["name"], format!("Version {version}"));
        let newest_entry: Value = second.get("alice", &format!("{path}/versions?limit=1")).await.json();
        assert_eq!(newest_entry[0]["version"], version, "the history goes with it");
    }
    assert!(written > WRITERS as i64, "{written} writes in two seconds are no storm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    storm(&format!("sqlite:{}", folder.path().join("storm.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    storm(&crate::support::Postgres::shared().new_database()).await;
}
