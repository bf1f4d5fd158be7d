//! Answers fetched in pieces, in any order, and windows of them compared with what Prometheus answers to each.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

use hecate::series::{Edges, Grid, Limits, Series, compact, decode};

use crate::prometheus::Prometheus;

/// What was compared.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Windows that were equal.
    pub(crate) windows: usize,
    /// Of these, with infos, with histograms, with floats and histograms in one series.
    pub(crate) infos: usize,
    pub(crate) histograms: usize,
    pub(crate) mixed: usize,
    /// Pieces or windows that Prometheus itself refused, and how often.
    pub(crate) refused: BTreeMap<String, usize>,
}

pub(crate) fn compare(judge: &Prometheus, queries: &[&str], steps_ms: &[i64], span: Range<i64>) -> Tally {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut tally = Tally::default();
    for query in queries {
        for step in steps_ms {
            one(judge, query, *step, &span, &mut random, &mut tally);
        }
    }
    tally
}

fn one(judge: &Prometheus, query: &str, step: i64, span: &Range<i64>, random: &mut Random, tally: &mut Tally) {
    let count = ((span.end - span.start) / step).min(60 + random.below(500));
    let start = span.start + random.below(span.end - span.start - count * step + 1);
    let start = if random.below(2) == 0 { start / 1000 * 1000 } else { start };
    let grid = Grid::new(start, step).expect("a grid");
    let first = grid.index(start).expect("the start is on it");
    let ask = |points: &Range<i64>| judge.range(query, start + points.start * step, start + (points.end - 1) * step, step);
    let mut series = Series::new(grid);
    for (at, piece) in pieces(count, random).into_iter().enumerate() {
        let (status, body) = ask(&piece);
        if status != 200 {
            *tally.refused.entry(format!("{query}: {}", String::from_utf8_lossy(&body))).or_default() += 1;
            return;
        }
        let answer = decode(&body, grid, Limits::default()).unwrap_or_else(|e| panic!("{query}: {e}"));
        assert!(answer.warnings.is_empty(), "{query}: {:?}", answer.warnings);
        let window = first + piece.start..first + piece.end;
        series.put(window, &answer, at as i64).unwrap_or_else(|e| panic!("{query}: {e}"));
    }
    if random.below(2) == 0 {
        series = through_compact(&series);
    }
    for k in 0..3 {
        let a = random.below(count);
        let window = if k == 0 { 0..count } else { a..a + 1 + random.below(count - a) };
        let (status, body) = ask(&window);
        if status != 200 {
            *tally.refused.entry(format!("{query}: {}", String::from_utf8_lossy(&body))).or_default() += 1;
            continue;
        }
        let cut = series.cut(first + window.start..first + window.end);
        let plain = cut.plain();
        let [want, got] = [&body, &plain].map(|text| String::from_utf8_lossy(text));
        assert_eq!(data(&got), data(&want), "{query}, step {step} ms from {start}, points {window:?}");
        // Which infos there are depends on the window, but pieces know no others than the whole does.
        assert!(infos(&want).all(|info| got.contains(info)), "{query}: {want}\n{got}");
        for edges in [Edges::Stored, Edges::Small, Edges::Deflated] {
            assert!(gunzip(&cut.gzip(edges)) == plain, "{query}: gzip with {edges:?}");
        }
        tally.windows += 1;
        tally.infos += usize::from(infos(&want).next().is_some());
        tally.histograms += usize::from(want.contains(r#""histograms":"#));
        tally.mixed += usize::from(want.contains(r#"],"histograms":"#));
    }
}

/// Neighbouring pieces of the whole and one that overlaps them, in any order.
fn pieces(count: i64, random: &mut Random) -> Vec<Range<i64>> {
    let mut cuts: Vec<i64> = (0..1 + random.below(5)).map(|_| 1 + random.below(count - 1)).chain([0, count]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces: Vec<_> = cuts.windows(2).map(|w| w[0]..w[1]).collect();
    let a = random.below(count);
    pieces.push(a..a + 1 + random.below(count - a));
    for i in (1..pieces.len()).rev() {
        pieces.swap(i, random.below(i as i64 + 1) as usize);
    }
    pieces
}

fn through_compact(series: &Series) -> Series {
    let mut back = Series::new(series.grid());
    for number in series.block_numbers() {
        let bytes = compact::encode(series, number).expect("the block is there");
        compact::decode(&mut back, number, &bytes, Limits::default()).unwrap_or_else(|e| panic!("block {number}: {e}"));
    }
    back
}

/// Everything before the infos.
fn data(body: &str) -> &str {
    body.split_once(r#"]},"infos":["#).map_or(body.strip_suffix("]}}").unwrap_or(body), |(data, _)| data)
}

fn infos(body: &str) -> impl Iterator<Item = &str> {
    body.split_once(r#"]},"infos":["#)
        .into_iter()
        .flat_map(|(_, list)| list.trim_end_matches("]}").split("\",\""))
        .map(|info| info.trim_matches('"'))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let mut reader = flate2::bufread::GzDecoder::new(bytes);
    reader.read_to_end(&mut out).expect("gzip");
    assert!(reader.into_inner().is_empty(), "exactly one member");
    out
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n.max(1) as u64) as i64
    }
}
