//! Against a naive model, and against bytes that no Prometheus would send.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::samples::{Model, Points, Random, answer, gunzip};
use super::{Edges, Grid, Limits, Series, compact, decode, plan};
use std::ops::Range;

fn model(random: &mut Random, span: Range<i64>) -> Model {
    let mut model = vec![];
    let long = random.below(12) == 0;
    for k in 0..random.below(7) {
        let mut lanes = [Points::new(), Points::new()];
        let (born, dies) = (span.start + random.below(200), span.end - random.below(200));
        let kind = random.below(4);
        let gaps = random.below(3);
        for i in born..dies {
            if gaps > 0 && (i / 13 + k) % 4 < gaps {
                continue;
            }
            let histogram = kind == 0 || kind == 1 && i % 50 < 25;
            let n = random.below(1_000_000_000) >> random.below(30);
            let value = if histogram {
                let buckets = vec![format!("[{},\"0.1\",\"0.2\",\"{n}\"]", n % 4); if long { 60 } else { 1 }].join(",");
                format!("{{\"count\":\"{n}\",\"sum\":\"1\",\"buckets\":[{buckets}]}}")
            } else {
                format!("\"{}\"", ["NaN", "+Inf", "-Inf"].get(n as usize % 40).map_or(format!("{}e-7", n as f64 / 8.0), |s| s.to_string()))
            };
            lanes[usize::from(histogram)].insert(i, value);
        }
        model.push((format!("{{\"a\":\"{}\",\"b\":\"\\u0041{k}\"}}", k / 2), lanes));
    }
    model
}

