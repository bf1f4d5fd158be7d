//! `stream:` live streams: how often, how many, how long.

use std::time::Duration;

use super::reader::Map;
use super::values;

/// Bounds and times of live streams.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The step of a stream that names none: how often its queries are evaluated.
    pub interval: Duration,
    /// The shortest step that a stream may ask for.
    pub min_interval: Duration,
    /// The longest step that a stream may ask for.
    pub max_interval: Duration,
    /// How often a stream says that it is alive.
    pub heartbeat: Duration,
    /// How often the rights of a stream are looked at again; never less often than `auth.revocation_bound` asks for.
    pub revalidate: Duration,
    /// Streams in this process.
    pub max_connections: usize,
    /// Queries of one stream.
    pub max_queries: usize,
    /// What the windows of all queries may hold in this process, in bytes.
    pub memory: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Stream {
            interval: Duration::from_secs(15),
            min_interval: Duration::from_secs(5),
            max_interval: Duration::from_secs(300),
            heartbeat: Duration::from_secs(30),
            revalidate: Duration::from_secs(60),
            max_connections: 10_000,
            max_queries: 100,
            memory: 256 << 20,
        }
    }
}

impl Stream {
    pub(super) fn read(map: &mut Map<'_>) -> Stream {
        const SECOND: Duration = Duration::from_secs(1);
        const HOUR: Duration = Duration::from_secs(3600);
        let shipped = Stream::default();
        let interval = || values::duration(SECOND..=HOUR);
        let stream = Stream {
            interval: map.value("interval", interval()).unwrap_or(shipped.interval),
            min_interval: map.value("min_interval", interval()).unwrap_or(shipped.min_interval),
            max_interval: map.value("max_interval", interval()).unwrap_or(shipped.max_interval),
            heartbeat: map.value("heartbeat", interval()).unwrap_or(shipped.heartbeat),
            revalidate: map.value("revalidate", interval()).unwrap_or(shipped.revalidate),
            max_connections: map.value("max_connections", values::count(1..=1_000_000)).unwrap_or(shipped.max_connections),
            max_queries: map.value("max_queries", values::count(1..=1000)).unwrap_or(shipped.max_queries),
            memory: map.value("memory", values::memory(1 << 20..=1 << 40)).unwrap_or(shipped.memory),
        };
        stream.check(map);
        stream
    }

    fn check(&self, map: &Map<'_>) {
        let print = |duration: Duration| values::print_duration(duration);
        if !(self.min_interval..=self.max_interval).contains(&self.interval) {
            let key = ["interval", "min_interval", "max_interval"].into_iter().find(|key| map.has(key)).unwrap_or("interval");
            let (interval, shortest, longest) = (print(self.interval), print(self.min_interval), print(self.max_interval));
            map.error_at(
                key,
                format!("`interval` is {interval}; it has to lie between `min_interval`, {shortest}, and `max_interval`, {longest}"),
            );
        }
    }
}
