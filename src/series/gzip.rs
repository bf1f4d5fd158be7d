//! One gzip member (RFC 1952) of text in stored blocks and of pieces that were compressed before.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::crc;
use super::packed::Piece;

/// What is done with text that is in no whole piece: labels, and points at the edges of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Copied into stored blocks: no work, about half of the plain size.
    Stored,
    /// Points in small pieces as far as these reach, the rest stored: a little more copying, about two fifths of the plain size.
    Small,
    /// Compressed for this answer: smaller, and by far the most of the work.
    Deflated,
}

/// Bytes that fit into a stored block, and its head.
const LONGEST: usize = 65_535;
const STORED: usize = 5;
/// The member's own head and trailer.
const FRAME: usize = 10 + 8;
pub(super) const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A member that is being written.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Where the stored block that is being written has its head.
    stored: Option<usize>,
    crc: u32,
    /// Modulo 2^32, as the format wants it.
    len: u32,
    edges: Edges,
    /// Text to be deflated.
    waiting: Vec<u8>,
}

impl Writer {
    /// `size` is a guess of what it will take.
    pub fn new(size: usize, edges: Edges) -> Writer {
        let mut out = Vec::with_capacity(size + FRAME + STORED);
        out.extend_from_slice(&HEAD);
        Writer { out, stored: None, crc: 0, len: 0, edges, waiting: vec![] }
    }

    #[inline]
    pub fn text(&mut self, mut text: &[u8]) {
        if self.edges == Edges::Deflated {
            return self.waiting.extend_from_slice(text);
        }
        while !text.is_empty() {
            let head = *self.stored.get_or_insert_with(|| {
                self.out.extend_from_slice(&[0; STORED]);
                self.out.len() - STORED
            });
            let room = LONGEST - (self.out.len() - head - STORED);
            if room == 0 {
                self.end_stored(false);
                continue;
            }
            let (now, rest) = text.split_at(room.min(text.len()));
            self.out.extend_from_slice(now);
            text = rest;
        }
    }

    /// A piece, and how long its text is.
    #[inline]
    pub fn piece(&mut self, piece: &Piece, plain: u32) {
        self.end_stored(false);
        if !self.waiting.is_empty() {
            self.end_waiting();
        }
        self.out.extend_from_slice(&piece.deflate);
        self.crc = crc::multiply(piece.factor, self.crc) ^ piece.crc;
        self.len = self.len.wrapping_add(plain);
    }

    pub fn finish(mut self) -> Vec<u8> {
        if !self.waiting.is_empty() {
            self.end_waiting();
        }
        if self.stored.is_none() {
            self.out.extend_from_slice(&[0; STORED]);
            self.stored = Some(self.out.len() - STORED);
        }
        self.end_stored(true);
        self.out.extend_from_slice(&self.crc.to_le_bytes());
        self.out.extend_from_slice(&self.len.to_le_bytes());
        self.out
    }

    fn end_waiting(&mut self) {
        thread_local!(static FAST: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(1), false)));
        FAST.with_borrow_mut(|deflate| append_deflated(deflate, &[&self.waiting], &mut self.out));
        count(&mut self.crc, &mut self.len, &self.waiting);
        self.waiting.clear();
    }

    fn end_stored(&mut self, last: bool) {
        let Some(head) = self.stored.take() else { return };
        let text = &self.out[head + STORED..];
        let len = text.len() as u16;
        count(&mut self.crc, &mut self.len, text);
        self.out[head..head + STORED].copy_from_slice(&stored_head(len, last));
    }
}

/// Raw deflate that needs nothing before it and ends at a whole byte, so that anything can follow.
pub(super) fn deflate_piece(text: &[u8]) -> Box<[u8]> {
    deflate_joined(&[text]).into()
}

/// The same of a text that lies in several parts. Each thread that makes pieces keeps a compressor of some 300 kB.
pub(super) fn deflate_joined(parts: &[&[u8]]) -> Vec<u8> {
    // Level 1 of zlib-rs hardly compresses texts as short as these; levels 3 to 6 give one size.
    thread_local!(static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(6), false)));
    let mut out = Vec::new();
    DEFLATE.with_borrow_mut(|deflate| append_deflated(deflate, parts, &mut out));
    out
}

/// Ended by a sync flush: after a reset it writes what a full flush would, without clearing 128 kB of tables once more.
fn append_deflated(deflate: &mut Compress, parts: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    deflate.reset();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // A window of megabytes takes a tenth of its length.
    out.reserve(length.min(64 * 1024) + length / 10 + 64);
    let (mut before, last) = (0, parts.len().saturating_sub(1));
    for (nth, part) in parts.iter().enumerate() {
        let flush = if nth == last { FlushCompress::Sync } else { FlushCompress::None };
        loop {
            let rest = part.get(deflate.total_in() as usize - before..).unwrap_or_default();
            if rest.is_empty() && nth != last {
                break;
            }
            match deflate.compress_vec(rest, out, flush) {
                // With room left, the flush is complete.
                Ok(Status::Ok) if nth == last && out.len() < out.capacity() => break,
                Ok(_) if out.len() == out.capacity() => out.reserve(64 + out.capacity() / 4),
                Ok(_) => {}
                Err(_) => {
                    // The compressor's own state is broken, which is not known to happen: then the text goes as it is.
                    out.truncate(start);
                    for part in parts.iter().flat_map(|part| part.chunks(LONGEST)) {
                        out.extend_from_slice(&stored_head(part.len() as u16, false));
                        out.extend_from_slice(part);
                    }
                    return;
                }
            }
        }
        before += part.len();
    }
}

pub(super) fn stored_head(len: u16, last: bool) -> [u8; STORED] {
    let ([a, b], [c, d]) = (len.to_le_bytes(), (!len).to_le_bytes());
    [u8::from(last), a, b, c, d]
}

pub(super) fn count(crc: &mut u32, len: &mut u32, text: &[u8]) {
    let mut hasher = crc32fast::Hasher::new_with_initial(*crc);
    hasher.update(text);
    *crc = hasher.finalize();
    *len = len.wrapping_add(text.len() as u32);
}

#[cfg(test)]
mod tests {
    use super::super::samples::gunzip;
    use super::*;

    #[test]
    fn texts_longer_than_a_stored_block() {
        for len in [0, 1, LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST] {
            let text: Vec<u8> = (0..len).map(|i| (i * 7 % 251) as u8).collect();
            for edges in [Edges::Stored, Edges::Deflated] {
                let mut out = Writer::new(0, edges);
                text.chunks(1000).for_each(|part| out.text(part));
                assert!(gunzip(&out.finish()) == text, "{len} bytes, {edges:?}");
            }
        }
    }

    #[test]
    fn a_piece_ends_at_a_whole_byte_and_needs_nothing_before_it() {
        for len in [1, 10, 1000, 200_000] {
            let text: Vec<u8> = (0..len).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let piece = Piece { deflate: deflate_piece(&text), crc: crc32fast::hash(&text), factor: crc::factor(len) };
            let mut out = Writer::new(0, Edges::Stored);
            out.piece(&piece, len);
            out.text(b"between");
            out.piece(&piece, len);
            assert!(gunzip(&out.finish()) == [&text[..], b"between", &text].concat(), "{len} bytes");
        }
    }
}
