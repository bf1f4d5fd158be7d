//! A gzip member that goes out while it is written: texts of its own between pieces that were compressed once for all members.
//!
//! Everything in it ends at a whole byte with all of its text given out, so that who reads it has each piece as soon as it arrives. What
//! a shared piece costs does not depend on its length: its checksum is joined, not computed again.

use bytes::{Bytes, BytesMut};

use super::{crc, gzip};

/// Own texts shorter than this stay as they are: compressing them would cost more than it saves.
const WORTH_DEFLATING: usize = 256;

/// A text compressed once, to be put into any number of members.
#[derive(Debug)]
pub struct Deflated {
    bytes: Bytes,
    crc: u32,
    factor: u32,
    /// Of its text, modulo 2^32.
    len: u32,
}

impl Deflated {
    /// Of a text that lies in several parts. Takes about ten milliseconds for a megabyte.
    pub fn of(parts: &[&[u8]]) -> Deflated {
        let (mut crc, mut len) = (0, 0);
        parts.iter().for_each(|part| gzip::count(&mut crc, &mut len, part));
        Deflated { bytes: gzip::deflate_joined(parts).into_boxed_slice().into(), crc, factor: crc::factor(len), len }
    }

    /// Bytes of memory that it holds.
    pub fn weight(&self) -> usize {
        self.bytes.len() + size_of::<Deflated>()
    }
}

/// What has to be known of a member while it is written: the checksum and the length of its text so far.
#[derive(Debug)]
pub struct Member {
    crc: u32,
    len: u32,
}

impl Member {
    /// Begins one.
    pub fn begin(out: &mut BytesMut) -> Member {
        out.extend_from_slice(&gzip::HEAD);
        Member { crc: 0, len: 0 }
    }

    /// A text of its own.
    pub fn text(&mut self, text: &[u8], out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        gzip::count(&mut self.crc, &mut self.len, text);
        if text.len() < WORTH_DEFLATING {
            out.extend_from_slice(&gzip::stored_head(text.len() as u16, false));
            out.extend_from_slice(text);
        } else {
            out.extend_from_slice(&gzip::deflate_joined(&[text]));
        }
    }

    /// A piece that others have too: what it gives back goes out next, behind everything that was written before.
    #[must_use]
    pub fn piece(&mut self, piece: &Deflated) -> Bytes {
        self.crc = crc::multiply(piece.factor, self.crc) ^ piece.crc;
        self.len = self.len.wrapping_add(piece.len);
        piece.bytes.clone()
    }

    /// Ends it: a last block of nothing, and what the reader checks the whole by.
    pub fn end(self, out: &mut BytesMut) {
        out.extend_from_slice(&gzip::stored_head(0, true));
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::super::samples::gunzip;
    use super::*;

    fn text(seed: u32, len: usize) -> Vec<u8> {
        (0..len as u32).map(|i| b"{\"v\":1,\"id\":[]} 0123456789"[(i.wrapping_mul(seed | 1) >> 3) as usize % 26]).collect()
    }

    #[test]
    fn a_piece_may_lie_in_several_parts() {
        let whole = text(7, 300_000);
        for cuts in [&[][..], &[0], &[1, 2], &[80, 299_998], &[65_535, 65_536, 131_072], &[300_000, 300_000]] {
            let (mut parts, mut from) = (Vec::new(), 0);
            for cut in cuts.iter().chain([&whole.len()]) {
                parts.push(&whole[from..*cut]);
                from = *cut;
            }
            let mut out = BytesMut::new();
            let mut member = Member::begin(&mut out);
            let piece = Deflated::of(&parts);
            assert!(piece.weight() < whole.len() / 2, "{} bytes", piece.weight());
            out.extend_from_slice(&member.piece(&piece));
            member.end(&mut out);
            assert!(gunzip(&out) == whole, "{cuts:?}");
        }
    }

    #[test]
    fn a_member_of_nothing_is_one() {
        let mut out = BytesMut::new();
        Member::begin(&mut out).end(&mut out);
        assert_eq!(gunzip(&out), b"");
        assert_eq!(out.len(), 23);
    }

    proptest! {
        /// In any order and of any length: after each step a reader has everything that was put in, and in the end a whole member.
        #[test]
        fn whatever_was_put_in_can_be_read_at_once(
            steps in prop::collection::vec((any::<bool>(), 0..3_usize, prop_oneof![0..600_usize, 0..70_000_usize]), 0..12)
        ) {
            let shared: Vec<(Vec<u8>, Deflated)> = [3, 5000, 100_000]
                .map(|len| (text(len as u32, len), Deflated::of(&[&text(len as u32, len)]))).into();
            let mut out = BytesMut::new();
            let mut member = Member::begin(&mut out);
            let mut reader = flate2::write::GzDecoder::new(Vec::new());
            let mut whole = Vec::new();
            for (seed, (is_shared, which, len)) in steps.into_iter().enumerate() {
                if is_shared {
                    let (plain, piece) = &shared[which];
                    out.extend_from_slice(&member.piece(piece));
                    whole.extend_from_slice(plain);
                } else {
                    let own = text(seed as u32, len);
                    member.text(&own, &mut out);
                    whole.extend_from_slice(&own);
                }
                reader.write_all(&out.split()).unwrap();
                reader.flush().unwrap();
                prop_assert!(*reader.get_ref() == whole);
            }
            member.end(&mut out);
            reader.write_all(&out).unwrap();
            reader.try_finish().unwrap();
            prop_assert!(*reader.get_ref() == whole);
        }
    }
}
