//! A master, a replica and three Sentinels: when the master dies, the replica that takes its place is found.

use std::time::{Duration, Instant};

use hecate::cache::probe;
use hecate::config::RedisServers;

use crate::control::{run, try_call};
use crate::leases::a_follower_is_woken;
use crate::notices::are_heard;
use crate::server::{Replica, Server, eventually, key, settings};

#[tokio::test]
async fn a_failover_is_followed() {
    let mut master = Server::start(&[]).await;
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]).await;
    let mut sentinels = Vec::new();
    for _ in 0..3 {
        let config = format!(
            "sentinel monitor main 127.0.0.1 {port} 2\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        );
        sentinels.push(
            Server::start_with("redis-server", &[("sentinel.conf", &config)], &["sentinel.conf", "--sentinel", "--port", "{port}"]).await,
        );
    }
    for sentinel in &sentinels {
        eventually("the Sentinels know everybody", async || {
            let told: Vec<Vec<String>> = run(sentinel, "SENTINEL SENTINELS main");
            let replicas: Vec<Vec<String>> = run(sentinel, "SENTINEL REPLICAS main");
            let is_online = replicas.first().is_some_and(|replica| replica.windows(2).any(|pair| pair == ["master-link-status", "ok"]));
            (told.len() == 2 && is_online).then_some(())
        })
        .await;
    }
    let hosts = sentinels.iter().map(Server::host).collect();
    let settings = settings(RedisServers::Sentinel { master: "main".to_owned(), hosts });
    assert!(probe(&settings, Duration::from_secs(2)).await.unwrap().ends_with("that Sentinels name"));
    let ours = Replica::connected(&settings).await;
    ours.put(&key("up"), 0, b"before").await;
    a_follower_is_woken(&ours, &ours).await;

    master.kill();
    let started = Instant::now();
    eventually("the replica has taken over", async || {
        // Its connections are cut when it becomes the master.
        let told = try_call::<String>(&replica, &[b"INFO", b"replication"]).ok()?;
        told.contains("role:master").then_some(())
    })
    .await;
    eventually("and is found", async || ours.remote.is_connected().then_some(())).await;
    ours.is_whole().await;
    println!("failover: found again {:?} after the master was killed", started.elapsed());
    assert_eq!(ours.get(&key("up"), 0).await.as_deref(), Some(&b"before"[..]), "what was replicated is still there");
    ours.put(&key("up"), 1, b"after").await;
    a_follower_is_woken(&ours, &ours).await;
    are_heard(&ours, &ours).await;

    // A master that is made a replica keeps its connections for a moment: the first refusal leads to the new one.
    assert!(probe(&settings, Duration::from_secs(2)).await.is_ok());
}
