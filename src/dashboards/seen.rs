//! Dashboards that were read or written a while ago: nobody is answered from here before the database has said that they are still the same,
//! unless it is away.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Dashboard;
use super::time::now_ms;

/// Memory that they may take, in bytes. Ten thousand of a usual length: reading one from the database costs as much as all the rest of an
/// answer.
const MOST_BYTES: u64 = 128 << 20;
/// Roughly how many that is.
const USUAL_COUNT: usize = 10_000;

type Key = (String, String);
type Entry = (i64, Arc<Dashboard>);

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        entry.1.weight()
    }
}

/// By project and name, with the time at which the database gave them.
pub(super) struct Seen(Cache<Key, Entry, Bytes>);

impl Seen {
    pub(super) fn new() -> Seen {
        Seen(Cache::with_weighter(USUAL_COUNT, MOST_BYTES, Bytes))
    }

    pub(super) fn put(&self, dashboard: &Arc<Dashboard>) {
        self.0.insert((dashboard.project.clone(), dashboard.name.clone()), (now_ms(), dashboard.clone()));
    }

    /// It is gone, or has another name.
    pub(super) fn forget(&self, project: &str, name: &str) {
        self.0.remove(&(project.to_owned(), name.to_owned()));
    }

    pub(super) fn get(&self, project: &str, name: &str) -> Option<Entry> {
        self.0.get(&(project.to_owned(), name.to_owned()))
    }
}
