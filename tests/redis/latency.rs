//! What a read costs on loopback.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hecate::cache::Budget;

use crate::server::{Replica, Server, TTL, eventually, key};

/// Prints the figures of this machine; fails only when something is wrong by an order of magnitude.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_a_block_is_read_in_a_fraction_of_a_millisecond() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    for (size, count) in [(1_000, 1_usize), (30_000, 1), (100_000, 1), (30_000, 8)] {
        let payload = Bytes::from((0..size).map(|at: usize| (at * 31 % 251) as u8).collect::<Vec<u8>>());
        let question = key(&format!("{size} bytes"));
        let parts: Vec<i64> = (0..count as i64).collect();
        replica.remote.write(&question, parts.iter().map(|part| (*part, payload.clone())).collect(), TTL);
        eventually("it is there", async || replica.read(&question, &parts).await.iter().all(Option::is_some).then_some(())).await;
        let mut times = Vec::new();
        for _ in 0..500 {
            let started = Instant::now();
            let read = replica.remote.read(&question, &parts, &mut Budget::new(Duration::from_secs(1))).await;
            times.push(started.elapsed());
            assert!(read.iter().flatten().filter(|stored| stored.bytes == payload).count() == count);
        }
        times.sort();
        println!("read of {count} × {size} B: p50 {:?}, p99 {:?}", times[250], times[495]);
        assert!(times[250] < Duration::from_millis(20), "{:?}", times[250]);
    }
}
