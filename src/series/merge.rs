//! One block out of parts of others and of an answer: for each grid point, what was fetched last.

use std::ops::Range;
use std::sync::Arc;

use super::block::{Block, Body, Lane, POINTS, Part, Run};
use super::builder::Builder;
use super::decode::{Decoded, Point, Stretch};
use super::infos::Infos;
use super::packed::Packed;

/// What an answer brings for one block.
pub(super) struct Fresh<'a, 'b> {
    pub answer: &'a Decoded<'b>,
    /// In order of rank; merging moves each past this block.
    pub lanes: &'a mut [Incoming],
    /// The block's first grid point.
    pub start: i64,
    /// What was asked for: a slot without a point is known to be empty.
    pub slots: Range<usize>,
    pub fetched_at_ms: i64,
}

/// A lane of an answer, read block after block.
pub(super) struct Incoming {
    pub lane: Lane,
    pub rest: Stretch,
}

/// Merges parts, which may overlap, and what is fresh; at equal times what is fresh wins, then what stands later in the list.
/// None if nothing is known, or the text would not fit into 4 GiB.
pub(super) fn merge(parts: &[Part<'_>], mut fresh: Option<Fresh<'_, '_>>, rank: &[u32], like: Option<&Arc<[Lane]>>) -> Option<Block> {
    let sources = sources(parts, fresh.as_ref());
    let runs = runs(&sources);
    let segments = segments(&sources, &runs);
    let (lanes, size) = room(parts, fresh.as_ref());
    if runs.is_empty() || most_text(parts, fresh.as_ref()) > u32::MAX as usize {
        return None;
    }
    // Compressed pieces come from the part that gives most.
    let donor = (0..parts.len()).max_by_key(|k| parts[*k].slots.len());
    let mut builder = Builder::new(runs, lanes, size);
    let mut was = Vec::with_capacity(lanes);
    let (mut heads, mut next) = (vec![0; parts.len()], 0);
    while let Some(lane) = lowest(parts, &heads, fresh.as_ref().and_then(|f| f.lanes.get(next)), rank) {
        let at = |k: usize| Some(heads[k]).filter(|at| parts[k].block.lanes.get(*at) == Some(&lane));
        let incoming = fresh.as_mut().filter(|f| f.lanes.get(next).is_some_and(|l| l.lane == lane)).and_then(|f| f.take(next));
        let base = builder.open();
        for (source, slots) in &segments {
            match (source, &incoming) {
                (Source::Fresh, Some(points)) => points.copy(&mut builder, base, slots.clone()),
                (Source::Part(k), _) if let Some(at) = at(*k) => copy_old(&mut builder, base, &parts[*k].block.body, at, slots.clone()),
                _ => slots.clone().for_each(|_| builder.slot(base)),
            }
        }
        if builder.close(lane, base) {
            was.push(donor.and_then(at));
        }
        next += usize::from(incoming.is_some());
        for (head, part) in heads.iter_mut().zip(parts) {
            *head += usize::from(part.block.lanes.get(*head) == Some(&lane));
        }
    }
    let like = like.or(donor.map(|k| &parts[k].block.lanes));
    let mut block = builder.finish(infos(parts, fresh.as_ref(), &segments), like);
    if let Some(k) = donor {
        block.packed = Arc::new(Packed::taken_over(parts[k].block, &block.body, &was));
    }
    Some(block)
}

/// How many lanes and bytes of text to expect.
fn room(parts: &[Part<'_>], fresh: Option<&Fresh<'_, '_>>) -> (usize, usize) {
    let share = |part: &Part<'_>| {
        let body = &part.block.body;
        let taken = part.slots.end.min(body.extent.end).saturating_sub(part.slots.start.max(body.extent.start));
        body.text.len() / body.extent.len().max(1) * (taken + 1)
    };
    let lanes = parts.iter().map(|part| part.block.lanes.len()).chain(fresh.map(|f| f.lanes.len())).max().unwrap_or(0);
    let text = parts.iter().map(share).sum::<usize>() + fresh.map_or(0, Fresh::text);
    (lanes, text)
}

/// More text than this is not in all of it together.
fn most_text(parts: &[Part<'_>], fresh: Option<&Fresh<'_, '_>>) -> usize {
    parts.iter().map(|part| part.block.body.text.len()).sum::<usize>() + fresh.map_or(0, Fresh::text)
}

/// What a slot of the new block comes from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Nothing,
    Part(usize),
    Fresh,
}

fn sources(parts: &[Part<'_>], fresh: Option<&Fresh<'_, '_>>) -> [(Source, i64); POINTS] {
    let mut sources = [(Source::Nothing, i64::MIN); POINTS];
    let mut claim = |slots: Range<usize>, source, at| {
        for slot in sources.iter_mut().take(slots.end).skip(slots.start) {
            if slot.1 <= at {
                *slot = (source, at);
            }
        }
    };
    for (k, part) in parts.iter().enumerate() {
        part.runs().for_each(|run| claim(run.slots(), Source::Part(k), run.fetched_at_ms));
    }
    if let Some(fresh) = fresh {
        claim(fresh.slots.clone(), Source::Fresh, fresh.fetched_at_ms);
    }
    sources
}

fn runs(sources: &[(Source, i64); POINTS]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for (slot, (source, at)) in sources.iter().enumerate() {
        match runs.last_mut() {
            _ if *source == Source::Nothing => {}
            Some(run) if usize::from(run.to) == slot && run.fetched_at_ms == *at => run.to += 1,
            _ => runs.push(Run { from: slot as u8, to: slot as u8 + 1, fetched_at_ms: *at }),
        }
    }
    runs
}

/// Neighbouring slots with one source, from the first known slot to the last.
fn segments(sources: &[(Source, i64); POINTS], runs: &[Run]) -> Vec<(Source, Range<usize>)> {
    let mut segments: Vec<(Source, Range<usize>)> = vec![];
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return segments };
    for (slot, (source, _)) in sources.iter().enumerate().take(last.slots().end).skip(first.slots().start) {
        match segments.last_mut() {
            Some((same, slots)) if same == source => slots.end += 1,
            _ => segments.push((*source, slot..slot + 1)),
        }
    }
    segments
}

/// Those of everything that something is taken from.
fn infos(parts: &[Part<'_>], fresh: Option<&Fresh<'_, '_>>, segments: &[(Source, Range<usize>)]) -> Infos {
    let used = |source| segments.iter().any(|(s, _)| *s == source);
    let mut infos = Infos::default();
    for (k, part) in parts.iter().enumerate() {
        if !part.block.body.infos.is_empty() && used(Source::Part(k)) {
            infos.join(&part.block.body.infos);
        }
    }
    if let Some(fresh) = fresh.filter(|f| !f.answer.infos.is_empty() && used(Source::Fresh)) {
        infos.join(&Infos::sent(&fresh.answer.infos));
    }
    infos
}

/// The lowest lane that parts (at these places) and an answer (at this one) have next.
fn lowest(parts: &[Part<'_>], heads: &[usize], next: Option<&Incoming>, rank: &[u32]) -> Option<Lane> {
    let of_parts = parts.iter().zip(heads).filter_map(|(part, at)| part.block.lanes.get(*at));
    of_parts.chain(next.map(|n| &n.lane)).min_by_key(|lane| (rank[lane.series as usize], lane.histograms)).copied()
}

impl<'a> Fresh<'a, '_> {
    fn end(&self) -> i64 {
        self.start + POINTS as i64
    }

    /// Bytes of all points in this block, and a comma for each lane.
    fn text(&self) -> usize {
        self.lanes.iter().map(|l| upto(self.answer, &l.rest, self.end()).1.len() + 1).sum()
    }

    /// The points of a lane in this block, which are taken away from it.
    fn take(&mut self, at: usize) -> Option<Points<'a>> {
        let answer = self.answer;
        let (start, end) = (self.start, self.end());
        let rest = &mut self.lanes.get_mut(at)?.rest;
        let (points, _) = upto(answer, rest, end);
        rest.points.start += points.len() as u32;
        let after = answer.points[rest.points.start as usize..rest.points.end as usize].first();
        // The text of a point ends one byte before the next one.
        let end = after.map_or(rest.end, |p| p.at - 1);
        Some(Points { body: answer.body, points, end, start })
    }
}

/// Points of an answer that lie in one block.
struct Points<'a> {
    body: &'a [u8],
    points: &'a [Point],
    /// Where the last one's text ends.
    end: u32,
    start: i64,
}

