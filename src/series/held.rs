//! What a snapshot holds of one block: a base, and a small tail for what is still changing.
//!
//! Whoever follows the present asks for the last few points again and again. Copying the whole block for each would cost as much as
//! the block is large; so they go to a tail of at most 16 slots, which joins the base when it becomes longer or when an older
//! point changes.

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Lane, POINTS, Part, Run, SMALL};
use super::merge::{Fresh, merge};

/// Slots that a tail has at most, from its start to its last known point.
const TAIL: usize = SMALL;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Counts for the slots before `split` only.
    pub base: Block,
    /// Counts for the slots from `split` on.
    pub tail: Option<Block>,
    /// The end of the block, if there is no tail.
    split: usize,
}

impl Held {
    fn whole(base: Block) -> Held {
        Held { base, tail: None, split: POINTS }
    }

    /// With an answer's points; none if they would not fit into 4 GiB.
    pub fn put(old: Option<&Held>, fresh: Fresh<'_, '_>, rank: &[u32], like: Option<&Arc<[Lane]>>) -> Option<Held> {
        let Some(old) = old else { return Some(Held::whole(merge(&[], Some(fresh), rank, like)?)) };
        match old.room_for(&fresh.slots) {
            Some(split) => {
                let parts: Vec<_> = old.parts(split..POINTS).collect();
                // Mostly the same series as in the base.
                let tail = merge(&parts, Some(fresh), rank, Some(&old.base.lanes))?;
                Some(Held { base: old.base.clone(), tail: Some(tail), split })
            }
            None => {
                let parts: Vec<_> = old.parts(0..POINTS).collect();
                Some(Held::whole(merge(&parts, Some(fresh), rank, like)?))
            }
        }
    }

    /// Where a tail that takes these slots begins; none if they have to go into the base.
    fn room_for(&self, slots: &Range<usize>) -> Option<usize> {
        let known = self.extent();
        let split = match self.tail {
            Some(_) => self.split.min(slots.start),
            None => known.end.min(slots.start),
        };
        let long_enough = split.saturating_sub(known.start) > TAIL;
        (long_enough && known.end.max(slots.end) - split <= TAIL).then_some(split)
    }

    /// With another block's points: for each the one that was fetched last.
    pub fn joined_with(old: Option<&Held>, block: Block, rank: &[u32]) -> Option<Held> {
        let Some(old) = old else { return Some(Held::whole(block)) };
        let mut parts: Vec<_> = old.parts(0..POINTS).collect();
        parts.push(Part { block: &block, slots: 0..POINTS });
        Some(Held::whole(merge(&parts, None, rank, None)?))
    }

    /// Base and tail in one.
    pub fn joined(&self, rank: &[u32]) -> Option<Block> {
        let parts: Vec<_> = self.parts(0..POINTS).collect();
        if self.tail.is_none() { Some(self.base.clone()) } else { merge(&parts, None, rank, None) }
    }

    /// The parts that count for these slots, in order.
    #[inline]
    pub fn parts(&self, slots: Range<usize>) -> impl Iterator<Item = Part<'_>> {
        let base = Part { block: &self.base, slots: slots.start..slots.end.min(self.split) };
        let tail = self.tail.as_ref().map(|block| Part { block, slots: slots.start.max(self.split)..slots.end });
        std::iter::once(base).chain(tail).filter(|part| !part.slots.is_empty())
    }

    /// Known slots and when they were fetched, ascending.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        let tail = self.tail.as_ref().map(|block| Part { block, slots: self.split..POINTS });
        let base = Part { block: &self.base, slots: 0..self.split };
        // Collected, as parts lend what they hold; there are a few.
        std::iter::once(base).chain(tail).flat_map(|part| part.runs().collect::<Vec<_>>())
    }

    fn extent(&self) -> Range<usize> {
        let mut runs = self.runs();
        let Some(first) = runs.next() else { return 0..0 };
        first.slots().start..runs.last().unwrap_or(first).slots().end
    }

    /// Points that count.
    pub fn points(&self) -> usize {
        if self.tail.is_none() {
            return self.base.body.points;
        }
        let of = |part: Part<'_>| (0..part.block.lanes.len()).map(|lane| part.block.body.count(lane, part.slots.clone())).sum::<usize>();
        self.parts(0..POINTS).map(of).sum()
    }

    /// The blocks themselves.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        std::iter::once(&self.base).chain(&self.tail)
    }

    /// The blocks themselves.
    pub fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Block> {
        std::iter::once(&mut self.base).chain(&mut self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{floats, put};
    use super::super::{Grid, Series};
    use super::*;

    /// Puts these windows one after the other and says after which of them the base was made anew.
    fn rebuilt(windows: impl IntoIterator<Item = Range<i64>>) -> Vec<usize> {
        let model = floats(3, 0..POINTS as i64);
        let mut series = Series::new(Grid::new(0, 1000).unwrap());
        let mut base: Option<Block> = None;
        let mut made = vec![];
        for (n, window) in windows.into_iter().enumerate() {
            put(&mut series, &model, window, n as i64);
            let now = series.held(0).unwrap().base.clone();
            if base.is_none_or(|base| !Arc::ptr_eq(&base.body, &now.body)) {
                made.push(n);
            }
            base = Some(now);
        }
        made
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
    fn fresh_points_do_not_copy_the_base() {
        // One new point at a time, four asked for again: every thirteenth time the tail would be too long.
        let follow = (40..100).map(|now| now - 4..now + 1);
        assert_eq!(rebuilt([0..40].into_iter().chain(follow)), [0, 13, 26, 39, 52]);
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
    fn replacing_the_last_points_stays_in_the_tail() {
        assert_eq!(rebuilt([0..100].into_iter().chain((0..50).map(|_| 96..101))), [0]);
    }

    #[test]
    fn old_points_go_into_the_base() {
        assert_eq!(rebuilt([0..100, 100..101, 50..51, 101..102, 90..128]), [0, 2, 4]);
        // A base that is as small as a tail is simply copied.
        assert_eq!(rebuilt([0..10, 10..11, 11..12]), [0, 1, 2]);
    }
}
