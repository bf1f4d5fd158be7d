//! An answer as a list of texts to copy.

use super::block::{Block, Lane, PIECES, Part, SMALLS};
use super::decode::HEAD;
use super::gzip::{Edges, Writer};
use super::infos::Infos;
use super::table::{BEFORE, Table, VALUES};

const HISTOGRAMS: &[u8] = br#","histograms":["#;
const AND_HISTOGRAMS: &[u8] = br#"],"histograms":["#;
const END: &[u8] = b"]}]}";
const EMPTY: &[u8] = b"]}";

/// A window of a [`Series`](super::Series), ready to be written.
#[derive(Debug)]
pub struct Cut<'a> {
    spans: Vec<Span<'a>>,
    /// What stands after the last point: brackets, and the infos of all blocks.
    end: Vec<u8>,
    len: usize,
    series: usize,
}

/// One text of the answer.
#[derive(Clone, Copy, Debug)]
struct Span<'a> {
    text: &'a [u8],
    /// For points: where they come from.
    points: Option<Points<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Points<'a> {
    block: &'a Block,
    lane: u32,
    /// Where they start in the block's text.
    at: u32,
    /// First slot, and the one after the last.
    slots: [u8; 2],
}

impl<'a> Cut<'a> {
    pub(super) fn new(table: &'a Table, parts: Vec<Part<'a>>) -> Cut<'a> {
        let most = parts.iter().map(|part| part.block.lanes.len()).max().unwrap_or(0);
        let mut cut = Cut { spans: Vec::with_capacity(2 + most * (parts.len() + 1)), end: vec![], len: 0, series: 0 };
        cut.glue(HEAD);
        let mut last = None;
        let same = parts.windows(2).all(|pair| std::ptr::eq(&*pair[0].block.lanes, &*pair[1].block.lanes));
        match parts.first() {
            Some(first) if same => {
                for (at, lane) in first.block.lanes.iter().enumerate() {
                    cut.lane(table, *lane, &mut last, parts.iter().map(|part| (part, at)));
                }
            }
            _ => cut.merge(table, &parts, &mut last),
        }
        cut.end(last.is_some(), &parts);
        cut
    }

    /// The answer as Prometheus would send it.
    pub fn plain(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len);
        self.texts().for_each(|text| out.extend_from_slice(text));
        out
    }

    /// The answer as one gzip member. Pieces that nobody needed before are compressed now, which may take milliseconds.
    pub fn gzip(&self, edges: Edges) -> Vec<u8> {
        // Pieces take a third of their text; finding the exact size costs as much as writing.
        let mut out = Writer::new(self.len / 2, edges);
        for span in &self.spans {
            match &span.points {
                Some(points) => points.write(span.text, &mut out, edges == Edges::Small),
                None => out.text(span.text),
            }
        }
        out.text(&self.end);
        out.finish()
    }

    /// The texts of the plain answer in order, for a vectored write.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| span.text).chain([&*self.end])
    }

    /// Bytes of the plain answer.
    #[expect(clippy::len_without_is_empty, reason = "an answer is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many points the answer has; counted when it is asked for.
    pub fn points(&self) -> usize {
        self.spans.iter().filter_map(|span| span.points.as_ref()).map(Points::count).sum()
    }

    /// How many series the answer has.
    pub fn series_count(&self) -> usize {
        self.series
    }

    /// Blocks with different series: the lowest of all heads, again and again.
    fn merge(&mut self, table: &'a Table, parts: &[Part<'a>], last: &mut Option<Lane>) {
        let mut heads = vec![0; parts.len()];
        let order = |lane: &Lane| (table.rank[lane.series as usize], lane.histograms);
        let head = |heads: &[usize], k: usize| parts[k].block.lanes.get(heads[k]).copied();
        while let Some(lane) = (0..parts.len()).filter_map(|k| head(&heads, k)).min_by_key(order) {
            let has = |k: &usize| head(&heads, *k) == Some(lane);
            self.lane(table, lane, last, (0..parts.len()).filter(has).map(|k| (&parts[k], heads[k])));
            for k in 0..parts.len() {
                heads[k] += usize::from(head(&heads, k) == Some(lane));
            }
        }
    }

    /// The points of one lane, if it has any here; parts come with the lane's place in them.
    #[inline]
    fn lane<'b>(&mut self, table: &'a Table, lane: Lane, last: &mut Option<Lane>, parts: impl Iterator<Item = (&'b Part<'a>, usize)>)
    where
        'a: 'b,
    {
        let mut open = false;
        for (Part { block, slots }, at) in parts {
            let span = block.body.span(at, slots.clone());
            if span.is_empty() {
                continue;
            }
            if !open {
                self.open(table, lane, *last);
                (*last, open) = (Some(lane), true);
            }
            self.len += span.len();
            let points = Points { block, lane: at as u32, at: span.start as u32, slots: [slots.start as u8, slots.end as u8] };
            self.spans.push(Span { text: &block.body.text[span], points: Some(points) });
        }
        // The last point has no comma.
        if open && let Some(Span { text, .. }) = self.spans.last_mut() {
            *text = text.split_last().map_or(*text, |(_, text)| text);
            self.len -= 1;
        }
    }

    fn open(&mut self, table: &'a Table, lane: Lane, last: Option<Lane>) {
        if last.is_some_and(|last| last.series == lane.series) {
            return self.glue(AND_HISTOGRAMS);
        }
        self.series += 1;
        let glue = &*table.head(lane.series).glue;
        let skip = if last.is_none() { BEFORE.len() - br#"{"metric":"#.len() } else { 0 };
        if lane.histograms {
            self.glue(&glue[skip..glue.len() - VALUES.len()]);
            self.glue(HISTOGRAMS);
        } else {
            self.glue(&glue[skip..]);
        }
    }

    fn glue(&mut self, text: &'a [u8]) {
        self.len += text.len();
        self.spans.push(Span { text, points: None });
    }

    fn end(&mut self, any: bool, parts: &[Part<'a>]) {
        self.end.extend_from_slice(if any { END } else { EMPTY });
        let mut infos = Infos::default();
        for part in parts.iter().filter(|part| !part.block.body.infos.is_empty() && !part.extent().is_empty()) {
            infos.join(&part.block.body.infos);
        }
        infos.print(&mut self.end);
        self.end.push(b'}');
        self.len += self.end.len();
    }
}

impl Points<'_> {
    fn count(&self) -> usize {
        let [from, to] = self.slots.map(usize::from);
        self.block.body.count(self.lane as usize, from..to)
    }

    /// Whole pieces where the text has them, small ones at its edges if wanted, text elsewhere. The last point of a lane has no comma
    /// here, so the piece that ends with it is not whole.
    fn write(&self, text: &[u8], out: &mut Writer, small: bool) {
        let (body, packed) = (&*self.block.body, &*self.block.packed);
        let (lane, mut at) = (self.lane as usize, self.at as usize);
        let end = at + text.len();
        for piece in 0..PIECES {
            let whole = body.piece_span(lane, piece);
            if whole.end <= at {
                continue;
            }
            if whole.start >= end {
                break;
            }
            if whole.start == at && whole.end <= end && whole.len() >= LEAST {
                out.piece(packed.piece(body, lane, piece), whole.len() as u32);
                at = whole.end;
                continue;
            }
            for k in (piece * SMALLS..(piece + 1) * SMALLS).filter(|_| small) {
                let few = body.small_span(lane, k);
                if few.len() < LEAST || few.start < at || few.end > end {
                    continue;
                }
                out.text(&body.text[at..few.start]);
                out.piece(packed.small(body, lane, k), few.len() as u32);
                at = few.end;
            }
            let stop = whole.end.min(end);
            if at < stop {
                out.text(&body.text[at..stop]);
                at = stop;
            }
        }
    }
}

/// Fewer bytes are not worth a piece of their own, which costs about ten.
const LEAST: usize = 64;
