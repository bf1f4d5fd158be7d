//! What every black-box test starts: a real Prometheus, Hecate as a process, clients. All on free ports, all stopped on drop.

#![allow(dead_code, unused_imports, reason = "every test target uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    reason = "a test may fail loudly anywhere, and is in no hurry"
)]

mod cable;
pub mod counting;
mod difference;
mod door;
pub mod exporter;
mod hecate;
mod http2;
mod postgres;
mod prometheus;
mod raw;
mod redis_server;
pub mod remote_write;
mod request;
mod scrape;
pub mod stand_in;
mod victoria;
mod wire;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cable::Cable;
pub use counting::{Counting, Mood};
pub use difference::difference;
pub use door::{Door, Reply, Verb};
pub use hecate::{Hecate, users, usual_users};
pub use http2::Http2;
pub use postgres::Postgres;
pub use prometheus::{Prometheus, PrometheusOptions, blocks_from_openmetrics};
pub use raw::{RawAnswer, raw};
pub use redis_server::RedisServer;
pub use request::read_request;
pub use stand_in::StandIn;
pub use victoria::VictoriaMetrics;
pub use wire::{Answered, Wire};

/// A program that `make setup` builds.
pub fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("HECATE_TOOLS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bin"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run make setup", path.display());
    path
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A client with a bound on time, and without anything of the environment.
pub fn client() -> reqwest::Client {
    ::hecate::upstream::install_crypto();
    reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().tls_certs_only([]).build().unwrap()
}

/// Asks again until the answer is there, for 20 s at most.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 20 s");
}
