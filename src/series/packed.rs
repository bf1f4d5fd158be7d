//! Compressed pieces of a block, made when a gzip client first needs them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::block::{Block, Body, PIECES, SMALLS};
use super::{crc, gzip};

/// Points compressed once: raw deflate ended by a flush, with what joining the CRC needs.
#[derive(Debug)]
pub(super) struct Piece {
    pub deflate: Box<[u8]>,
    pub crc: u32,
    pub factor: u32,
}

impl Piece {
    fn new(text: &[u8]) -> Piece {
        Piece { deflate: gzip::deflate_piece(text), crc: crc32fast::hash(text), factor: crc::factor(text.len() as u32) }
    }

    fn weight(&self) -> usize {
        16 + size_of::<Piece>() + self.deflate.len()
    }
}

type Lazy = OnceLock<Arc<Piece>>;

/// What was compressed of a piece: all of it, and the same in small pieces.
#[derive(Clone, Debug, Default)]
struct Pieces {
    whole: Lazy,
    smalls: OnceLock<Box<[Lazy; SMALLS]>>,
}

impl Pieces {
    fn weight(&self) -> usize {
        let size = |piece: &Lazy| piece.get().map_or(0, |p| p.weight());
        size_of::<Pieces>()
            + size(&self.whole)
            + self.smalls.get().map_or(0, |all| size_of_val(&**all) + all.iter().map(size).sum::<usize>())
    }
}

/// Of a block: lane by lane, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pieces: OnceLock<Box<[Pieces]>>,
    /// Heap of the pieces, counted when they are made.
    bytes: AtomicUsize,
}

impl Packed {
    fn of(pieces: Box<[Pieces]>) -> Packed {
        let bytes = AtomicUsize::new(pieces.iter().map(Pieces::weight).sum());
        Packed { pieces: OnceLock::from(pieces), bytes }
    }

    /// A compressed piece, made now if nobody needed it before.
    pub fn piece(&self, body: &Body, lane: usize, piece: usize) -> &Piece {
        self.entry(body, lane, piece).whole.get_or_init(|| self.make(&body.text[body.piece_span(lane, piece)]))
    }

    /// The same for a small piece, which is counted from the block's start.
    pub fn small(&self, body: &Body, lane: usize, small: usize) -> &Piece {
        let smalls = self.entry(body, lane, small / SMALLS).smalls.get_or_init(|| {
            self.count(size_of::<[Lazy; SMALLS]>());
            Box::default()
        });
        smalls[small % SMALLS].get_or_init(|| self.make(&body.text[body.small_span(lane, small)]))
    }

    fn entry(&self, body: &Body, lane: usize, piece: usize) -> &Pieces {
        let pieces = self.pieces.get_or_init(|| {
            let count = body.bases.len() * PIECES;
            self.count(count * size_of::<Pieces>());
            (0..count).map(|_| Pieces::default()).collect()
        });
        &pieces[lane * PIECES + piece]
    }

    fn make(&self, text: &[u8]) -> Arc<Piece> {
        let piece = Piece::new(text);
        self.count(piece.weight());
        Arc::new(piece)
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of heap.
    pub fn weight(&self) -> usize {
        16 + size_of::<Packed>() + self.bytes.load(Ordering::Relaxed)
    }

    /// The same without small pieces; none if there are none.
    pub fn without_smalls(&self) -> Option<Packed> {
        let pieces = self.pieces.get().filter(|all| all.iter().any(|p| p.smalls.get().is_some()))?;
        Some(Packed::of(pieces.iter().map(|p| Pieces { whole: p.whole.clone(), smalls: OnceLock::new() }).collect()))
    }

    /// Those of an old block whose text is the same in a new one. `was` says for each lane of the new block which one of the old it was.
    pub fn taken_over(old: &Block, new: &Body, was: &[Option<usize>]) -> Packed {
        let Some(packed) = old.packed.pieces.get() else { return Packed::default() };
        let of = &*old.body;
        let same = |old_span, new_span| of.text[old_span] == new.text[new_span];
        let kept = was.iter().enumerate().flat_map(|(lane, was)| {
            (0..PIECES).map(move |piece| {
                let Some(was) = *was else { return Pieces::default() };
                let pieces = &packed[was * PIECES + piece];
                if same(of.piece_span(was, piece), new.piece_span(lane, piece)) {
                    return pieces.clone();
                }
                let Some(smalls) = pieces.smalls.get() else { return Pieces::default() };
                let kept = std::array::from_fn(|k| {
                    let small = piece * SMALLS + k;
                    if same(of.small_span(was, small), new.small_span(lane, small)) { smalls[k].clone() } else { OnceLock::new() }
                });
                Pieces { whole: OnceLock::new(), smalls: OnceLock::from(Box::new(kept)) }
            })
        });
        Packed::of(kept.collect())
    }
}
