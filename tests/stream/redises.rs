//! Every way to have a Redis: over TLS, a cluster, behind Sentinels. Two replicas share their ticks through it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::client::{Client, Seen};
use crate::first::{QUERIES, all_same, pairs};
use crate::support::eventually;
use crate::world::{STEP_MS, Settings, World};

const SOON: Duration = Duration::from_secs(40);

/// A redis-server or a Sentinel; ended when it is dropped.
struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// `{port}` in its words is its port; a file is its own configuration.
    async fn start(words: &[&str], file: Option<&str>) -> Server {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new("redis-server");
        if let Some(text) = file {
            fs::write(folder.path().join("own.conf"), text).unwrap();
            command.arg("own.conf");
        }
        if !words.contains(&"--port") {
            command.args(["--port", &port.to_string()]);
        }
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "."]);
        command.args(words.iter().map(|word| word.replace("{port}", &port.to_string())));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn();
        let server = Server { child: child.unwrap_or_else(|error| panic!("redis-server: {error}: run make setup")), port, _folder: folder };
        eventually("the server listens", async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(())).await;
        server
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it answers to a command, as text.
    fn says(&self, words: &[&str]) -> String {
        let said = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free a moment ago; so is the one that a cluster's own connections use.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 50_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

/// Two replicas on this Redis, a client of all queries at each, and what they had to show before it went on.
async fn two_replicas(redis: &str) -> (World, Vec<Client>) {
    let world = World::start_on(Settings { replicas: 2, ..Settings::default() }, redis).await;
    for replica in &world.replicas {
        replica.metric_becomes("hecate_stream_bus_connected", 1.0).await;
    }
    let clients: Vec<Client> = (0..2).map(|replica| world.stream(replica, &pairs("1m"))).collect();
    for client in &clients {
        client.sees("all windows", SOON, |seen| (seen.queries.len() == QUERIES.len()).then_some(())).await;
        client.goes_on(2 * QUERIES.len()).await;
    }
    (world, clients)
}

async fn total(world: &World, outcome: &str) -> f64 {
    let mut all = 0.0;
    for replica in &world.replicas {
        all += replica.metric(&format!("hecate_stream_ticks_total{{outcome=\"{outcome}\"}}")).await;
    }
    all
}

/// Each query is asked once for each tick, and the clients of both replicas get what came of it.
async fn both_evaluate_once_together(world: &World, clients: &[Client]) {
    world.upstream.take();
    let (followed, alone) = (total(world, "followed").await, total(world, "alone").await);
    for client in clients {
        client.goes_on(6 * QUERIES.len()).await;
    }
    let evaluations = world.evaluations();
    assert!(evaluations.len() >= 5 * QUERIES.len(), "{} evaluations", evaluations.len());
    let twice: Vec<_> = evaluations.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "asked more than once: {twice:?}");
    assert!(total(world, "followed").await >= followed + 4.0 * QUERIES.len() as f64, "one follows the other");
    assert_eq!(total(world, "alone").await, alone);
}

/// Without a word of the other one a replica looks for itself, after four tenths of a second at steps this long.
async fn announcements_are_heard(world: &World) {
    let slow = [("query", "sum(growing_total)"), ("step", "4s"), ("window", "40s")];
    let clients: Vec<Client> = (0..2).map(|replica| world.stream(replica, &slow)).collect();
    for client in &clients {
        client.event("delta", 4, SOON).await;
    }
    let arrived = |seen: &Seen| -> BTreeMap<String, Instant> {
        seen.events.iter().filter(|event| event.name == "delta").map(|event| (event.id.clone().unwrap(), event.at)).collect()
    };
    let (one, other) = (clients[0].see(arrived), clients[1].see(arrived));
    let apart = |(id, at): (&String, &Instant)| Some(at.max(other.get(id)?).duration_since(*at.min(other.get(id)?)));
    let mut apart: Vec<Duration> = one.iter().filter_map(apart).collect();
    apart.sort_unstable();
    assert!(apart.len() >= 3 && apart[(apart.len() - 1) / 2] < Duration::from_millis(250), "{apart:?}");
}

async fn all_are_right(mut world: World, clients: &[Client]) {
    world.settle().await;
    for client in clients {
        client.goes_on(3 * QUERIES.len()).await;
        all_same(&world, client).await;
        // It went on by deltas; where a busy machine made a reader slow, it got the newest window of a query instead.
        client.see(|seen| assert!(seen.count("error") == 0 && seen.count("snapshot") < 2 * QUERIES.len()));
    }
    world.replicas.iter().for_each(crate::support::Hecate::assert_no_bug);
}

