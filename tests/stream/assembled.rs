//! A client as docs/streams.md describes it: puts snapshots and deltas together and can say what range answer that makes.
//! It knows nothing of the server's code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, reason = "a test may fail loudly anywhere")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is known of one query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assembled {
    /// By their labels, in the order in which a range answer has them.
    series: BTreeMap<Vec<(String, String)>, One>,
    /// Warnings and infos, as sent.
    annotations: String,
    /// In milliseconds.
    pub start: i64,
    pub end: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct One {
    labels: String,
    floats: BTreeMap<i64, String>,
    histograms: BTreeMap<i64, String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    start: f64,
    end: f64,
    from: Option<f64>,
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(borrow, default)]
    gone: Vec<(f64, &'a RawValue)>,
    #[serde(borrow)]
    warnings: Option<&'a RawValue>,
    #[serde(borrow)]
    infos: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Vec<Sent<'a>>,
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    metric: &'a RawValue,
    #[serde(borrow, default)]
    values: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    histograms: Vec<&'a RawValue>,
}

fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

fn time(point: &RawValue) -> i64 {
    let (seconds, _): (f64, serde::de::IgnoredAny) = serde_json::from_str(point.get()).unwrap();
    ms(seconds)
}

fn key(labels: &RawValue) -> Vec<(String, String)> {
    serde_json::from_str::<BTreeMap<String, String>>(labels.get()).unwrap().into_iter().collect()
}

impl Assembled {
    /// Takes in the data of a `snapshot` or a `delta`.
    pub fn apply(&mut self, event: &str, data: &str) {
        let sent: Event<'_> = serde_json::from_str(data).unwrap_or_else(|error| panic!("{event} {error}: {data}"));
        match event {
            "snapshot" => self.series.clear(),
            // After a reconnect in the middle of a tick, queries that had it already get it again: that changes nothing.
            "delta" => assert!(ms(sent.end) + i64::from(sent.from.is_some()) > self.end, "a repeat: {} after {}", ms(sent.end), self.end),
            other => panic!("{other} has no points"),
        }
        (self.start, self.end) = (ms(sent.start), ms(sent.end));
        let list = |name: &str, list: Option<&RawValue>| list.map_or_else(String::new, |list| format!(",\"{name}\":{}", list.get()));
        self.annotations = list("warnings", sent.warnings) + &list("infos", sent.infos);
        let kept = self.start..sent.from.map_or(i64::MAX, ms);
        for one in self.series.values_mut() {
            one.floats.retain(|time, _| kept.contains(time));
            one.histograms.retain(|time, _| kept.contains(time));
        }
        for (seconds, labels) in &sent.gone {
            let one = self.series.get_mut(&key(labels)).unwrap_or_else(|| panic!("gone is what was never there: {data}"));
            let (float, histogram) = (one.floats.remove(&ms(*seconds)), one.histograms.remove(&ms(*seconds)));
            assert!(float.is_some() || histogram.is_some(), "gone is what was never there: {data}");
        }
        for series in &sent.data.result {
            let one = self.series.entry(key(series.metric)).or_default();
            one.labels = series.metric.get().to_owned();
            for point in &series.values {
                one.histograms.remove(&time(point));
                one.floats.insert(time(point), point.get().to_owned());
            }
            for point in &series.histograms {
                one.floats.remove(&time(point));
                one.histograms.insert(time(point), point.get().to_owned());
            }
        }
        self.series.retain(|_, one| !one.floats.is_empty() || !one.histograms.is_empty());
    }

    /// The range answer for the window from `start` to `end`.
    pub fn answer(&self) -> String {
        let series: Vec<String> = self
            .series
            .values()
            .map(|one| {
                let list = |name: &str, points: &BTreeMap<i64, String>| {
                    let texts: Vec<&str> = points.values().map(String::as_str).collect();
                    if texts.is_empty() { String::new() } else { format!(",\"{name}\":[{}]", texts.join(",")) }
                };
                format!("{{\"metric\":{}{}{}}}", one.labels, list("values", &one.floats), list("histograms", &one.histograms))
            })
            .collect();
        let series = series.join(",");
        format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{series}]}}{}}}", self.annotations)
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.series.len()
    }

    /// How many points all series have together.
    pub fn points(&self) -> usize {
        self.series.values().map(|one| one.floats.len() + one.histograms.len()).sum()
    }
}
