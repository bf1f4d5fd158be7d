//! All that is known of one expression on one grid.

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Lane, POINTS};
use super::held::Held;
use super::merge::{Fresh, Incoming};
use super::table::Table;
use super::{Cut, Decoded, Grid};

/// Grid points beyond this, before 1970 or after, are in nobody's windows; so sums of them cannot overflow.
const FARTHEST: i64 = 1 << 53;
/// Grid points of one put: far more than Prometheus gives (11,000).
const LONGEST: i64 = 1 << 20;

/// An immutable snapshot, cheap to clone: a writer clones it, puts an answer in and swaps it for the old one, while readers cut windows
/// out of the snapshot that they have.
#[derive(Clone, Debug)]
pub struct Series {
    grid: Grid,
    table: Arc<Table>,
    /// By number, ascending.
    blocks: Vec<(i64, Held)>,
}

impl Series {
    /// Nothing is known yet.
    pub fn new(grid: Grid) -> Series {
        Series { grid, table: Arc::default(), blocks: vec![] }
    }

    /// The grid that all windows count on.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The answer for a window: grid points that are all known. What is not known counts as absent.
    pub fn cut(&self, window: Range<i64>) -> Cut<'_> {
        let window = bounded(&window);
        let parts = self.blocks[self.range(&window)].iter().flat_map(|(number, held)| held.parts(slots(*number, &window)));
        Cut::new(&self.table, parts.collect())
    }

    /// Known grid points within a window, ascending and disjoint. For every run of points from one fetch (grid points, fetched at, in
    /// milliseconds; a run ends where its block ends) `usable` says which part of it may still be used; touching parts are joined.
    pub fn known(&self, window: Range<i64>, usable: impl Fn(Range<i64>, i64) -> Range<i64>) -> Vec<Range<i64>> {
        let window = bounded(&window);
        let mut known: Vec<Range<i64>> = vec![];
        for (number, held) in &self.blocks[self.range(&window)] {
            let start = number * POINTS as i64;
            for run in held.runs() {
                let all = start + i64::from(run.from)..start + i64::from(run.to);
                let part = intersect(&intersect(&usable(all.clone(), run.fetched_at_ms), &all), &window);
                match known.last_mut() {
                    _ if part.is_empty() => {}
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => known.push(part),
                }
            }
        }
        known
    }

    /// Keeps an answer to the query for the grid points `window`: for each point what was fetched last wins. Series in another order
    /// than Prometheus' are sorted. On an error nothing has changed.
    pub fn put(&mut self, window: Range<i64>, answer: &Decoded<'_>, fetched_at_ms: i64) -> Result<(), PutError> {
        if window.is_empty() || bounded(&window) != window || window.end - window.start > LONGEST {
            return Err(PutError::Window);
        }
        if answer.grid != self.grid {
            return Err(PutError::OtherGrid);
        }
        let mut table = self.table.clone();
        let mut lanes = incoming(&mut table, &window, answer)?;
        let mut made: Vec<(i64, Held)> = vec![];
        for number in blocks_of(window.clone()) {
            let at = self.blocks.partition_point(|(n, _)| *n < number);
            let old = self.blocks.get(at).filter(|(n, _)| *n == number).map(|(_, held)| held);
            let before = made.last().or(self.blocks[..at].last());
            let like = before.map(|(_, held)| held.base.lanes.clone());
            let fresh = Fresh { answer, lanes: &mut lanes, start: number * POINTS as i64, slots: slots(number, &window), fetched_at_ms };
            made.push((number, Held::put(old, fresh, &table.rank, like.as_ref()).ok_or(PutError::TooLarge)?));
        }
        let grown = table.len() > self.table.len();
        self.table = table;
        made.into_iter().for_each(|(number, held)| self.insert(number, held));
        if grown {
            self.drop_unused_labels();
        }
        Ok(())
    }

    /// Keeps the blocks for which this is true: number (see [`blocks_of`]), and when its newest point was fetched, in milliseconds.
    pub fn retain_blocks(&mut self, mut keep: impl FnMut(i64, i64) -> bool) {
        let before = self.blocks.len();
        self.blocks.retain(|(number, held)| keep(*number, held.runs().map(|run| run.fetched_at_ms).max().unwrap_or(i64::MIN)));
        if self.blocks.len() < before {
            self.drop_unused_labels();
        }
    }

    /// Drops small compressed pieces where `keep` is false for the block's number. Only the two blocks in which a window begins and ends need them; they are made again when they are needed.
    pub fn shed(&mut self, keep: impl Fn(i64) -> bool) {
        for (number, held) in &mut self.blocks {
            if !keep(*number) {
                for block in held.blocks_mut() {
                    if let Some(packed) = block.packed.without_smalls() {
                        block.packed = Arc::new(packed);
                    }
                }
            }
        }
    }

    /// Bytes of heap, compressed pieces included. Snapshots share most of it, so the sum over several is too large.
    pub fn weight(&self) -> usize {
        let mut sum = size_of::<Series>() + self.table.weight() + self.blocks.len() * size_of::<(i64, Held)>();
        let mut last: Option<&Arc<[Lane]>> = None;
        for block in self.all() {
            sum += block.body.weight() + block.packed.weight();
            if last.is_none_or(|last| !Arc::ptr_eq(last, &block.lanes)) {
                sum += 16 + size_of_val(&*block.lanes);
            }
            last = Some(&block.lanes);
        }
        sum
    }

    /// How many label sets are kept. Unused ones are among them: they are dropped when they outnumber the others.
    pub fn series_count(&self) -> usize {
        self.table.len()
    }

    /// How many points are kept.
    pub fn points(&self) -> usize {
        self.blocks.iter().map(|(_, held)| held.points()).sum()
    }

    /// The numbers of the blocks of which something is known, ascending.
    pub fn block_numbers(&self) -> impl Iterator<Item = i64> {
        self.blocks.iter().map(|(number, _)| *number)
    }

    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub(super) fn held(&self, number: i64) -> Option<&Held> {
        let at = self.blocks.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        Some(&self.blocks[at].1)
    }

    /// Base and tail in one.
    pub(super) fn block(&self, number: i64) -> Option<Block> {
        self.held(number)?.joined(&self.table.rank)
    }

    /// Adds a block that was made with this table.
    pub(super) fn join(&mut self, number: i64, block: Block, table: Arc<Table>) -> Result<(), PutError> {
        let held = Held::joined_with(self.held(number), block, &table.rank).ok_or(PutError::TooLarge)?;
        let grown = table.len() > self.table.len();
        self.table = table;
        self.insert(number, held);
        if grown {
            self.drop_unused_labels();
        }
        Ok(())
    }

    /// The list of lanes of the nearest block before this one, to be shared.
    pub(super) fn lanes_before(&self, number: i64) -> Option<&Arc<[Lane]>> {
        let at = self.blocks.partition_point(|(n, _)| *n < number);
        self.blocks[..at].last().map(|(_, held)| &held.base.lanes)
    }

    fn insert(&mut self, number: i64, held: Held) {
        match self.blocks.binary_search_by_key(&number, |(n, _)| *n) {
            Ok(at) => self.blocks[at].1 = held,
            Err(at) => self.blocks.insert(at, (number, held)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flat_map(|(_, held)| held.blocks())
    }

    fn range(&self, window: &Range<i64>) -> Range<usize> {
        let numbers = blocks_of(window.clone());
        self.blocks.partition_point(|(n, _)| *n < numbers.start)..self.blocks.partition_point(|(n, _)| *n < numbers.end)
    }

    /// Renumbers the series once more than half of the label sets are unused.
    fn drop_unused_labels(&mut self) {
        let mut used = vec![false; self.table.len()];
        let mut last: Option<&Arc<[Lane]>> = None;
        for block in self.all() {
            if last.is_none_or(|last| !Arc::ptr_eq(last, &block.lanes)) {
                block.lanes.iter().for_each(|lane| used[lane.series as usize] = true);
            }
            last = Some(&block.lanes);
        }
        if used.iter().filter(|u| **u).count() * 2 >= used.len() {
            return;
        }
        let (table, renumbered) = self.table.keep(&used);
        self.table = Arc::new(table);
        let (mut old, mut new): (Arc<[Lane]>, Arc<[Lane]>) = Default::default();
        for block in self.blocks.iter_mut().flat_map(|(_, held)| held.blocks_mut()) {
            if !Arc::ptr_eq(&old, &block.lanes) {
                old = block.lanes.clone();
                new = old.iter().map(|lane| Lane { series: renumbered[lane.series as usize], ..*lane }).collect();
            }
            block.lanes = new.clone();
        }
    }
}

/// Why an answer cannot be kept. It can still be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The window is empty, too long, or nowhere near the present.
    #[error("the window to keep is empty, longer than {LONGEST} grid points, or out of range")]
    Window,
    /// The answer was decoded for another grid.
    #[error("the answer was read for another step or start than the one it is to be kept under")]
    OtherGrid,
    /// A point lies outside the window that was asked for.
    #[error("the upstream's answer has points outside the window that was asked for")]
    OutsideWindow,
    /// A label set is no flat object of strings whose names ascend.
    #[error("the upstream's answer has a label set that is no JSON object of strings, sorted by name")]
    Labels,
    /// The same labels are known as another JSON text, so the upstream's encoder has changed. Start with an empty [`Series`].
    #[error("the upstream writes a label set otherwise than before (a new version?): what is cached must be dropped")]
    Spelling,
    /// Two series have the same labels.
    #[error("the upstream's answer has two series with the same labels")]
    Duplicate,
    /// Places in a block's text are kept in 32 bits.
    #[error("128 grid points of this query would take more than 4 GiB")]
    TooLarge,
}

