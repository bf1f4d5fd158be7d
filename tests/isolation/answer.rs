//! Answers in a form in which equal ones are equal.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::door::Reply;

/// How many values an answer of the query API has: samples, or points of series.
pub fn values(reply: &Reply) -> usize {
    let data = &reply.json()["data"];
    let result = &data["result"];
    match data["resultType"].as_str() {
        Some("scalar" | "string") => 1,
        Some("vector") => result.as_array().map_or(0, Vec::len),
        Some("matrix") => {
            let points = |series: &Value, kind: &str| series[kind].as_array().map_or(0, Vec::len);
            result.as_array().unwrap().iter().map(|series| points(series, "values") + points(series, "histograms")).sum()
        }
        _ => 0,
    }
}

/// Everything that the answer says, but for what may differ: the order of a vector that nobody sorted, places in texts
/// (they point into what the upstream was sent), the words of an error.
pub fn canonical(reply: &Reply, ordered: bool) -> Value {
    let mut all = reply.json();
    if all["status"] == "error" {
        return json!({"status": reply.status, "errorType": all["errorType"]});
    }
    if !ordered && let Some(result) = all["data"]["result"].as_array_mut() {
        result.sort_by_cached_key(|series| (series["metric"].to_string(), series.to_string()));
    }
    for kind in ["warnings", "infos"] {
        if let Some(texts) = all[kind].as_array_mut() {
            texts.iter_mut().for_each(|text| *text = Value::from(without_place(text.as_str().unwrap())));
            texts.sort_by_key(ToString::to_string);
            texts.dedup();
        }
    }
    all
}

/// `… (1:7)` without its end.
fn without_place(text: &str) -> &str {
    match text.rsplit_once(" (") {
        Some((before, place)) if place.ends_with(')') && place.contains(':') => before,
        _ => text,
    }
}

/// The very bytes of `data`.
pub fn data_bytes(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let whole: Whole<'_> = serde_json::from_str(&reply.body).unwrap();
    whole.data.map_or_else(String::new, |data| data.get().to_owned())
}

#[test]
fn what_may_differ_does_not_count() {
    let reply = |body: &str| Reply { status: 200, body: body.to_owned() };
    let one = reply(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"}},{"metric":{"a":"2"}}]},"infos":["x (1:3)"]}"#,
    );
    let two = reply(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"2"}},{"metric":{"a":"1"}}]},"infos":["x (1:9)"]}"#,
    );
    assert_eq!(canonical(&one, false), canonical(&two, false));
    assert_ne!(canonical(&one, true), canonical(&two, true));
    assert_eq!(values(&one), 2);
}