/// The longest time between two ticks of which the client has everything.
fn longest_gap(seen: &Seen) -> i64 {
    let ticks: Vec<i64> = seen.events.iter().filter_map(|event| event.id.as_ref()?.split_once('-')?.0.parse().ok()).collect();
    ticks.windows(2).map(|two| (two[1] - two[0]) / STEP_MS).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_an_own_authority_and_a_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(file("ca.pem"), issuer.pem()).unwrap();
    for name in ["127.0.0.1", "client"] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        fs::write(file(&format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let (certificate, key, ca) = (file("127.0.0.1.pem"), file("127.0.0.1.key"), file("ca.pem"));
    let words = ["--port", "0", "--tls-port", "{port}", "--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let server = Server::start(&[&words[..], &["--tls-auth-clients", "yes"]].concat(), None).await;
    let (client, client_key) = (file("client.pem"), file("client.key"));
    let redis = format!(
        "url: \"rediss://{}\", budget: 500ms, ca_file: \"{ca}\", client_certificate: {{cert: \"{client}\", key: \"{client_key}\"}}",
        server.address()
    );
    let (world, clients) = two_replicas(&redis).await;
    both_evaluate_once_together(&world, &clients).await;
    announcements_are_heard(&world).await;
    all_are_right(world, &clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_that_loses_a_server() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        let words = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"];
        servers.push(Server::start(&words, None).await);
    }
    let addresses: Vec<String> = servers.iter().map(Server::address).collect();
    let made = Command::new("redis-cli").args(["--cluster", "create"]).args(&addresses).arg("--cluster-yes").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    for server in &servers {
        eventually("the cluster is whole", async || {
            let info = server.says(&["CLUSTER", "INFO"]);
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    let (world, clients) = two_replicas(&format!("url: \"redis-cluster://{}\", budget: 500ms", addresses.join(","))).await;
    both_evaluate_once_together(&world, &clients).await;
    announcements_are_heard(&world).await;

    // The one through which ticks are heard.
    let listens = |server: &Server| server.says(&["CLIENT", "LIST", "TYPE", "pubsub"]).lines().count();
    let busiest = (0..3).max_by_key(|nth| listens(&servers[*nth])).unwrap();
    assert!(listens(&servers[busiest]) > 0, "nobody listens anywhere");
    drop(servers.swap_remove(busiest));
    let killed = Instant::now();
    for client in &clients {
        client.goes_on(5 * QUERIES.len()).await;
    }
    for server in &servers {
        eventually("the others know", async || server.says(&["CLUSTER", "NODES"]).contains("fail").then_some(())).await;
    }
    for replica in &world.replicas {
        replica.metric_becomes("hecate_stream_bus_connected", 1.0).await;
    }
    assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
    // Of the queries whose leases lie on the two that are left.
    let followed = total(&world, "followed").await;
    eventually("one follows the other", async || (total(&world, "followed").await > followed + 5.0).then_some(())).await;
    for client in &clients {
        let gap = client.see(longest_gap);
        assert!(gap <= 5, "{gap} s between two ticks");
    }
    all_are_right(world, &clients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_sentinels_that_name_another_master() {
    let master = Server::start(&[], None).await;
    let port = master.port.to_string();
    let second = Server::start(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"], None).await;
    let mut sentinels = Vec::new();
    for _ in 0..3 {
        let config = format!(
            "sentinel monitor main 127.0.0.1 {port} 2\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        );
        sentinels.push(Server::start(&["--sentinel", "--port", "{port}"], Some(&config)).await);
    }
    for sentinel in &sentinels {
        eventually("the Sentinels know everybody", async || {
            let others = sentinel.says(&["SENTINEL", "SENTINELS", "main"]).matches("runid").count();
            let replicas = sentinel.says(&["SENTINEL", "REPLICAS", "main"]);
            (others == 2 && replicas.contains("master-link-status\nok")).then_some(())
        })
        .await;
    }
    let hosts: Vec<String> = sentinels.iter().map(Server::address).collect();
    let (world, clients) = two_replicas(&format!("url: \"redis-sentinel://{}/main\", budget: 500ms", hosts.join(","))).await;
    both_evaluate_once_together(&world, &clients).await;
    announcements_are_heard(&world).await;

    drop(master);
    let killed = Instant::now();
    eventually("the other one has taken over", async || second.says(&["INFO", "replication"]).contains("role:master").then_some(())).await;
    for replica in &world.replicas {
        replica.metric_becomes("hecate_stream_bus_connected", 1.0).await;
    }
    let followed = total(&world, "followed").await;
    eventually("one follows the other", async || (total(&world, "followed").await > followed + 5.0).then_some(())).await;
    assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
    for client in &clients {
        client.goes_on(2 * QUERIES.len()).await;
        let gap = client.see(longest_gap);
        assert!(gap <= 5, "{gap} s between two ticks");
    }
    // What was begun without the old master is over: it is as before.
    tokio::time::sleep(Duration::from_secs(3)).await;
    both_evaluate_once_together(&world, &clients).await;
    announcements_are_heard(&world).await;
    all_are_right(world, &clients).await;
}
