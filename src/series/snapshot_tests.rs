//! Snapshots, bounds on memory, infos and order.

use super::samples::{answer, floats, put};
use super::{Decoded, Edges, Grid, Limits, Series, compact, decode};
use super::{PutError, blocks_of};

fn grid() -> Grid {
    Grid::new(0, 15_000).unwrap()
}

fn parse(body: &[u8]) -> Decoded<'_> {
    decode(body, grid(), Limits::default()).unwrap()
}

fn text(series: &Series, window: std::ops::Range<i64>) -> String {
    String::from_utf8(series.cut(window).plain()).unwrap()
}

/// An answer of one point at grid point 0 for each label set.
fn one_point(labels: &[&str]) -> String {
    let all: Vec<_> = labels.iter().map(|l| format!(r#"{{"metric":{l},"values":[[0,"1"]]}}"#)).collect();
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}}}"#, all.join(","))
}

#[test]
fn a_clone_does_not_change() {
    let model = floats(3, 0..300);
    let mut series = Series::new(grid());
    put(&mut series, &model, 0..200, 1);
    let old = series.clone();
    let before = text(&old, 0..300);
    put(&mut series, &floats(5, 0..300), 150..300, 2);
    series.retain_blocks(|number, _| number > 0);
    series.shed(|_| false);
    assert_eq!(text(&old, 0..300), before);
    assert_ne!(text(&series, 0..300), before);
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
fn known_is_what_may_be_used() {
    let model = floats(2, 0..300);
    let mut series = Series::new(grid());
    put(&mut series, &model, 10..200, 1);
    put(&mut series, &model, 196..210, 2);
    put(&mut series, &model, 250..260, 3);
    assert_eq!(series.known(0..300, |run, _| run), [10..210, 250..260]);
    assert_eq!(series.known(20..200, |run, _| run), [20..200]);
    assert_eq!(series.known(0..300, |run, at| if at == 2 { run } else { 0..0 }), [196..210]);
    // A part of each run, which ends with its block; nothing that it does not have.
    assert_eq!(series.known(0..300, |run, _| run.start + 2..run.end + 50), [12..128, 130..196, 198..210, 252..256, 258..260]);
    assert_eq!(series.known(i64::MIN..i64::MAX, |_, _| i64::MIN..i64::MAX), [10..210, 250..260]);
    assert!(series.known(5..5, |run, _| run).is_empty());
}

#[test]
fn answers_in_another_order_are_sorted() {
    let (a, b, c) = (r#"{"a":"1"}"#, r#"{"a":"10"}"#, r#"{"b":"0"}"#);
    let mut series = Series::new(grid());
    let shuffled = one_point(&[c, a, b]);
    series.put(0..1, &parse(shuffled.as_bytes()), 0).unwrap();
    assert_eq!(text(&series, 0..1), one_point(&[a, b, c]));
}

#[test]
fn answers_that_cannot_be_kept_change_nothing() {
    let (a, b) = (r#"{"a":"1"}"#, r#"{"a":"2"}"#);
    let good = one_point(&[a]);
    let mut series = Series::new(grid());
    series.put(0..1, &parse(good.as_bytes()), 0).unwrap();
    let mut error = |window, body: &str| series.put(window, &parse(body.as_bytes()), 1).unwrap_err();
    assert_eq!(error(0..1, &one_point(&[b, a, a])), PutError::Duplicate);
    assert_eq!(error(0..1, &one_point(&[b, r#"{"a":"3"}"#, b])), PutError::Duplicate);
    assert_eq!(error(0..1, &one_point(&[r#"{"a":"\u0031"}"#])), PutError::Spelling);
    assert_eq!(error(0..1, &one_point(&[r#"{"b":"1","a":"1"}"#])), PutError::Labels);
    assert_eq!(error(1..2, &good), PutError::OutsideWindow);
    assert_eq!(error(-1..0, &good), PutError::OutsideWindow);
    for window in [0..0, 0..i64::MAX, i64::MIN..1, 0..(1 << 20) + 1] {
        assert_eq!(error(window, &good), PutError::Window);
    }
    let other = decode(good.as_bytes(), Grid::new(0, 1000).unwrap(), Limits::default()).unwrap();
    assert_eq!(series.put(0..1, &other, 1), Err(PutError::OtherGrid));
    assert_eq!((text(&series, 0..5), series.series_count()), (good, 1));
}

#[test]
fn infos_stay_with_their_block() {
    let model = floats(1, 0..400);
    let mut series = Series::new(grid());
    let infos = |n: std::ops::Range<usize>| n.map(|n| format!("\"info {n}\"")).collect::<Vec<_>>();
    let mut give = |window: std::ops::Range<i64>, given: &[String], at| {
        let body = answer(&model, grid(), window.clone(), false, given);
        series.put(window, &parse(&body), at).unwrap();
        series.clone()
    };
    give(0..128, &infos(0..2), 1);
    give(128..256, &[], 1);
    let series_now = give(256..384, &infos(1..3), 1);
    let end = |series: &Series, window| text(series, window).split_once("]}]}").map(|(_, end)| end.to_owned()).unwrap();
    assert_eq!(end(&series_now, 0..384), r#","infos":["info 0","info 1","info 2"]}"#);
    assert_eq!(end(&series_now, 200..300), r#","infos":["info 1","info 2"]}"#);
    assert_eq!(end(&series_now, 130..200), "}");
    assert_eq!(series_now.cut(0..384).len(), text(&series_now, 0..384).len());
    // Joined where only a part is new, replaced where all of it is.
    assert_eq!(end(&give(120..128, &infos(5..6), 2), 0..128), r#","infos":["info 0","info 1","info 5"]}"#);
    assert_eq!(end(&give(0..128, &infos(7..8), 3), 0..128), r#","infos":["info 7"]}"#);
    let many = give(256..300, &infos(3..12), 2);
    assert!(end(&many, 256..384).ends_with(r#""info 9","info 10","1 more info annotations omitted"]}"#), "{}", end(&many, 256..384));
}

#[test]
fn label_sets_that_nobody_uses_are_dropped() {
    let mut series = Series::new(grid());
    let mut most = 0;
    for block in 0..200i64 {
        // Ten new series in each block, and one that stays.
        let mut model = floats(1, block * 128..block * 128 + 128);
        for k in 0..10 {
            model.push((format!(r#"{{"pod":"p-{:05}"}}"#, block * 10 + k), model[0].1.clone()));
        }
        put(&mut series, &model, block * 128..block * 128 + 128, block);
        series.retain_blocks(|_, newest| newest > block - 5);
        most = most.max(series.series_count());
        if block % 20 == 19 {
            let window = block * 128..block * 128 + 128;
            assert_eq!(text(&series, window.clone()).as_bytes(), answer(&model, grid(), window, false, &[]));
        }
    }
    assert_eq!(series.block_numbers().collect::<Vec<_>>(), [195, 196, 197, 198, 199]);
    assert!(most <= 120, "{most} label sets for at most 61 that are used");
}

#[test]
fn label_sets_that_fetches_replace_are_dropped() {
    let mut series = Series::new(grid());
    for n in 0..50 {
        let body = one_point(&[&format!(r#"{{"pod":"p-{n}"}}"#)]);
        series.put(0..1, &parse(body.as_bytes()), n).unwrap();
        assert_eq!(text(&series, 0..1), body);
        assert!(series.series_count() <= 2, "{}", series.series_count());
    }
}

#[test]
fn weight_counts_pieces_and_shedding_frees_the_small_ones() {
    let model = floats(20, 0..640);
    let mut series = Series::new(grid());
    put(&mut series, &model, 0..640, 1);
    let plain = series.weight();
    for from in (0..200).step_by(3) {
        series.cut(from..from + 400).gzip(Edges::Stored);
    }
    let whole = series.weight();
    for from in 0..200 {
        series.cut(from..from + 400).gzip(Edges::Small);
    }
    let small = series.weight();
    assert!(plain < whole && whole < small, "{plain} {whole} {small}");
    let mut kept = series.clone();
    kept.shed(|number| number < 10);
    assert_eq!(kept.weight(), small);
    series.shed(|_| false);
    assert_eq!(series.weight(), whole);
    assert_eq!(series.points(), 20 * 640);
}

/// 1 M samples in 48 MiB ready to copy, and in 12 MiB compact.
#[test]
fn memory_for_each_sample() {
    let mut series = Series::new(grid());
    let first = 119_694_000;
    put(&mut series, &floats(50, first..first + 1280), first..first + 1280, 1);
    let points = series.points() as f64;
    let compact: usize = series.block_numbers().map(|n| compact::encode(&series, n).unwrap().len()).sum();
    let (ready, compact) = (series.weight() as f64 / points, compact as f64 / points);
    assert!(ready <= 48.0 * 1.048_576, "{ready} bytes a sample ready to copy");
    assert!(compact <= 12.0 * 1.048_576, "{compact} bytes a sample compact");
}

#[test]
fn gzip_of_floats_is_less_than_half() {
    let mut series = Series::new(grid());
    let first = 119_694_000;
    let model = floats(20, first..first + 700);
    put(&mut series, &model, first..first + 400, 0);
    let (mut plain, mut packed) = (0, 0);
    // A dashboard that follows the present, with four points asked for again each time.
    for now in first + 400..first + 600 {
        put(&mut series, &model, now - 4..now + 1, now);
        let cut = series.cut(now - 240..now + 1);
        (plain, packed) = (plain + cut.len(), packed + cut.gzip(Edges::Small).len());
    }
    let share = packed as f64 / plain as f64;
    assert!(share <= 0.45, "{share} of the plain size");
}

#[test]
fn numbers_of_blocks() {
    assert_eq!([blocks_of(0..1), blocks_of(-1..129), blocks_of(128..256), blocks_of(3..3)], [0..1, -1..2, 1..2, 0..0]);
}
