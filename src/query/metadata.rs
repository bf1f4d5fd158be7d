//! Metadata of the metrics that a caller has series of, never the whole catalogue.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::raw_object::{RawObject, push_string};
use super::rules::UnreadableAnswer;

/// How much of it is wanted: Prometheus' `limit` and `limit_per_metric`; none is everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataLimits {
    /// Most metrics.
    pub metrics: Option<usize>,
    /// Most entries of each.
    pub per_metric: Option<usize>,
}

/// What one target says of a metric.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    unit: String,
}

/// Reads the metric names of a `/api/v1/label/__name__/values` answer.
///
/// # Errors
/// When the answer is not JSON of the expected shape.
pub(super) fn names(body: &[u8]) -> Result<BTreeSet<String>, UnreadableAnswer> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        data: BTreeSet<String>,
    }
    Ok(serde_json::from_slice::<Reply>(body)?.data)
}

/// Reads a `/api/v1/targets/metadata` answer: what the caller's own targets say of each metric.
///
/// # Errors
/// When the answer is not JSON of the expected shape.
pub(super) fn own_entries(body: &[u8]) -> Result<BTreeMap<String, BTreeSet<Entry>>, UnreadableAnswer> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        data: Vec<OfTarget>,
    }
    #[derive(Deserialize)]
    struct OfTarget {
        metric: String,
        #[serde(flatten)]
        entry: Entry,
    }
    let mut own: BTreeMap<String, BTreeSet<Entry>> = BTreeMap::new();
    for line in serde_json::from_slice::<Reply>(body)?.data {
        own.entry(line.metric).or_default().insert(line.entry);
    }
    Ok(own)
}

/// `/api/v1/metadata` with the metrics of `visible`.
///
/// Several targets may say different things of a metric that several tenants have. Where the caller's own targets say
/// something, only that is kept. Where they do not (an exporter of the platform) and the texts differ, only the type
/// is told: a text could be another tenant's.
///
/// # Errors
/// When the answer is not JSON of the expected shape.
pub(super) fn filter(
    body: &[u8],
    visible: &BTreeSet<String>,
    own: &BTreeMap<String, BTreeSet<Entry>>,
    limits: MetadataLimits,
) -> Result<Vec<u8>, UnreadableAnswer> {
    let reply: RawObject<'_> = serde_json::from_slice(body)?;
    let data: RawObject<'_> = serde_json::from_str(reply.get("data").map_or("{}", RawValue::get))?;
    let mut new_data = String::from("{");
    let mut metrics = 0;
    for (metric, raw) in data.members() {
        if limits.metrics.is_some_and(|most| metrics >= most) {
            break;
        }
        let mut entries: Vec<(Entry, &RawValue)> = Vec::new();
        for raw_entry in serde_json::from_str::<Vec<&RawValue>>(raw.get())? {
            let entry: Entry = serde_json::from_str(raw_entry.get())?;
            if has_series(metric, &entry.kind, visible, own) {
                entries.push((entry, raw_entry));
            }
        }
        let kept = match own.get(metric) {
            Some(own) => entries.iter().filter(|(entry, _)| own.contains(entry)).map(|(_, raw)| raw.get().to_owned()).collect(),
            None => common(&entries),
        };
        if kept.is_empty() {
            continue;
        }
        if metrics > 0 {
            new_data.push(',');
        }
        metrics += 1;
        push_string(&mut new_data, metric);
        let most = limits.per_metric.unwrap_or(usize::MAX);
        new_data.push_str(&format!(":[{}]", kept.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(",")));
    }
    new_data.push('}');
    let mut out = String::new();
    reply.with(&mut out, |member| (member == "data").then(|| new_data.clone()));
    Ok(out.into_bytes())
}

