//! What the sign-in does, counted. `telemetry/` turns it into metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::ProviderKind;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Let in.
    Allowed,
    /// The provider recognised the credentials and refused them.
    Denied,
    /// The provider could not say.
    Unavailable,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 3] = [Outcome::Allowed, Outcome::Denied, Outcome::Unavailable];

    /// The `outcome` label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Unavailable => "unavailable",
        }
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct AuthStats {
    decided: [[AtomicU64; Outcome::ALL.len()]; ProviderKind::ALL.len()],
    pub(super) unrecognised: AtomicU64,
    pub(super) verdict_hits: AtomicU64,
    pub(super) verdict_misses: AtomicU64,
    pub(super) key_fetches: AtomicU64,
    pub(super) key_fetch_failures: AtomicU64,
    pub(super) file_reloads: AtomicU64,
    pub(super) file_reload_failures: AtomicU64,
    pub(super) sign_ins: AtomicU64,
    pub(super) sign_ins_refused: AtomicU64,
    pub(super) sign_ins_unavailable: AtomicU64,
    pub(super) sessions_unreadable: AtomicU64,
    pub(super) sessions_ended: AtomicU64,
    pub(super) sessions_twice: AtomicU64,
    pub(super) sessions_from_elsewhere: AtomicU64,
    pub(super) issuer_requests: AtomicU64,
    pub(super) issuer_request_failures: AtomicU64,
}

impl AuthStats {
    pub(super) fn count(&self, provider: ProviderKind, outcome: Outcome) {
        self.decided[provider as usize][outcome as usize].fetch_add(1, Relaxed);
    }

    /// Decisions of one provider that did not come from the cache.
    pub fn decided(&self, provider: ProviderKind, outcome: Outcome) -> u64 {
        self.decided[provider as usize][outcome as usize].load(Relaxed)
    }

    /// Requests with missing or unreadable credentials, or such that no provider recognises.
    pub fn unrecognised(&self) -> u64 {
        self.unrecognised.load(Relaxed)
    }

    /// Decisions that came from the cache.
    pub fn verdict_hits(&self) -> u64 {
        self.verdict_hits.load(Relaxed)
    }

    /// Credentials that the cache did not know.
    pub fn verdict_misses(&self) -> u64 {
        self.verdict_misses.load(Relaxed)
    }

    /// How often keys were fetched from an issuer, failures included.
    pub fn key_fetches(&self) -> u64 {
        self.key_fetches.load(Relaxed)
    }

    /// How often that failed.
    pub fn key_fetch_failures(&self) -> u64 {
        self.key_fetch_failures.load(Relaxed)
    }

    /// How often a changed users or roles file was taken over.
    pub fn file_reloads(&self) -> u64 {
        self.file_reloads.load(Relaxed)
    }

    /// How often a changed users or roles file could not be used, and the old content stayed.
    pub fn file_reload_failures(&self) -> u64 {
        self.file_reload_failures.load(Relaxed)
    }

    /// Sessions that were given to somebody who signed in.
    pub fn sign_ins(&self) -> u64 {
        self.sign_ins.load(Relaxed)
    }

    /// Sign-ins that came to nothing, because something in them was no good.
    pub fn sign_ins_refused(&self) -> u64 {
        self.sign_ins_refused.load(Relaxed)
    }

    /// Sign-ins that came to nothing, because the issuer was away.
    pub fn sign_ins_unavailable(&self) -> u64 {
        self.sign_ins_unavailable.load(Relaxed)
    }

    /// Sessions that could not be opened.
    pub fn sessions_unreadable(&self) -> u64 {
        self.sessions_unreadable.load(Relaxed)
    }

    /// Sessions whose time was over.
    pub fn sessions_ended(&self) -> u64 {
        self.sessions_ended.load(Relaxed)
    }

    /// Requests with more than one session.
    pub fn sessions_twice(&self) -> u64 {
        self.sessions_twice.load(Relaxed)
    }

    /// Requests that a page of somebody else made with the session of its visitor.
    pub fn sessions_from_elsewhere(&self) -> u64 {
        self.sessions_from_elsewhere.load(Relaxed)
    }

    /// Requests to the issuer that people sign in at, failures included; its keys are counted by themselves.
    pub fn issuer_requests(&self) -> u64 {
        self.issuer_requests.load(Relaxed)
    }

    /// How often those failed.
    pub fn issuer_request_failures(&self) -> u64 {
        self.issuer_request_failures.load(Relaxed)
    }
}

pub(super) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