impl Points<'_> {
    fn copy(&self, builder: &mut Builder, base: usize, part: Range<usize>) {
        let slot_of = |p: &Point| (p.index - self.start) as usize;
        let first = self.points.partition_point(|p| slot_of(p) < part.start);
        let last = self.points.partition_point(|p| slot_of(p) < part.end);
        let mut slot = part.start;
        if first < last {
            let from = self.points[first].at as usize;
            let to = self.points.get(last).map_or(self.end as usize, |p| p.at as usize - 1);
            let shift = builder.text.len() - base;
            for point in &self.points[first..last] {
                let at = (shift + point.at as usize - from) as u32;
                while slot <= slot_of(point) {
                    builder.offsets.push(at);
                    slot += 1;
                }
            }
            builder.text.extend_from_slice(&self.body[from..to]);
            builder.text.push(b',');
        }
        (slot..part.end).for_each(|_| builder.slot(base));
    }
}

/// The points of a stretch that lie before an index, and their text.
fn upto<'a>(answer: &'a Decoded<'_>, stretch: &Stretch, before: i64) -> (&'a [Point], &'a [u8]) {
    let all = &answer.points[stretch.points.start as usize..stretch.points.end as usize];
    // Mostly the answer has a point everywhere: then the border is where it would be expected.
    let guess = all.first().map_or(0, |p| (before - p.index).clamp(0, all.len() as i64) as usize);
    let fits = (guess == 0 || all[guess - 1].index < before) && all.get(guess).is_none_or(|p| p.index >= before);
    let count = if fits { guess } else { all.partition_point(|p| p.index < before) };
    let (Some(first), true) = (all.first(), count > 0) else { return (&[], &[]) };
    let end = all.get(count).map_or(stretch.end, |p| p.at - 1);
    (&all[..count], &answer.body[first.at as usize..end as usize])
}

fn copy_old(builder: &mut Builder, base: usize, old: &Body, lane: usize, part: Range<usize>) {
    let span = old.span(lane, part.clone());
    let shift = builder.text.len() - base;
    let from = old.offset(lane, part.start);
    builder.offsets.extend(part.map(|slot| (shift + old.offset(lane, slot) - from) as u32));
    builder.text.extend_from_slice(&old.text[span]);
}
