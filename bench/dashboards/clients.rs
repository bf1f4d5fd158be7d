//! Clients that ask side by side, each over a connection of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Call;
use crate::common::load::Target;
use crate::common::process;
use crate::common::report::{Rounds, quantile_ms};

/// So many clients that do the same, and what came of it in each round.
pub struct Clients<'a> {
    pub count: usize,
    call: Call<'a>,
    next: AtomicUsize,
    pub rate: Rounds,
    pub p50: Rounds,
    pub p99: Rounds,
    pub cpu_us: Rounds,
}

impl<'a> Clients<'a> {
    pub fn new(count: usize, call: Call<'a>) -> Clients<'a> {
        let [rate, p50, p99, cpu_us] = [(); 4].map(|()| Rounds::default());
        Clients { count, call, next: AtomicUsize::new(0), rate, p50, p99, cpu_us }
    }

    /// A round.
    pub fn press(&mut self, target: &Target, length: Duration) {
        let (call, next) = (self.call, &self.next);
        let pid = target.pid.unwrap();
        let one = || {
            let mut connection = target.connection();
            let (mut times, began) = (Vec::new(), Instant::now());
            while began.elapsed() < length {
                let answer = call(&mut connection, next.fetch_add(1, Ordering::Relaxed));
                assert_eq!(answer.status, 200);
                times.push(answer.took);
            }
            times
        };
        let (before, began) = (process::cpu(pid), Instant::now());
        let mut times: Vec<Duration> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..self.count).map(|_| scope.spawn(one)).collect();
            running.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let (took, used) = (began.elapsed(), process::cpu(pid).saturating_sub(before));
        self.rate.add(times.len() as f64 / took.as_secs_f64());
        self.cpu_us.add(used.as_secs_f64() * 1e6 / times.len() as f64);
        self.p50.add(quantile_ms(&mut times, 0.5));
        self.p99.add(quantile_ms(&mut times, 0.99));
    }
}
