//! What the providers of identity count, for `/metrics`.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry};

use crate::tenancy::AuthStats;

/// Reads the counts when somebody scrapes: a sign-in costs nothing more for it.
struct AuthMetrics {
    stats: Arc<AuthStats>,
    verdicts: IntCounterVec,
    key_fetches: IntCounterVec,
    file_reloads: IntCounterVec,
}

/// Registers the counts of `stats`.
///
/// # Errors
/// When a name is taken.
pub(super) fn register(stats: Arc<AuthStats>, registry: &Registry) -> Result<(), prometheus::Error> {
    let counters = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["outcome"]);
    registry.register(Box::new(AuthMetrics {
        stats,
        verdicts: counters("hecate_auth_verdict_cache_total", "Looks into the cache of decisions about credentials.")?,
        key_fetches: counters("hecate_auth_key_fetches_total", "Requests to OpenID Connect issuers for their keys.")?,
        file_reloads: counters("hecate_auth_file_reloads_total", "Files of users and roles that were read again after a change.")?,
    }))
}

impl AuthMetrics {
    fn update(&self) {
        let stats = &self.stats;
        for (counters, good, good_count, bad, bad_count) in [
            (&self.verdicts, "hit", stats.verdict_hits(), "miss", stats.verdict_misses()),
            (
                &self.key_fetches,
                "answered",
                stats.key_fetches().saturating_sub(stats.key_fetch_failures()),
                "failed",
                stats.key_fetch_failures(),
            ),
            (&self.file_reloads, "used", stats.file_reloads(), "refused", stats.file_reload_failures()),
        ] {
            for (outcome, count) in [(good, good_count), (bad, bad_count)] {
                let counter = counters.with_label_values(&[outcome]);
                counter.inc_by(count.saturating_sub(counter.get()));
            }
        }
    }
}

impl Collector for AuthMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [&self.verdicts, &self.key_fetches, &self.file_reloads].iter().flat_map(|counters| counters.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.update();
        [&self.verdicts, &self.key_fetches, &self.file_reloads].iter().flat_map(|counters| counters.collect()).collect()
    }
}
