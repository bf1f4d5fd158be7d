//! Ground floor, pure: cached range answers, kept as the text that Prometheus sent.
//!
//! ```text
//! answer ── decode ──> Decoded ── Series::put ──> blocks of 128 grid points ── Series::cut ──> Cut ──> plain | gzip
//!                                                    │  ^
//!                                     compact::encode v  │ compact::decode        (bytes for a shared cache)
//! ```
//!
//! [`Member`] is for whoever writes gzip that goes out while it is written, such as streams.
//!
//! A [`Series`] is everything that is known of one expression on one [`Grid`]: an immutable snapshot that is cheap to clone. Who
//! changes it clones it, puts an answer in and swaps the clone in; who reads cuts windows out of whatever snapshot they hold.
//! Floats are never parsed and printed again, so what comes out is byte for byte what Prometheus sent.
//!
//! One thing this room cannot know: some expressions succeed for each part of a window and fail for the whole, such as a function that
//! drops metric names over selectors of several names, across a change of names ("vector cannot contain metrics with the same
//! labelset"). Parts of such an answer join into one that Prometheus would have refused. The caller decides by the expression and
//! keeps only exact windows of those.

mod block;
mod builder;
pub mod compact;
mod crc;
mod cut;
mod decode;
mod grid;
mod gzip;
mod held;
mod infos;
mod json;
mod labels;
mod member;
mod merge;
mod packed;
pub mod plan;
#[cfg(test)]
mod property;
mod reader;
mod rows;
#[cfg(test)]
mod samples;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod table;

pub use block::POINTS;
pub use cut::Cut;
pub use decode::{DecodeError, Decoded, Limits, What, decode};
pub use grid::{Grid, print_time};
pub use gzip::Edges;
pub use member::{Deflated, Member};
pub use rows::Row;
pub use snapshot::{PutError, Series, blocks_of};
