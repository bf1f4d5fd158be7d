//! What the Prometheus of these tests remembers of the last hours, beside the hour of long ago that the isolation tests have
//! (`tests/isolation/history.rs`): everything that a cache can get wrong when it puts answers together.
//!
//! The names are those of `tests/isolation/corpus/live.promql`, so that its expressions answer here, too; and further ones for
//! `corpus/*.promql` beside this file.

use crate::rng::Rng;
use crate::support::remote_write::{Histogram, STALE, Series, Span};

/// How far it goes back from the base, in seconds. Under three hours, so that nothing is compacted meanwhile.
pub const BACK: i64 = 9_000;
/// How far it goes beyond the base, in seconds: windows that end in the future find something there.
pub const AHEAD: i64 = 180;

/// Seconds between two samples, where nothing else is said.
const INTERVAL: i64 = 15;

/// Everything, around this base (in seconds).
pub fn recent(base: i64, seed: u64) -> Vec<Series> {
    let mut all = Vec::new();
    for (tenant, size) in [("a", 1.0), ("b", 7.0)] {
        let mut rng = Rng::new(seed + size as u64);
        let times: Vec<i64> = (base - BACK..=base + AHEAD).step_by(INTERVAL as usize).collect();
        floats(&mut all, tenant, size, &times, &mut rng);
        comings_and_goings(&mut all, tenant, size, &times);
        odd(&mut all, tenant, size, &times);
        classic(&mut all, tenant, size, &times);
        native(&mut all, tenant, size as u64, &times);
        names(&mut all, tenant, size, &times);
        fine(&mut all, tenant, size, base);
    }
    all
}

/// One series with a value at each of these times (in seconds), where there is one.
fn of(all: &mut Vec<Series>, name: &str, labels: &[(&str, &str)], times: &[i64], value: impl Fn(usize, i64) -> Option<f64>) {
    let mut series = Series::new(name, labels);
    for (i, at) in times.iter().enumerate() {
        if let Some(value) = value(i, *at) {
            series.push(at * 1000, value);
        }
    }
    all.push(series);
}

/// Counters with resets, gauges with values that take seventeen digits, times that are not on the grid.
fn floats(all: &mut Vec<Series>, t: &str, size: f64, times: &[i64], rng: &mut Rng) {
    for (p, pod) in ["web-0", "web-1"].into_iter().enumerate() {
        let labels = [("namespace", t), ("pod", pod), ("job", "shop"), ("instance", ["i-0:80", "i-1:80"][p])];
        let mut counter = Series::new("live_requests_total", &labels);
        let mut total = 0.0;
        for (i, at) in times.iter().enumerate() {
            // A reset every 40 minutes or so, at another sample for each pod.
            total = if i % (157 + 11 * p) == 0 { 0.0 } else { total + size * (1 + rng.below(9)) as f64 / 3.0 };
            let time_ms = at * 1000 + rng.below(997) as i64;
            counter.push(time_ms, total);
            if i % 9 == p {
                counter.exemplar(time_ms, total, &[("trace_id", &format!("{t}{pod}{i}")), ("hint", t)]);
            }
        }
        all.push(counter);
        let wave = move |i: usize| (i as f64 / 17.0 + size + p as f64).sin() * 40.0 * size;
        of(all, "live_temperature", &labels[..2], times, |i, _| Some(wave(i)));
        of(all, "kube_pod_info", &labels, times, |_, _| Some(1.0));
        let version = format!("{size}.{p}");
        let info = [labels[0], labels[2], labels[3], ("version", version.as_str())];
        of(all, "target_info", &info, times, |_, _| Some(1.0));
    }
    for i in 0..60 {
        let (shard, odd) = (format!("s-{i}"), if i % 2 == 0 { "even" } else { "odd" });
        let labels = [("namespace", t), ("shard", shard.as_str()), ("parity", odd)];
        of(all, "wide", &labels, times, |n, at| Some(((n * (i + 3)) % 977) as f64 / 7.0 + size + (at % 60) as f64));
    }
    of(all, "backlog_count", &[("namespace", t)], times, |i, _| Some((i % 5) as f64));
    of(all, "plan_info", &[("namespace", t)], times, |_, _| Some(1.0));
    of(all, &format!("live_only_{t}"), &[("namespace", t)], times, |_, _| Some(size));
}

