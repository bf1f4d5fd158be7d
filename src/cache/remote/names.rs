//! Names in Redis. All names of one key share a hash slot, so that a cluster keeps them on one server.

use crate::cache::Digest;

/// One name for each thing, behind the configured prefix.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    /// Channel of wake-ups for those who follow a lease.
    pub(super) leases_channel: String,
    /// Channel of notices.
    pub(super) notices_channel: String,
    /// Channel of ticks that were evaluated.
    pub(super) ticks_channel: String,
    /// Where notices stay for those who come later.
    pub(super) board: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Names {
        Names {
            leases_channel: format!("{prefix}:leases"),
            notices_channel: format!("{prefix}:notices"),
            ticks_channel: format!("{prefix}:ticks"),
            board: format!("{prefix}:board"),
            prefix: prefix.to_owned(),
        }
    }

    /// One part of a key.
    pub(super) fn part(&self, digest: &Digest, part: i64) -> String {
        format!("{}:{{{digest}}}:b:{part}", self.prefix)
    }

    /// The lease for some work on a key.
    pub(super) fn lease(&self, digest: &Digest, what: u64) -> String {
        format!("{}:{{{digest}}}:l:{what:x}", self.prefix)
    }

    /// The mark that a publication leaves behind.
    pub(super) fn mark(&self, digest: &Digest, what: u64) -> String {
        format!("{}:{{{digest}}}:m:{what:x}", self.prefix)
    }
}
