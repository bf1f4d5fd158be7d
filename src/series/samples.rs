//! For tests: a small random generator, and answers of a made-up Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use super::{Grid, Limits, Series, decode};

/// A small generator with a seed.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: i64) -> i64 {
        ((self.next() >> 11) % n.max(1) as u64) as i64
    }
}

/// Values by grid point.
pub(super) type Points = BTreeMap<i64, String>;
/// Series in order: label set, floats and histograms.
pub(super) type Model = Vec<(String, [Points; 2])>;

pub(super) fn time(grid: Grid, index: i64, short: bool) -> String {
    let ms = grid.time(index).unwrap();
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.abs());
    match ms % 1000 {
        0 => format!("{sign}{}", ms / 1000),
        rest if short => format!("{sign}{}.{}", ms / 1000, format!("{rest:03}").trim_end_matches('0')),
        rest => format!("{sign}{}.{rest:03}", ms / 1000),
    }
}

/// The answer of a Prometheus that holds the model.
pub(super) fn answer(model: &Model, grid: Grid, window: Range<i64>, short: bool, infos: &[String]) -> Vec<u8> {
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    let mut between = "";
    for (labels, lanes) in model {
        let mut head = format!("{{\"metric\":{labels}");
        for (points, name) in lanes.iter().zip(["values", "histograms"]) {
            let mut inside = points.range(window.clone()).peekable();
            if inside.peek().is_none() {
                continue;
            }
            let before = if head.is_empty() { "" } else { between };
            write!(out, "{before}{}", std::mem::take(&mut head)).unwrap();
            between = "},";
            write!(out, ",\"{name}\":").unwrap();
            for (k, (i, value)) in inside.enumerate() {
                write!(out, "{}[{},{value}]", if k == 0 { "[" } else { "," }, time(grid, *i, short)).unwrap();
            }
            out.push(']');
        }
    }
    out.push_str(if between.is_empty() { "]}" } else { "}]}" });
    if !infos.is_empty() {
        write!(out, ",\"infos\":[{}]", infos.join(",")).unwrap();
    }
    out.push('}');
    out.into_bytes()
}

/// Series of floats, such as `rate` gives, for these grid points: labels as of a cluster, sorted.
pub(super) fn floats(count: usize, window: Range<i64>) -> Model {
    (0..count)
        .map(|k| {
            let points = window.clone().map(|i| (i, format!("\"{}\"", (k as f64 + 1.37) * ((i % 100_000) as f64 + 0.123).sqrt())));
            (
                format!(r#"{{"container":"main","namespace":"team-{}","pod":"model-{k:04}-7d9f8b6c5-x"}}"#, k / 8),
                [points.collect(), Points::new()],
            )
        })
        .collect()
}

/// Puts what the model answers for a window.
pub(super) fn put(series: &mut Series, model: &Model, window: Range<i64>, fetched_at_ms: i64) {
    let body = answer(model, series.grid(), window.clone(), false, &[]);
    let decoded = decode(&body, series.grid(), Limits::default()).unwrap();
    series.put(window, &decoded, fetched_at_ms).unwrap();
}

pub(super) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = vec![];
    let mut reader = flate2::bufread::GzDecoder::new(bytes);
    reader.read_to_end(&mut out).unwrap();
    assert!(reader.into_inner().is_empty(), "exactly one member");
    out
}