/// The lanes of an answer in Prometheus' order.
fn incoming(table: &mut Arc<Table>, window: &Range<i64>, answer: &Decoded<'_>) -> Result<Vec<Incoming>, PutError> {
    let text = |r: &Range<u32>| &answer.body[r.start as usize..r.end as usize];
    let numbers = Table::intern(table, answer.series.iter().map(|s| text(&s.labels)))?;
    let rank = |number: u32| table.rank[number as usize];
    let mut found: Vec<_> = numbers.into_iter().zip(&answer.series).collect();
    if !found.is_sorted_by_key(|(number, _)| rank(*number)) {
        found.sort_by_key(|(number, _)| rank(*number));
    }
    if found.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(PutError::Duplicate);
    }
    let mut lanes = Vec::with_capacity(found.len());
    for (series, found) in found {
        for (rest, histograms) in found.lanes.iter().zip([false, true]) {
            let points = &answer.points[rest.points.start as usize..rest.points.end as usize];
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            if first.index < window.start || last.index >= window.end {
                return Err(PutError::OutsideWindow);
            }
            lanes.push(Incoming { lane: Lane { series, histograms }, rest: rest.clone() });
        }
    }
    Ok(lanes)
}

/// The numbers of the blocks that a window of grid points touches.
pub fn blocks_of(window: Range<i64>) -> Range<i64> {
    let size = POINTS as i64;
    if window.is_empty() { 0..0 } else { window.start.div_euclid(size)..(window.end - 1).div_euclid(size) + 1 }
}

/// What a block has of a window that touches it.
fn slots(number: i64, window: &Range<i64>) -> Range<usize> {
    let start = number * POINTS as i64;
    (window.start - start).max(0) as usize..(window.end - start).min(POINTS as i64) as usize
}

fn bounded(window: &Range<i64>) -> Range<i64> {
    if window.is_empty() { 0..0 } else { window.start.max(-FARTHEST)..window.end.min(FARTHEST) }
}

fn intersect(a: &Range<i64>, b: &Range<i64>) -> Range<i64> {
    a.start.max(b.start)..a.end.min(b.end)
}