/// What is cached, and beside it what should be.
struct Run {
    random: Random,
    grid: Grid,
    short: bool,
    span: Range<i64>,
    /// What Prometheus would answer now.
    truth: Model,
    series: Series,
    /// When each point was fetched last.
    fetched: BTreeMap<i64, i64>,
    /// What it was then.
    expected: Model,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random(seed | 1);
        let steps = [15_000, 1_000, 500, 333, 1, 86_400_000];
        let step = steps[random.below(6) as usize];
        let start = if random.below(4) == 0 { -step * 300 + random.below(step) } else { 1_795_424_400_000 + random.below(step) };
        let grid = Grid::new(start, step).unwrap();
        let first = grid.index(start).unwrap();
        let short = random.below(3) == 0;
        let span = first..first + 20 + random.below(700);
        let truth = model(&mut random, span.clone());
        let expected = truth.iter().map(|(l, _)| (l.clone(), Default::default())).collect();
        Run { random, grid, short, span, truth, series: Series::new(grid), fetched: BTreeMap::new(), expected }
    }

    fn window(&mut self) -> Range<i64> {
        let a = self.span.start + self.random.below(self.span.end - self.span.start);
        a..a + 1 + self.random.below(self.span.end - a)
    }

    /// A fetch after which what counts is, for each point, the newest fetch that covered it.
    fn fetch(&mut self, window: Range<i64>, at: i64) {
        for (_, lanes) in &mut self.truth {
            if let Some(value) = lanes[0].get_mut(&(window.end - 1)) {
                *value = format!("\"{}\"", self.random.below(1000));
            }
            if self.random.below(3) == 0 {
                lanes[0].remove(&window.start);
            }
        }
        for i in window.clone() {
            if self.fetched.get(&i).is_none_or(|f| *f <= at) {
                self.fetched.insert(i, at);
                for (now, then) in self.truth.iter().zip(&mut self.expected) {
                    for (now, then) in now.1.iter().zip(&mut then.1) {
                        match now.get(&i) {
                            Some(v) => then.insert(i, v.clone()),
                            None => then.remove(&i),
                        };
                    }
                }
            }
        }
        let mut given = self.truth.clone();
        if self.random.below(3) == 0 {
            given.reverse();
        }
        let body = answer(&given, self.grid, window.clone(), self.short, &[]);
        self.series.put(window, &decode(&body, self.grid, Limits::default()).unwrap(), at).unwrap();
    }

    fn check(&mut self) {
        let a = self.span.start - 3 + self.random.below(self.span.end - self.span.start);
        let window = a..a + 1 + self.random.below(self.span.end + 3 - a);
        let cut = self.series.cut(window.clone());
        let plain = cut.plain();
        let want = answer(&self.expected, self.grid, window.clone(), self.short, &[]);
        assert!(plain == want, "\n{}\n{}", String::from_utf8_lossy(&plain), String::from_utf8_lossy(&want));
        assert_eq!((plain.len(), plain.capacity()), (cut.len(), cut.len()));
        let lanes = || self.expected.iter().map(|(_, lanes)| lanes.iter().map(|l| l.range(window.clone()).count()).sum::<usize>());
        assert_eq!((cut.points(), cut.series_count()), (lanes().sum(), lanes().filter(|n| *n > 0).count()));
        for edges in [Edges::Stored, Edges::Small, Edges::Deflated] {
            assert!(gunzip(&cut.gzip(edges)) == plain, "{edges:?}");
        }
    }

    fn check_known(&self) {
        let known = self.series.known(self.span.clone(), |range, _| range);
        assert!(known.windows(2).all(|pair| pair[0].end < pair[1].start));
        assert!(known.into_iter().flatten().eq(self.fetched.keys().copied()));
    }

    /// Through the compact form and back, and into a series that has other things already.
    fn check_compact(&mut self) {
        let whole = self.series.cut(self.span.clone()).plain();
        let mut back = Series::new(self.grid);
        for number in self.series.block_numbers() {
            let bytes = compact::encode(&self.series, number).unwrap();
            compact::decode(&mut back, number, &bytes, Limits::default()).unwrap();
            // What is there already with the same age stays as it is.
            compact::decode(&mut back, number, &bytes, Limits::default()).unwrap();
        }
        assert!(back.cut(self.span.clone()).plain() == whole);
        assert_eq!(back.known(self.span.clone(), |r, _| r), self.series.known(self.span.clone(), |r, _| r));
        let other = std::mem::replace(&mut self.series, back);
        assert_eq!(self.series.points(), other.points());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_equal_the_model(seed in any::<u64>()) {
        let mut run = Run::new(seed);
        for clock in 1..3 + run.random.below(8) {
            let window = run.window();
            let at = if run.random.below(4) == 0 { clock - 3 } else { clock };
            run.fetch(window, at);
            (0..3).for_each(|_| run.check());
        }
        run.check_known();
        run.check_compact();
        run.check();
    }

    #[test]
    fn following_the_present_equals_the_model(seed in any::<u64>()) {
        let mut run = Run::new(seed);
        let mut end = (run.span.start + 1 + run.random.below(60)).min(run.span.end);
        run.fetch(run.span.start..end, 0);
        let old = run.series.clone();
        let before = old.cut(run.span.clone()).plain();
        for clock in 1..60 {
            let (again, new) = (1 + run.random.below(6), run.random.below(4));
            let from = (end - again).max(run.span.start);
            end = (end + new).min(run.span.end).max(from + 1);
            run.fetch(from..end, clock);
            if run.random.below(5) == 0 {
                run.check();
            }
            if run.random.below(9) == 0 {
                run.series.shed(|_| false);
            }
        }
        run.check();
        run.check_known();
        run.check_compact();
        run.check();
        // Nothing of this is seen in a snapshot from before.
        prop_assert!(old.cut(run.span.clone()).plain() == before);
    }

    #[test]
    fn missing_is_what_is_not_known(
        mut marks in prop::collection::vec((0i64..300, 0i64..40), 0..12),
        from in -20i64..300, len in 0i64..300, merge in 0i64..30, longest in 1i64..200
    ) {
        marks.sort();
        let mut known: Vec<Range<i64>> = vec![];
        for (a, n) in marks {
            let a = a.max(known.last().map_or(i64::MIN, |r| r.end));
            known.push(a..a + n);
        }
        let want = from..from + len;
        let is_known = |i: i64| known.iter().any(|r| r.contains(&i));
        let exact = plan::missing(known.clone(), want.clone(), plan::Policy { merge: 0, longest: i64::MAX });
        let all: Vec<i64> = exact.iter().cloned().flatten().collect();
        prop_assert_eq!(all, want.clone().filter(|i| !is_known(*i)).collect::<Vec<_>>());
        prop_assert!(exact.windows(2).all(|p| p[0].end < p[1].start));
        let merged = plan::missing(known.clone(), want.clone(), plan::Policy { merge, longest: i64::MAX });
        prop_assert!(merged.windows(2).all(|p| p[1].start - p[0].end > merge));
        prop_assert!(merged.iter().all(|r| !is_known(r.start) && !is_known(r.end - 1) && r.start >= want.start && r.end <= want.end));
        let split = plan::missing(known.clone(), want.clone(), plan::Policy { merge, longest });
        prop_assert!(split.iter().all(|r| r.start < r.end && r.end - r.start <= longest));
        prop_assert!(split.iter().cloned().flatten().eq(merged.iter().cloned().flatten()));
        prop_assert_eq!(split.len() as i64, merged.iter().map(|r| (r.end - r.start + longest - 1) / longest).sum::<i64>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_error_or_are_given_back(seed in any::<u64>()) {
        let mut random = Random(seed | 1);
        let grid = Grid::new(1_795_424_400_000, 15_000).unwrap();
        let first = grid.index(1_795_424_400_000).unwrap();
        let truth = model(&mut random, first..first + 60);
        let mut body = answer(&truth, grid, first..first + 60, false, &["\"an info\"".to_owned()]);
        for _ in 0..random.below(4) {
            let at = random.below(body.len() as i64 - 1) as usize;
            match random.below(4) {
                0 => body[at] = random.next() as u8,
                1 => body[at] = b"[]{}\",:\\.0"[random.below(10) as usize],
                2 => { body.remove(at); }
                _ => body.truncate(at.max(2)),
            }
        }
        let mut series = Series::new(grid);
        if let Ok(decoded) = decode(&body, grid, Limits::default()) && series.put(first..first + 60, &decoded, 0).is_ok() {
            let plain = series.cut(first..first + 60).plain();
            // A series without points is left out, and others are sorted; everything else comes back as it was.
            if plain.len() == body.len() {
                prop_assert!(plain == body || truth.len() > 1, "{}\n{}", String::from_utf8_lossy(&plain), String::from_utf8_lossy(&body));
                prop_assert_eq!(bytes_sorted(&plain), bytes_sorted(&body));
            }
        }
    }

    #[test]
    fn hostile_blocks_are_errors(seed in any::<u64>()) {
        let mut random = Random(seed | 1);
        let grid = Grid::new(1_795_424_400_000, 500).unwrap();
        let first = grid.index(1_795_424_400_000).unwrap();
        let truth = model(&mut random, first..first + 200);
        let short = random.below(2) == 0;
        let body = answer(&truth, grid, first..first + 200, short, &["\"an info\"".to_owned()]);
        let mut series = Series::new(grid);
        series.put(first..first + 200, &decode(&body, grid, Limits::default()).unwrap(), 0).unwrap();
        let number = first.div_euclid(128);
        let good = compact::encode(&series, number).unwrap();
        let mut bad = compact::tests::unpacked(&good);
        let at = random.below(bad.len() as i64) as usize;
        bad[at] ^= 1 + random.below(255) as u8;
        prop_assert!(compact::decode(&mut Series::new(grid), number, &bad, Limits::default()).is_err());
        // The same with a checksum that fits.
        for _ in 0..random.below(4) {
            let at = random.below(bad.len() as i64) as usize;
            bad[at] = random.next() as u8;
        }
        if random.below(3) == 0 {
            bad.truncate(random.below(bad.len() as i64) as usize);
        }
        compact::tests::sign(&mut bad);
        let mut other = Series::new(grid);
        if compact::decode(&mut other, number, &bad, Limits::default()).is_ok() {
            // Then it is at least an answer that could have come, for exactly the known part of the window.
            let window = number * 128..number * 128 + 128;
            let plain = other.cut(window.clone()).plain();
            let text = String::from_utf8_lossy(&plain);
            let decoded = decode(&plain, grid, Limits::default());
            prop_assert!(decoded.is_ok(), "{}", text);
            let mut again = Series::new(grid);
            prop_assert!(again.put(window.clone(), &decoded.unwrap(), 0).is_ok(), "{}", text);
            prop_assert!(again.cut(window).plain() == plain);
        }
    }
}

fn bytes_sorted(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.sort_unstable();
    bytes
}
