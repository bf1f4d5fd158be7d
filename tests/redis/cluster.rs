//! Three servers in cluster mode: values and leases are spread, wake-ups and notices arrive everywhere, one server may die.

use std::process::Command;
use std::time::{Duration, Instant};

use hecate::cache::{Budget, probe};
use hecate::config::{Redis, RedisServers};

use crate::control::{names, run};
use crate::leases::{a_follower_is_woken, lead};
use crate::notices::are_heard;
use crate::server::{Replica, Server, eventually, key, settings};

async fn cluster() -> (Vec<Server>, Redis) {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(
            Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"]).await,
        );
    }
    let addresses: Vec<String> = servers.iter().map(|server| server.host().to_string()).collect();
    let made = Command::new("redis-cli").args(["--cluster", "create"]).args(&addresses).arg("--cluster-yes").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    for server in &servers {
        eventually("the cluster is whole", async || {
            let info: String = run(server, "CLUSTER INFO");
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    let settings = settings(RedisServers::Cluster(servers.iter().map(Server::host).collect()));
    (servers, settings)
}

#[tokio::test]
async fn everything_works_on_three_servers_and_most_on_two() {
    let (mut servers, settings) = cluster().await;
    assert!(probe(&settings, Duration::from_secs(2)).await.unwrap().ends_with("a cluster"));
    let (one, other) = (Replica::connected(&settings).await, Replica::connected(&settings).await);
    for number in 0..30 {
        one.put(&key(&format!("up {number}")), 0, b"payload").await;
    }
    assert!(servers.iter().all(|server| !names(server, "*:b:*").is_empty()), "every server has some");
    let text = "many parts";
    one.remote.write(&key(text), (0..20).map(|part| (part, bytes::Bytes::from_static(b"x"))).collect(), Duration::from_secs(60));
    let parts: Vec<i64> = (0..20).collect();
    eventually("all parts in one read", async || other.read(&key(text), &parts).await.iter().all(Option::is_some).then_some(())).await;
    a_follower_is_woken(&one, &other).await;
    are_heard(&one, &other).await;
    for server in &servers {
        run::<()>(server, "SCRIPT FLUSH");
    }
    for number in 0..10 {
        lead(&one, &format!("work {number}")).await.fail().await;
    }

    // One dies without anybody to take over: its keys are misses within the budget, the others are served.
    servers[2].kill();
    let budget = Duration::from_millis(20);
    let (mut found, mut slowest) = (0, Duration::ZERO);
    for round in 0..6 {
        for number in 0..30 {
            let started = Instant::now();
            let read = one.remote.read(&key(&format!("up {number}")), &[0], &mut Budget::new(budget)).await;
            slowest = slowest.max(started.elapsed());
            found += usize::from(round == 5 && read[0].is_some());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("cluster with one of three servers dead: {found} of 30 found, slowest read {slowest:?}");
    assert!(slowest < budget + Duration::from_millis(150), "{slowest:?}");
    assert!(found >= 10, "{found}");
    servers[2].restart().await;
    one.is_whole().await;
}
