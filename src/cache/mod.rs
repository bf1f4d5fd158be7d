//! What is remembered between requests: names of entries, and the Redis that replicas share.
//!
//! * `key`: what an entry is the answer to, as bytes that no other question gives
//! * `local`: the first level, in this process, bounded in bytes
//! * `remote`: the second level, on Redis or Valkey: values, leases, notices; never trusted, never waited for longer than the budget

mod key;
mod local;
mod remote;

pub use key::{Digest, Key, KeyBuilder};
pub use local::{Local, Weighted};
pub use remote::{Budget, Claim, Follow, Followed, Lease, NoticeError, ProbeError, Published, Remote, RemoteError, Stored, Tick, probe};
