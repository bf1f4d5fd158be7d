//! A block as bytes for a cache that others can write to: labels, which points there are, and their values. Times follow from the grid.
//!
//! ```text
//! version · codec · CRC-32 of all but itself · length of the payload · payload, plain or zstd
//! payload: step, phase, number · runs · infos · lanes · lengths of the values · label sets · values
//! ```
//!
//! Nothing in it is trusted: what [`decode`] accepts could have been read from an answer of Prometheus. Which query it answers is not
//! in here: that is for the one who stores it to write beside it and to compare.

mod read;
mod source;
#[cfg(test)]
pub(super) mod tests;
mod write;

pub use read::{CompactError, decode};
pub use write::encode;

/// Raised when the format changes: other versions are not read.
const VERSION: u8 = 1;
/// Bytes before the payload.
const HEAD: usize = 10;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// How a lane is written: histograms, not floats.
const HISTOGRAMS: u8 = 1;
/// Points whole, as their times are not printed as Prometheus prints them.
const WHOLE: u8 = 2;
/// The same points are there as in the lane before.
const SAME: u8 = 4;
/// The same series as the lane before, whose histograms these are.
const AGAIN: u8 = 8;

fn checksum(version: u8, codec: u8, after: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version, codec]);
    hasher.update(after);
    hasher.finalize().to_le_bytes()
}

/// The printed times of a block's grid points.
fn times(grid: super::Grid, number: i64) -> Option<Vec<Vec<u8>>> {
    let first = number.checked_mul(super::POINTS as i64)?;
    let print = |slot| {
        let mut text = vec![];
        super::grid::print_time(grid.time(first.checked_add(slot)?)?, &mut text);
        Some(text)
    };
    (0..super::POINTS as i64).map(print).collect()
}
