//! Up to 128 grid points of all series. A block never changes: a fetch makes a new one from the old one and the answer.

use std::ops::Range;
use std::sync::Arc;

use super::infos::Infos;
use super::packed::Packed;

/// Grid points in a block.
pub const POINTS: usize = 128;
/// Grid points in a compressed piece.
pub(super) const PIECE: usize = 64;
pub(super) const PIECES: usize = POINTS / PIECE;
/// Grid points in a small piece: for the edge of a window, which cuts a piece.
pub(super) const SMALL: usize = 16;
pub(super) const SMALLS: usize = PIECE / SMALL;

const _: () = assert!(PIECE * PIECES == POINTS && SMALL * SMALLS == PIECE);

/// Cheap to clone. What it is made of can change hands alone: lanes get new numbers, compressed pieces are dropped.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Lanes that have a point here, in the order of an answer. Neighbouring blocks share one list where they can: then cutting needs no merge.
    pub lanes: Arc<[Lane]>,
    pub body: Arc<Body>,
    /// What gzip clients needed so far.
    pub packed: Arc<Packed>,
}

/// The floats or the histograms of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub series: u32,
    pub histograms: bool,
}

/// Neighbouring grid points that are known, from one fetch. What has no text in a known point is absent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub from: u8,
    pub to: u8,
    pub fetched_at_ms: i64,
}

impl Run {
    pub fn slots(&self) -> Range<usize> {
        usize::from(self.from)..usize::from(self.to)
    }
}

/// The points of a block, lane by lane.
#[derive(Debug)]
pub(super) struct Body {
    /// Ascending, disjoint, at least one.
    pub runs: Box<[Run]>,
    pub infos: Infos,
    /// Points as sent, each with a comma after it: so a window is one slice, and only the last comma is dropped.
    pub text: Box<[u8]>,
    /// Where each lane starts in the text.
    pub bases: Box<[u32]>,
    pub offsets: Offsets,
    /// From the first known slot to the last: only these have offsets.
    pub extent: Range<usize>,
    /// Points that are there.
    pub points: usize,
}

/// Where a grid point's text starts within its lane: one for each slot of the extent and one for the end, lane by lane.
#[derive(Debug)]
pub(super) enum Offsets {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

impl Body {
    #[inline]
    pub fn offset(&self, lane: usize, slot: usize) -> usize {
        let within = slot.clamp(self.extent.start, self.extent.end) - self.extent.start;
        let at = lane * (self.extent.len() + 1) + within;
        match &self.offsets {
            Offsets::Narrow(offsets) => offsets[at] as usize,
            Offsets::Wide(offsets) => offsets[at] as usize,
        }
    }

    /// The bytes of `text` that a lane's slots take.
    #[inline]
    pub fn span(&self, lane: usize, slots: Range<usize>) -> Range<usize> {
        let base = self.bases[lane] as usize;
        base + self.offset(lane, slots.start)..base + self.offset(lane, slots.end)
    }

    pub fn piece_span(&self, lane: usize, piece: usize) -> Range<usize> {
        self.span(lane, piece * PIECE..(piece + 1) * PIECE)
    }

    /// Small pieces are counted from the block's start.
    pub fn small_span(&self, lane: usize, small: usize) -> Range<usize> {
        self.span(lane, small * SMALL..(small + 1) * SMALL)
    }

    /// How many points a lane has in these slots.
    pub fn count(&self, lane: usize, slots: Range<usize>) -> usize {
        let slots = slots.start.max(self.extent.start)..slots.end.min(self.extent.end);
        if self.points == self.bases.len() * self.extent.len() {
            return slots.len();
        }
        slots.filter(|slot| self.offset(lane, *slot) < self.offset(lane, slot + 1)).count()
    }

    /// Bytes of heap.
    pub fn weight(&self) -> usize {
        let offsets = match &self.offsets {
            Offsets::Narrow(offsets) => size_of_val(&**offsets),
            Offsets::Wide(offsets) => size_of_val(&**offsets),
        };
        let lists = size_of_val(&*self.runs) + size_of_val(&*self.bases) + self.infos.weight();
        16 + size_of::<Body>() + self.text.len() + offsets + lists
    }
}

/// Some slots of a block.
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    pub block: &'a Block,
    pub slots: Range<usize>,
}

impl Part<'_> {
    /// The runs of these slots.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.block.body.runs.iter().filter_map(|run| {
            let slots = run.slots().start.max(self.slots.start)..run.slots().end.min(self.slots.end);
            (!slots.is_empty()).then_some(Run { from: slots.start as u8, to: slots.end as u8, fetched_at_ms: run.fetched_at_ms })
        })
    }

    /// From the first to the last known slot; empty if none is known.
    pub fn extent(&self) -> Range<usize> {
        let mut runs = self.runs();
        let Some(first) = runs.next() else { return 0..0 };
        first.slots().start..runs.last().unwrap_or(first).slots().end
    }
}
