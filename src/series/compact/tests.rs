//! What a block has to survive, and what must not survive it.

use super::super::decode as decode_answer;
use super::super::samples::{answer, floats, put};
use super::super::{Grid, Limits, POINTS, Series};
use super::*;

/// The same block without compression, so that it can be damaged inside.
pub(in super::super) fn unpacked(block: &[u8]) -> Vec<u8> {
    let mut plain = block[..HEAD].to_vec();
    if block[1] == ZSTD {
        plain.extend(zstd::stream::decode_all(&block[HEAD..]).unwrap());
        plain[1] = PLAIN;
        sign(&mut plain);
        plain
    } else {
        block.to_vec()
    }
}

/// Makes length and checksum right.
pub(in super::super) fn sign(block: &mut [u8]) {
    if block.len() >= HEAD {
        let len = (block.len() - HEAD) as u32;
        block[6..HEAD].copy_from_slice(&len.to_le_bytes());
        let sum = checksum(block[0], block[1], &block[6..]);
        block[2..6].copy_from_slice(&sum);
    }
}

fn grid() -> Grid {
    Grid::new(0, 500).unwrap()
}
