//! From one window to the next: the points that are new or changed, and those that are gone.
//!
//! Texts are compared, never numbers: what a client puts together from a snapshot and the deltas after it is the range answer byte
//! for byte. How it is put together (docs/streams.md): drop what lies before `start`; where there is a `from`, drop everything from
//! there on; take out the points of `gone`; put the points of `data` in, in place of those of the same series and time; drop series
//! that have no points left; keep series in the order of their labels.

use std::collections::HashMap;

use super::window::Window;
use crate::series::{Decoded, Grid, Row, print_time};

/// The fields of a delta from `"start"` to the end of its object; none where only the whole window tells what it is now.
pub fn delta(old: &Window, new: &Window) -> Option<Vec<u8>> {
    let fits = old.is_comparable() && new.is_comparable() && old.step_ms == new.step_ms && old.start_ms <= new.start_ms;
    let (before, after) = (old.decoded().filter(|_| fits)?, new.decoded()?);
    let grid = new.grid()?;
    let first = grid.index(new.start_ms)?;
    let mut known: HashMap<&[u8], Row<'_>> = before.rows().map(|row| (row.labels(), row)).collect();
    let mut out = head(new, None);
    let mut gone = Vec::new();
    let mut series = Series::begin(&mut out);
    for row in after.rows() {
        let was = known.remove(row.labels());
        series.write(row, |lane| match was {
            Some(was) => changed(points(was, lane), points(row, lane)),
            None => points(row, lane).collect(),
        });
        if let Some(was) = was {
            let mut left: Vec<i64> = indices(was, first);
            let there = indices(row, first);
            left.retain(|index| there.binary_search(index).is_err());
            write_gone(&mut gone, grid, &left, row.labels());
        }
    }
    series.end();
    // In the order in which they came, so that equal windows give equal deltas.
    for row in before.rows().filter(|row| known.contains_key(row.labels())) {
        write_gone(&mut gone, grid, &indices(row, first), row.labels());
    }
    Some(foot(out, &gone, &after))
}

/// The same for a client of whom only the time of its last tick is known: all points of `from_ms` and later, which it takes in place
/// of whatever it has from there on.
pub fn since(new: &Window, from_ms: i64) -> Option<Vec<u8>> {
    let decoded = new.decoded().filter(|_| new.is_comparable())?;
    let from = new.grid()?.index(from_ms)?;
    let mut out = head(new, Some(from_ms));
    let mut series = Series::begin(&mut out);
    for row in decoded.rows() {
        series.write(row, |lane| points(row, lane).filter(|(index, _)| *index >= from).collect());
    }
    series.end();
    Some(foot(out, &[], &decoded))
}

/// Floats or histograms.
#[derive(Clone, Copy)]
enum Lane {
    Floats,
    Histograms,
}

type Point<'a> = (i64, &'a [u8]);

fn points<'d>(row: Row<'d>, lane: Lane) -> Box<dyn Iterator<Item = Point<'d>> + 'd> {
    match lane {
        Lane::Floats => Box::new(row.floats()),
        Lane::Histograms => Box::new(row.histograms()),
    }
}

/// The points of `new` that `old` has not, or has in other words. Both are in ascending order.
fn changed<'a>(old: impl Iterator<Item = Point<'a>>, new: impl Iterator<Item = Point<'a>>) -> Vec<Point<'a>> {
    let mut old = old.peekable();
    new.filter(|(index, text)| {
        while old.next_if(|(before, _)| before < index).is_some() {}
        old.next_if(|(same, _)| same == index).is_none_or(|(_, was)| was != *text)
    })
    .collect()
}

/// The grid points of a row from `first` on, ascending.
fn indices(row: Row<'_>, first: i64) -> Vec<i64> {
    let mut all: Vec<i64> = row.floats().chain(row.histograms()).map(|(index, _)| index).filter(|index| *index >= first).collect();
    all.sort_unstable();
    all
}