/// One entry as it is; of several, the types without their texts.
fn common(entries: &[(Entry, &RawValue)]) -> Vec<String> {
    if let [(_, only)] = entries {
        return vec![only.get().to_owned()];
    }
    let kinds: BTreeSet<&str> = entries.iter().map(|(entry, _)| entry.kind.as_str()).collect();
    kinds.iter().map(|kind| serde_json::json!({"type": kind, "unit": "", "help": ""}).to_string()).collect()
}

/// Whether the caller has series of a family of this kind. Metadata names the family; the series of some kinds have an ending.
///
/// A series that the caller's own targets name in full is no series of a family without the ending: there, `backlog_count` is a
/// gauge, and the histogram `backlog` somebody else's.
fn has_series(family: &str, kind: &str, visible: &BTreeSet<String>, own: &BTreeMap<String, BTreeSet<Entry>>) -> bool {
    let endings: &[&str] = match kind {
        "histogram" => &["_bucket", "_count", "_sum", "_created"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        "summary" => &["_count", "_sum", "_created"],
        "counter" => &["_total", "_created"],
        "info" => &["_info"],
        _ => &[],
    };
    let is_of_family = |series: &String| visible.contains(series) && !own.contains_key(series);
    visible.contains(family) || endings.iter().any(|ending| is_of_family(&format!("{family}{ending}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"{"status":"success","data":{
        "a_only":[{"type":"gauge","help":"Of a.","unit":""}],
        "b_only":[{"type":"gauge","help":"Of b.","unit":""}],
        "both":[{"type":"counter","help":"As a tells it.","unit":"s"},{"type":"counter","help":"As b tells it.","unit":"s"}],
        "latency":[{"type":"histogram","help":"h","unit":""}],
        "backlog":[{"type":"histogram","help":"b has backlog_count too, as a gauge of its own.","unit":""}],
        "plan":[{"type":"gauge","help":"No info.","unit":""}],
        "jobs":[{"type":"counter","help":"Jobs.","unit":""},{"type":"gauge","help":"Of b.","unit":""}],
        "platform":[{"type":"gauge","help":"one","unit":""},{"type":"gauge","help":"two","unit":""}]}}"#;

    fn check(limits: MetadataLimits, expected: &str) {
        let visible =
            ["a_only", "both", "latency_bucket", "platform", "backlog_count", "plan_info", "jobs_total"].map(str::to_owned).into();
        let targets = br#"{"status":"success","data":[
            {"target":{"namespace":"a"},"metric":"both","type":"counter","help":"As a tells it.","unit":"s"},
            {"target":{"namespace":"a"},"metric":"backlog_count","type":"gauge","help":"Of a.","unit":""},
            {"target":{"namespace":"a"},"metric":"a_only","type":"gauge","help":"Of a.","unit":""}]}"#;
        let out = filter(ALL.as_bytes(), &visible, &own_entries(targets).unwrap(), limits).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn only_names_with_series_and_texts_of_own_targets() {
        check(
            MetadataLimits::default(),
            r#"{"status":"success","data":{"a_only":[{"type":"gauge","help":"Of a.","unit":""}],"both":[{"type":"counter","help":"As a tells it.","unit":"s"}],"latency":[{"type":"histogram","help":"h","unit":""}],"jobs":[{"type":"counter","help":"Jobs.","unit":""}],"platform":[{"help":"","type":"gauge","unit":""}]}}"#,
        );
    }

    #[test]
    fn limits_count_what_is_left() {
        check(
            MetadataLimits { metrics: Some(1), per_metric: Some(1) },
            r#"{"status":"success","data":{"a_only":[{"type":"gauge","help":"Of a.","unit":""}]}}"#,
        );
        check(MetadataLimits { metrics: Some(0), per_metric: None }, r#"{"status":"success","data":{}}"#);
    }

    #[test]
    fn names_are_read() {
        assert_eq!(names(br#"{"status":"success","data":["b","a"]}"#).unwrap(), ["a", "b"].map(str::to_owned).into());
        assert!(names(b"<html>").is_err());
    }
}