/// Series that begin, pause and end, with and without the mark of their end; names that take turns.
fn comings_and_goings(all: &mut Vec<Series>, t: &str, size: f64, times: &[i64]) {
    let own = |kind: &'static str| [("namespace", t), ("kind", kind)];
    // Silent for 12 minutes in every 30, once with a mark and once fading out over the look-back.
    let pauses = |at: i64| at.rem_euclid(1800) >= 1080;
    of(all, "pausing", &own("fades"), times, |i, at| (!pauses(at)).then_some(i as f64 * size));
    of(
        all,
        "pausing",
        &own("marked"),
        times,
        |i, at| {
            if pauses(at) { (!pauses(at - INTERVAL)).then_some(STALE) } else { Some(i as f64 * size) }
        },
    );
    // Pods that live for seven minutes, one after the other.
    for life in 0..24 {
        let pod = format!("run-{life}");
        let (first, last) = (life * 28, life * 28 + 31);
        of(all, "short_lived_total", &[("namespace", t), ("pod", &pod)], times, |i, _| match i {
            i if i == last => Some(STALE),
            i if (first..last).contains(&i) => Some((i - first) as f64 * size),
            _ => None,
        });
    }
    // Just within the look-back, and just beyond it.
    of(all, "sparse", &own("within"), times, |i, at| (i % 20 == 0).then_some(at as f64));
    of(all, "sparse", &own("beyond"), times, |i, at| (i % 21 == 0).then_some(at as f64));
    // Two names whose series are the same without them: the first half, then the second.
    let half = times.len() / 2;
    of(all, "part_one_total", &own("same"), times, |i, _| (i < half).then_some(i as f64 * size));
    of(all, "part_two_total", &own("same"), times, |i, _| (i >= half + 40).then_some(i as f64 * size));
    of(all, "late_riser", &own("late"), times, |i, _| (i > times.len() - 30).then_some(size));
    of(all, "early_leaver", &own("early"), times, |i, _| (i < 30).then_some(size));
}

/// What is no ordinary number.
fn odd(all: &mut Vec<Series>, t: &str, size: f64, times: &[i64]) {
    let cases = [
        ("nan", f64::NAN),
        ("inf", f64::INFINITY),
        ("neg", f64::NEG_INFINITY),
        ("zero", -0.0),
        ("tiny", size * 5e-324),
        ("huge", size * 1.7e307),
        ("long", 0.1 + 0.2),
    ];
    for (case, value) in cases {
        let labels = [("namespace", t), ("case", case)];
        of(all, "odd_always", &labels, times, |_, _| Some(value));
        of(all, "odd_at_times", &labels, times, |i, _| Some(if i % 4 == 0 { value } else { size * i as f64 }));
    }
}

fn classic(all: &mut Vec<Series>, t: &str, size: f64, times: &[i64]) {
    let labels = [("namespace", t)];
    for (le, share) in [("0.1", 0.2), ("0.5", 0.5 + size / 100.0), ("1", 0.8), ("2.5", 0.95), ("+Inf", 1.0)] {
        let bucket = [("namespace", t), ("le", le)];
        of(all, "live_wait_seconds_bucket", &bucket, times, |i, _| Some(((i % 300) as f64 * size * share * 4.0).floor()));
    }
    of(all, "live_wait_seconds_count", &labels, times, |i, _| Some(((i % 300) as f64 * size * 4.0).floor()));
    of(all, "live_wait_seconds_sum", &labels, times, |i, _| Some((i % 300) as f64 * size * 1.3));
}

