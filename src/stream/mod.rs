//! Live streams: a query is evaluated once per tick for everybody who follows it, on all replicas together, and only what is new
//! or changed goes out.
//!
//! * [`Hub`]: all streams of this process: which queries they share, their limits, heartbeats, drain
//! * `topic`, `tick`: one streamed query: its newest window and the delta to it; when it is evaluated, and by whom
//! * `window`, `diff`, `frame`: pure: the text of a window, what is new in it, how events are written
//! * [`Events`], `line`, `out`: one connection: what its client has, and what comes next; never more than the newest state
//! * `part`: what all connections are told alike: written once, compressed once
//! * [`EventId`]: where a client takes up again, on any replica
//! * `shared`, [`Bus`]: what replicas share through Redis: leases and windows of ticks, and the announcements of them
//! * [`Rights`]: looked at again while a stream lives
//! * [`Status`], `metrics`: what streams there are, and the numbers
//!
//! [`Evaluate`] is the door to the engine, which is on the same floor.

mod bus;
mod diff;
mod events;
mod frame;
#[cfg(test)]
mod gzip_tests;
mod hub;
#[cfg(test)]
mod hub_tests;
mod line;
mod metrics;
mod out;
mod part;
mod question;
mod resume;
mod rights;
mod shared;
mod status;
mod tick;
mod topic;
mod window;

pub use bus::{Bus, BusError};
pub use events::Events;
pub use hub::{Hub, HubSettings, Opening, Refused};
pub use question::{Evaluate, Refusal, Wanted};
pub use resume::EventId;
pub use rights::{Rights, Standing};
pub use status::Status;
