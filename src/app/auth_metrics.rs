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
    sign_ins: IntCounterVec,
    sessions_refused: IntCounterVec,
    sign_in_requests: IntCounterVec,
}

/// Registers the counts of `stats`.
///
/// # Errors
/// When a name is taken.
pub(super) fn register(stats: Arc<AuthStats>, registry: &Registry) -> Result<(), prometheus::Error> {
    let labelled = |label: &str, name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &[label]);
    let counters = |name: &str, help: &str| labelled("outcome", name, help);
    registry.register(Box::new(AuthMetrics {
        stats,
        verdicts: counters("hecate_auth_verdict_cache_total", "Looks into the cache of decisions about credentials.")?,
        key_fetches: counters("hecate_auth_key_fetches_total", "Requests to OpenID Connect issuers for their keys.")?,
        file_reloads: counters("hecate_auth_file_reloads_total", "Files of users and roles that were read again after a change.")?,
        sign_ins: counters("hecate_sign_ins_total", "Sign-ins of people with a browser.")?,
        sessions_refused: labelled("reason", "hecate_sessions_refused_total", "Requests whose session cookie was refused.")?,
        sign_in_requests: counters("hecate_sign_in_issuer_requests_total", "Requests to the issuer that people sign in at.")?,
    }))
}

impl AuthMetrics {
    fn update(&self) {
        let stats = &self.stats;
        let good = |all: u64, failed: u64| all.saturating_sub(failed);
        set(&self.verdicts, &[("hit", stats.verdict_hits()), ("miss", stats.verdict_misses())]);
        let failed = stats.key_fetch_failures();
        set(&self.key_fetches, &[("answered", good(stats.key_fetches(), failed)), ("failed", failed)]);
        set(&self.file_reloads, &[("used", stats.file_reloads()), ("refused", stats.file_reload_failures())]);
        let outcomes = [("done", stats.sign_ins()), ("refused", stats.sign_ins_refused()), ("unavailable", stats.sign_ins_unavailable())];
        set(&self.sign_ins, &outcomes);
        let reasons = [
            ("unreadable", stats.sessions_unreadable()),
            ("ended", stats.sessions_ended()),
            ("twice", stats.sessions_twice()),
            ("origin", stats.sessions_from_elsewhere()),
        ];
        set(&self.sessions_refused, &reasons);
        let failed = stats.issuer_request_failures();
        set(&self.sign_in_requests, &[("answered", good(stats.issuer_requests(), failed)), ("failed", failed)]);
    }

    fn all(&self) -> [&IntCounterVec; 6] {
        [&self.verdicts, &self.key_fetches, &self.file_reloads, &self.sign_ins, &self.sessions_refused, &self.sign_in_requests]
    }
}

fn set(counters: &IntCounterVec, counts: &[(&str, u64)]) {
    for (label, count) in counts {
        let counter = counters.with_label_values(&[*label]);
        counter.inc_by(count.saturating_sub(counter.get()));
    }
}

impl Collector for AuthMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(|counters| counters.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.update();
        self.all().into_iter().flat_map(|counters| counters.collect()).collect()
    }
}
