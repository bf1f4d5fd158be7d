//! What cached range answers cost: `cargo bench --bench series`. Windows of 241 points slide over 1,280.

use std::fmt::Write;
use std::hint::black_box;
use std::ops::Range;

use divan::Bencher;
use divan::counter::BytesCount;
use hecate::series::{Edges, Grid, Limits, Series, compact, decode};

const STEP_MS: i64 = 15_000;
const FIRST: i64 = 1_795_424_400_000 / STEP_MS;
const ALL: i64 = 1280;

fn main() {
    divan::main();
}

/// An answer with long floats, as of `rate`.
fn body(series: usize, points: Range<i64>) -> Vec<u8> {
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    for k in 0..series {
        let comma = if k > 0 { "," } else { "" };
        let labels =
            format!(r#"{{"container":"kserve-container","namespace":"team-{}","pod":"model-{k:04}-predictor-7d9f8b6c5"}}"#, k / 64);
        let _ = write!(out, r#"{comma}{{"metric":{labels},"values":["#);
        for i in points.clone() {
            let value = (k as f64 + 1.37) * ((i - FIRST) as f64 + 0.123).sqrt();
            let _ = write!(out, "{}[{},\"{value}\"]", if i > points.start { "," } else { "" }, i * STEP_MS / 1000);
        }
        out.push_str("]}");
    }
    out.push_str("]}}");
    out.into_bytes()
}

fn put(series: &mut Series, body: &[u8], window: Range<i64>, at: i64) {
    match decode(body, series.grid(), Limits::default()) {
        Ok(answer) => assert_eq!(series.put(window, &answer, at), Ok(())),
        Err(error) => assert!(body.is_empty(), "{error}"),
    }
}

fn empty() -> Series {
    let grid = Grid::new(0, STEP_MS);
    assert!(grid.is_some());
    grid.map(Series::new).unwrap_or_else(|| std::process::abort())
}

fn filled(count: usize, points: i64) -> Series {
    let mut series = empty();
    put(&mut series, &body(count, FIRST..FIRST + points), FIRST..FIRST + points, 0);
    series
}

/// The n-th of a sliding window.
fn window(n: &mut i64) -> Range<i64> {
    *n += 7;
    let from = FIRST + *n % (ALL - 241);
    from..from + 241
}

const COUNTS: [usize; 3] = [1, 20, 500];

/// To compare with: the same bytes, copied.
#[divan::bench(args = COUNTS)]
fn memcpy(bencher: Bencher<'_, '_>, count: usize) {
    let plain = filled(count, ALL).cut(FIRST..FIRST + 241).plain();
    bencher.counter(BytesCount::new(plain.len())).bench_local(|| black_box(&plain).to_vec());
}

#[divan::bench(args = COUNTS)]
fn assemble_plain(bencher: Bencher<'_, '_>, count: usize) {
    let (series, mut n) = (filled(count, ALL), 0);
    let len = series.cut(FIRST..FIRST + 241).len();
    bencher.counter(BytesCount::new(len)).bench_local(|| series.cut(window(&mut n)).plain());
}

#[divan::bench(args = COUNTS)]
fn assemble_gzip(bencher: Bencher<'_, '_>, count: usize) {
    let (series, mut n) = (filled(count, ALL), 0);
    (0..1039).for_each(|_| drop(series.cut(window(&mut n)).gzip(Edges::Small)));
    bencher.bench_local(|| series.cut(window(&mut n)).gzip(Edges::Small));
}

#[divan::bench(args = COUNTS)]
fn count_points(bencher: Bencher<'_, '_>, count: usize) {
    let series = filled(count, ALL);
    let cut = series.cut(FIRST + 5..FIRST + 246);
    bencher.bench_local(|| black_box(&cut).points());
}

#[divan::bench]
fn decode_100_series(bencher: Bencher<'_, '_>) {
    let (text, series) = (body(100, FIRST..FIRST + ALL), empty());
    bencher.counter(BytesCount::new(text.len())).bench_local(|| decode(&text, series.grid(), Limits::default()).is_ok());
}

#[divan::bench]
fn put_100_series(bencher: Bencher<'_, '_>) {
    let (text, grid) = (body(100, FIRST..FIRST + ALL), empty());
    let Ok(answer) = decode(&text, grid.grid(), Limits::default()) else { return };
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let mut series = grid.clone();
        assert_eq!(series.put(FIRST..FIRST + ALL, &answer, 0), Ok(()));
        series
    });
}

/// Two fresh points of 100 series, decoded and put in: one is new each time, the block fills up and the next one begins.
#[divan::bench]
fn append_to_100_series(bencher: Bencher<'_, '_>) {
    let start = filled(100, 1000);
    let bodies: Vec<_> = (1000..1200).map(|i| body(100, FIRST + i - 1..FIRST + i + 1)).collect();
    let (mut series, mut n) = (start.clone(), 0);
    bencher.bench_local(|| {
        let i = n % bodies.len();
        if i == 0 {
            series = start.clone();
        }
        let now = FIRST + 1000 + i as i64;
        let mut next = series.clone();
        put(&mut next, &bodies[i], now - 1..now + 1, n as i64);
        series = next;
        n += 1;
    });
}

/// The same two points again and again.
#[divan::bench]
fn replace_in_100_series(bencher: Bencher<'_, '_>) {
    let (mut series, text) = (filled(100, 1000), body(100, FIRST + 999..FIRST + 1001));
    let mut n = 0;
    bencher.bench_local(|| {
        n += 1;
        let mut next = series.clone();
        put(&mut next, &text, FIRST + 999..FIRST + 1001, n);
        series = next;
    });
}

/// What decoding takes of the two above.
#[divan::bench]
fn decode_2_points_of_100_series(bencher: Bencher<'_, '_>) {
    let (text, series) = (body(100, FIRST + 999..FIRST + 1001), empty());
    bencher.bench_local(|| decode(&text, series.grid(), Limits::default()).is_ok());
}

/// A block of 20 series and 128 points.
#[divan::bench]
fn compact_encode(bencher: Bencher<'_, '_>) {
    let series = filled(20, ALL);
    let number = series.block_numbers().nth(3).unwrap_or_default();
    bencher.bench_local(|| compact::encode(&series, number));
}

#[divan::bench]
fn compact_decode(bencher: Bencher<'_, '_>) {
    let series = filled(20, ALL);
    let number = series.block_numbers().nth(3).unwrap_or_default();
    let bytes = compact::encode(&series, number).unwrap_or_default();
    let empty = empty();
    bencher.bench_local(|| {
        let mut series = empty.clone();
        assert_eq!(compact::decode(&mut series, number, &bytes, Limits::default()), Ok(()));
        series
    });
}
