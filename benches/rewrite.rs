//! What a request costs before it goes upstream, piece by piece: `cargo bench --bench rewrite`.

#![allow(clippy::unwrap_used, reason = "a benchmark: what goes wrong ends it")]
#![allow(missing_docs, reason = "nobody calls it")]

use std::sync::Arc;

use hecate::config::{self, Config};
use hecate::http::Params;
use hecate::promql::{ConflictMode, Options};
use hecate::query::{Engine, EngineSettings, Fairness};
use hecate::telemetry::{Metrics, Tracer};
use hecate::tenancy::{Authenticator, Credentials, Namespace, Policy, Scope};
use hecate::upstream::Upstreams;
use http::HeaderMap;
use sha2::{Digest, Sha256};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    divan::main();
}

/// 214 bytes, as a dashboard of a cluster's console asks.
const DASHBOARD: &str = concat!(
    r#"sum by (pod, container) (rate(container_cpu_usage_seconds_total{cluster="$c", job=~"kubelet|cadvisor", container!="", "#,
    r#"image!~"pause.*"}[5m])) / on (pod) group_left (node) kube_pod_info{node=~".+-gpu-.+"} * 100 > 80"#
);

const SCOPES: [usize; 3] = [1, 10, 1000];

fn engine() -> Engine {
    let metrics = Metrics::new().unwrap();
    let config = Config::default();
    let upstreams = Arc::new(Upstreams::new(&config.upstreams, metrics.registry()).unwrap());
    let policy = Policy::new(&config.tenancy.labels);
    let (options, limits, cache) = (Options::default(), config.limits, config.cache);
    let (conflict, tracer) = (ConflictMode::Empty, Tracer::disabled());
    Engine::new(EngineSettings { upstreams, policy, options, conflict, limits, cache, remote: None, metrics: &metrics, tracer }).unwrap()
}

fn scope(namespaces: usize) -> Scope {
    Scope::of((0..namespaces).map(|n| Namespace::new(&format!("team-{n}")).unwrap()))
}

/// The query was asked before by somebody of the same scope: a look into the cache.
#[divan::bench(args = SCOPES)]
fn enforce_known(bencher: divan::Bencher<'_, '_>, namespaces: usize) {
    let (engine, scope) = (engine(), scope(namespaces));
    bencher.bench_local(|| engine.enforce(&scope, DASHBOARD).is_ok());
}

/// The query is new: read, bind, print, read again, check.
#[divan::bench(args = SCOPES)]
fn enforce_new(bencher: divan::Bencher<'_, '_>, namespaces: usize) {
    let (engine, scope) = (engine(), scope(namespaces));
    let mut number = 0;
    bencher
        .with_inputs(|| {
            number += 1;
            // As long as the other one: the last number is what differs.
            format!("{}{}", &DASHBOARD[..DASHBOARD.len() - 2], 80 + number)
        })
        .bench_local_refs(|text| engine.enforce(&scope, text).is_ok());
}

/// A range query's parameters, from the URL.
#[divan::bench]
fn parameters(bencher: divan::Bencher<'_, '_>) {
    let query: String = form_urlencoded::byte_serialize(DASHBOARD.as_bytes()).collect();
    let url = format!("query={query}&start=1700000000&end=1700003600.5&step=15");
    let headers = HeaderMap::new();
    bencher.bench_local(|| Params::decode(Some(divan::black_box(&url)), &headers, &[]).is_ok());
}

/// A token that was seen in the last minute.
#[divan::bench]
fn authenticate_known(bencher: divan::Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let users_file = folder.path().join("users.yaml");
    let hash: String = Sha256::digest(b"token").iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(&users_file, format!("users: [{{name: ann, token_sha256: \"{hash}\", namespaces: [a]}}]")).unwrap();
    let auth = config::Auth { providers: vec![config::Provider::Static(config::StaticUsers { users_file })], ..config::Auth::default() };
    let authenticator = Authenticator::new(&auth, true).unwrap();
    let credentials = Credentials { authorization: Some(b"Bearer token"), session: None };
    bencher.bench_local(|| runtime.block_on(authenticator.authenticate(&credentials)).is_ok());
}

/// The place among a user's requests, taken and given back.
#[divan::bench]
fn admit(bencher: divan::Bencher<'_, '_>) {
    let fairness = Fairness::new(1e9, 1000);
    bencher.bench_local(|| fairness.admit("static ann").is_ok());
}
