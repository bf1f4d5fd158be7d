//! Writes a block, lane by lane.

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Body, Lane, Offsets, Run};
use super::infos::Infos;
use super::packed::Packed;

/// A block that is being written. Each lane gets an offset for every slot of the extent, in order.
pub(super) struct Builder {
    pub text: Vec<u8>,
    pub offsets: Vec<u32>,
    runs: Vec<Run>,
    extent: Range<usize>,
    lanes: Vec<Lane>,
    bases: Vec<u32>,
    points: usize,
}

impl Builder {
    /// Room for so many lanes and bytes of text. The runs are ascending and disjoint.
    pub fn new(runs: Vec<Run>, lanes: usize, text: usize) -> Builder {
        let extent = match (runs.first(), runs.last()) {
            (Some(first), Some(last)) => first.slots().start..last.slots().end,
            _ => 0..0,
        };
        Builder {
            text: Vec::with_capacity(text),
            offsets: Vec::with_capacity(lanes * (extent.len() + 1)),
            runs,
            extent,
            lanes: Vec::with_capacity(lanes),
            bases: Vec::with_capacity(lanes),
            points: 0,
        }
    }

    /// Where the lane that is written next starts.
    pub fn open(&self) -> usize {
        self.text.len()
    }

    /// Notes where the next slot starts.
    #[inline]
    pub fn slot(&mut self, base: usize) {
        self.offsets.push((self.text.len() - base) as u32);
    }

    /// Ends a lane; one without a point is forgotten, and then this is false.
    pub fn close(&mut self, lane: Lane, base: usize) -> bool {
        let row = self.lanes.len() * (self.extent.len() + 1);
        if self.text.len() == base {
            self.offsets.truncate(row);
            return false;
        }
        self.slot(base);
        self.points += self.offsets[row..].windows(2).map(|pair| usize::from(pair[0] != pair[1])).sum::<usize>();
        self.lanes.push(lane);
        self.bases.push(base as u32);
        true
    }

    /// A lane whose points are given one by one: `point` appends a slot's text with its comma, or nothing.
    pub fn lane<E>(&mut self, lane: Lane, mut point: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let base = self.open();
        for slot in self.extent.clone() {
            self.slot(base);
            point(slot, &mut self.text)?;
        }
        self.close(lane, base);
        Ok(())
    }

    /// The block. It shares the list of lanes that it is like, if the two are equal.
    pub fn finish(self, infos: Infos, like: Option<&Arc<[Lane]>>) -> Block {
        let widest = self.offsets.iter().max().copied().unwrap_or(0);
        let offsets = match u16::try_from(widest) {
            Ok(_) => Offsets::Narrow(self.offsets.iter().map(|o| *o as u16).collect()),
            Err(_) => Offsets::Wide(self.offsets.into()),
        };
        let lanes = like.filter(|like| ***like == *self.lanes).cloned().unwrap_or_else(|| self.lanes.into());
        let body = Body {
            runs: self.runs.into(),
            infos,
            text: self.text.into(),
            bases: self.bases.into(),
            offsets,
            extent: self.extent,
            points: self.points,
        };
        Block { lanes, body: Arc::new(body), packed: Arc::new(Packed::default()) }
    }
}