fn head(window: &Window, from_ms: Option<i64>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut time = |name: &[u8], ms| {
        out.extend_from_slice(name);
        print_time(ms, &mut out);
    };
    time(b"\"start\":", window.start_ms);
    time(b",\"end\":", window.end_ms);
    if let Some(from) = from_ms {
        time(b",\"from\":", from);
    }
    out.extend_from_slice(br#","data":{"resultType":"matrix","result":["#);
    out
}

fn foot(mut out: Vec<u8>, gone: &[u8], answer: &Decoded<'_>) -> Vec<u8> {
    out.extend_from_slice(br#"]},"gone":["#);
    out.extend_from_slice(gone);
    out.push(b']');
    for (name, list) in [("warnings", &answer.warnings), ("infos", &answer.infos)] {
        if !list.is_empty() {
            out.extend_from_slice(format!(",\"{name}\":[{}]", list.join(",")).as_bytes());
        }
    }
    out.push(b'}');
    out
}

fn write_gone(out: &mut Vec<u8>, grid: Grid, indices: &[i64], labels: &[u8]) {
    for ms in indices.iter().filter_map(|index| grid.time(*index)) {
        if !out.is_empty() {
            out.push(b',');
        }
        out.push(b'[');
        print_time(ms, out);
        out.push(b',');
        out.extend_from_slice(labels);
        out.push(b']');
    }
}

/// The list of series, of which those without points are left out.
struct Series<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Series<'o> {
    fn begin(out: &'o mut Vec<u8>) -> Series<'o> {
        Series { out, is_first: true }
    }

    fn write<'d>(&mut self, row: Row<'d>, chosen: impl Fn(Lane) -> Vec<Point<'d>>) {
        let (floats, histograms) = (chosen(Lane::Floats), chosen(Lane::Histograms));
        if floats.is_empty() && histograms.is_empty() {
            return;
        }
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(br#"{"metric":"#);
        self.out.extend_from_slice(row.labels());
        for (name, points) in [(&br#","values":["#[..], floats), (&br#","histograms":["#[..], histograms)] {
            for (at, (_, text)) in points.iter().enumerate() {
                self.out.extend_from_slice(if at == 0 { name } else { b"," });
                self.out.extend_from_slice(text);
            }
            if !points.is_empty() {
                self.out.push(b']');
            }
        }
        self.out.push(b'}');
    }

    fn end(self) {}
}

#[cfg(test)]
#[path = "../../tests/stream/assembled.rs"]
mod assembled;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::assembled::Assembled;
    use super::*;

    const STEP_MS: i64 = 15_000;
    const POINTS: i64 = 8;

    /// What a backend holds: series by name, each a value by grid point; values from 100 on are histograms.
    type Data = BTreeMap<u8, BTreeMap<i64, u8>>;

    fn text(value: u8) -> String {
        match value {
            0 => "\"NaN\"".to_owned(),
            1 => "\"+Inf\"".to_owned(),
            100.. => format!(r#"{{"count":"{value}","sum":"1","buckets":[[0,"0.1","0.2","2"]]}}"#),
            _ => format!("\"{value}.5e+07\""),
        }
    }

    /// The range answer for the window that ends at this grid point.
    fn window(data: &Data, end: i64) -> Window {
        let (start_ms, end_ms) = ((end - POINTS + 1) * STEP_MS, end * STEP_MS);
        let mut series = Vec::new();
        for (name, points) in data {
            let inside = points.range(end - POINTS + 1..=end);
            let (histograms, floats): (Vec<_>, Vec<_>) = inside.partition(|(_, value)| **value >= 100);
            let list = |name: &str, points: &[(&i64, &u8)]| {
                let texts: Vec<String> = points.iter().map(|(at, value)| format!("[{},{}]", *at * STEP_MS / 1000, text(**value))).collect();
                if texts.is_empty() { String::new() } else { format!(",\"{name}\":[{}]", texts.join(",")) }
            };
            let lists = list("values", &floats) + &list("histograms", &histograms);
            if !lists.is_empty() {
                series.push(format!(r#"{{"metric":{{"__name__":"a\"\\","n":"{name:03}"}}{lists}}}"#));
            }
        }
        let infos = if end % 3 == 0 { r#","infos":["one","two"]"# } else { "" };
        let answer = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{}]}}{infos}}}"#, series.join(","));
        let window = Window::new(start_ms, end_ms, STEP_MS, Bytes::from(answer)).unwrap();
        assert!(window.is_comparable());
        window
    }

    fn snapshot(window: &Window) -> String {
        let (start, end) = (window.start_ms as f64 / 1000.0, window.end_ms as f64 / 1000.0);
        format!(r#"{{"start":{start},"end":{end},{}"#, std::str::from_utf8(&window.data()).unwrap())
    }

    fn apply(client: &mut Assembled, fields: &[u8]) {
        client.apply("delta", &format!("{{{}", std::str::from_utf8(fields).unwrap()));
    }

    fn same(client: &Assembled, window: &Window) {
        assert_eq!(client.answer(), std::str::from_utf8(window.answer()).unwrap());
    }

    /// Some series with values at some grid points.
    fn data() -> impl Strategy<Value = Data> {
        let points = proptest::collection::btree_map(0i64..30, prop_oneof![0u8..6, 100u8..102], 0..30);
        proptest::collection::btree_map(0u8..6, points, 0..6)
    }

    proptest! {
        /// Whatever a backend says at one tick and the next, the client has the range answer, byte for byte.
        #[test]
        fn a_snapshot_and_its_deltas_are_the_answer(states in proptest::collection::vec((data(), 1i64..10), 2..6)) {
            let mut end = 8;
            let mut before = window(&states[0].0, end);
            let mut client = Assembled::default();
            client.apply("snapshot", &snapshot(&before));
            same(&client, &before);
            for (data, later) in &states[1..] {
                end += later;
                let now = window(data, end);
                apply(&mut client, &delta(&before, &now).unwrap());
                same(&client, &now);
                before = now;
            }
        }

        /// A client that was away takes up where it was, as long as what is older than `from` has not changed.
        #[test]
        fn a_client_that_was_away_takes_up_where_it_was(old in data(), new in data(), end in 8i64..20, later in 1i64..12, unsettled in 0i64..8) {
            let from = end - unsettled + 1;
            let mut merged = old.clone();
            merged.values_mut().for_each(|points| points.retain(|at, _| *at < from));
            for (name, points) in new {
                merged.entry(name).or_default().extend(points.into_iter().filter(|(at, _)| *at >= from));
            }
            let (before, now) = (window(&old, end), window(&merged, end + later));
            let mut client = Assembled::default();
            client.apply("snapshot", &snapshot(&before));
            apply(&mut client, &since(&now, from * STEP_MS).unwrap());
            same(&client, &now);
        }
    }

    fn one(points: &[(i64, u8)]) -> Data {
        BTreeMap::from([(1, points.iter().copied().collect())])
    }

    fn fields(old: &Data, new: &Data) -> String {
        String::from_utf8(delta(&window(old, 10), &window(new, 11)).unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_new_or_changed_is_sent() {
        let old: Vec<(i64, u8)> = (3..=10).map(|at| (at, 2)).collect();
        let mut new = old.clone();
        new.push((11, 3));
        let sent = fields(&one(&old), &one(&new));
        assert_eq!(
            sent,
            r#""start":60,"end":165,"data":{"resultType":"matrix","result":[{"metric":{"__name__":"a\"\\","n":"001"},"values":[[165,"3.5e+07"]]}]},"gone":[]}"#
        );
        new[6].1 = 4;
        new.remove(7);
        let sent = fields(&one(&old), &one(&new));
        assert!(sent.contains(r#""values":[[135,"4.5e+07"],[165,"3.5e+07"]]"#), "{sent}");
        assert!(sent.contains(r#""gone":[[150,{"__name__":"a\"\\","n":"001"}]]"#), "{sent}");
    }

    #[test]
    fn a_float_that_becomes_a_histogram_is_replaced() {
        let sent = fields(&one(&[(9, 2)]), &one(&[(9, 100)]));
        assert!(sent.contains(r#""histograms":[[135,{"count":"100""#) && sent.contains(r#""gone":[]"#), "{sent}");
    }

    #[test]
    fn nothing_new_is_said_too() {
        let sent = fields(&one(&[(9, 2)]), &one(&[(9, 2)]));
        assert_eq!(sent, r#""start":60,"end":165,"data":{"resultType":"matrix","result":[]},"gone":[]}"#);
    }

    #[test]
    fn windows_that_cannot_be_compared_have_no_delta() {
        let odd = Window::new(60_000, 165_000, STEP_MS, Bytes::from_static(br#"{"status":"success","data":{"x":1}}"#)).unwrap();
        let good = window(&one(&[(9, 2)]), 10);
        assert!(delta(&good, &odd).is_none() && delta(&odd, &good).is_none() && since(&odd, 60_000).is_none());
        assert!(delta(&window(&one(&[(9, 2)]), 11), &good).is_none(), "time goes forward");
    }
}
