//! One request at a time at several targets by turns, so that what slows the machine slows all of them.

use std::time::Duration;

use super::http::Connection;
use super::load::Target;
use super::report::{Rounds, Table, quantile_ms};

/// p50 and p99 of each target in milliseconds, then both less those of the first target in the same round.
pub type Latencies = Vec<[Rounds; 4]>;

/// `queries` of each target in each round, after `warm_up` of them that do not count. `path` makes a request that nobody has asked before.
pub fn by_turns(targets: &[Target], rounds: usize, queries: usize, warm_up: usize, mut path: impl FnMut() -> String) -> Latencies {
    let mut connections: Vec<Connection> = targets.iter().map(|target| Connection::open(&target.address, target.token)).collect();
    let mut round = |queries: usize| -> Vec<Vec<Duration>> {
        let mut times = vec![Vec::with_capacity(queries); targets.len()];
        for i in 0..queries {
            let path = path();
            for place in 0..targets.len() {
                // Nobody is always the one that comes after the slowest.
                let at = (place + i) % targets.len();
                times[at].push(connections[at].good(&format!("{path}{}", targets[at].also)).took);
            }
        }
        times
    };
    round(warm_up);
    let mut figures = vec![[(); 4].map(|()| Rounds::default()); targets.len()];
    for _ in 0..rounds {
        let mut times = round(queries);
        let direct = [quantile_ms(&mut times[0], 0.5), quantile_ms(&mut times[0], 0.99)];
        for (figures, times) in figures.iter_mut().zip(&mut times) {
            let own = [quantile_ms(times, 0.5), quantile_ms(times, 0.99)];
            for (figure, value) in figures.iter_mut().zip([own[0], own[1], own[0] - direct[0], own[1] - direct[1]]) {
                figure.add(value);
            }
        }
    }
    figures
}

/// A row for each target.
pub fn table(targets: &[Target], latencies: &Latencies) -> String {
    let mut table = Table::new(&["", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms"]);
    for (at, (target, figures)) in targets.iter().zip(latencies).enumerate() {
        let added = |figure: &Rounds| if at == 0 { "–".to_owned() } else { figure.text(3) };
        table.row(&[target.name.to_owned(), figures[0].text(3), figures[1].text(3), added(&figures[2]), added(&figures[3])]);
    }
    table.text().to_owned()
}