/// Native histograms: of integers and floats, with bounds of their own, that change their resolution, are reset, pause, or take
/// over from floats.
fn native(all: &mut Vec<Series>, t: &str, size: u64, times: &[i64]) {
    for (pod, more) in [("web-0", 0), ("web-1", 2)] {
        let mut series = Series::new("live_size_bytes", &[("namespace", t), ("pod", pod), ("job", "shop")]);
        for (i, at) in times.iter().enumerate() {
            let grown = ((i % 190) as u64 + 1) * (size + more);
            // For a while in buckets that are half as wide, and an hour later without any samples.
            let schema = i32::from((100..160).contains(&(i % 400)));
            if !(240..290).contains(&i) {
                series.histograms.push(Histogram { schema, ..integers(at * 1000, grown) });
            }
        }
        all.push(series);
    }
    let labels = [("namespace", t), ("pod", "web-0")];
    let mut floats = Series::new("native_floats", &labels);
    let mut bounds = Series::new("native_bounds", &labels);
    let mut turning = Series::new("turning", &labels);
    for (i, at) in times.iter().enumerate() {
        let time_ms = at * 1000;
        let grown = (i + 1) as f64 * size as f64 / 4.0;
        floats.histograms.push(Histogram {
            float_count: Some(4.0 * grown + 0.5),
            float_zero_count: Some(0.5),
            sum: grown * 3.3,
            schema: 2,
            zero_threshold: 1e-9,
            spans: vec![Span { offset: -3, length: 2 }],
            float_counts: vec![grown, 3.0 * grown],
            time_ms,
            ..Histogram::default()
        });
        let count = i as i64 + 1;
        bounds.histograms.push(Histogram {
            count: Some(6 * count as u64),
            sum: grown,
            schema: -53,
            spans: vec![Span { offset: 0, length: 3 }],
            deltas: vec![count, count, count],
            bounds: vec![0.5, 2.5],
            time_ms,
            ..Histogram::default()
        });
        // A float for 25 minutes, then a histogram for as long.
        if (i / 100) % 2 == 0 { turning.push(time_ms, grown) } else { turning.histograms.push(integers(time_ms, i as u64 + size)) }
    }
    all.extend([floats, bounds, turning]);
}

fn integers(time_ms: i64, grown: u64) -> Histogram {
    let n = grown as i64;
    Histogram {
        count: Some(7 * grown + 1),
        sum: grown as f64 * 11.5,
        zero_threshold: 0.001,
        zero_count: Some(1),
        spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
        deltas: vec![n, n, n, -2 * n],
        time_ms,
        ..Histogram::default()
    }
}

/// Names and values that have to be quoted and escaped; labels that sort oddly.
fn names(all: &mut Vec<Series>, t: &str, size: f64, times: &[i64]) {
    for (host, text) in [("n1", "über"), ("n2", "\"quoted\" \\ back\nline"), ("n3", "<&>\u{2028}\u{7f}"), ("n4", "日本")] {
        let labels = [("namespace", t), ("host.name", host), ("größe", text)];
        of(all, "http.live", &labels, times, |i, _| Some(i as f64 * size));
        of(all, "füllstand in %", &labels, times, |i, _| Some((i % 100) as f64 + size));
    }
    for label in ["A", "Z", "_", "a", "zz"] {
        of(all, "sorting", &[("namespace", t), (label, "x")], times, |i, _| Some((i % 7) as f64));
    }
    for value in ["", "10", "9", "a", "B", "ä"] {
        of(all, "sorting_values", &[("namespace", t), ("v", value)], times, |i, _| Some((i % 7) as f64));
    }
}

/// One sample a second for the last while: steps under the usual interval.
fn fine(all: &mut Vec<Series>, t: &str, size: f64, base: i64) {
    let times: Vec<i64> = (base - 1200..=base + 30).collect();
    of(all, "fine_total", &[("namespace", t)], &times, |i, _| Some(i as f64 * size));
    of(all, "fine", &[("namespace", t)], &times, |i, _| Some((i as f64 / 50.0).cos() * size));
}
