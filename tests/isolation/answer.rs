//! Answers in a form in which equal ones are equal.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::door::Reply;

/// How many values an answer of the query API has: samples, and the buckets of native histograms.
///
/// Told from the text, as a thousand answers are counted: a value follows its time (or the kind of its bucket) as a string.
pub fn values(reply: &Reply) -> usize {
    let text = reply.body.as_bytes();
    text.windows(3).filter(|w| w[0].is_ascii_digit() && w[1] == b',' && w[2] == b'"').count()
}

/// Whether two answers say the same; see [`canonical`].
pub fn same(one: &Reply, other: &Reply, ordered: bool) -> bool {
    one.status == other.status && (one.body == other.body || canonical(one, ordered) == canonical(other, ordered))
}

/// Everything that the answer says, but for what may differ: the order of a vector that nobody sorted, places in texts
/// (they point into what the upstream was sent), the words of an error.
fn canonical(reply: &Reply, ordered: bool) -> Value {
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
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"2"]},{"metric":{"a":"2"},"value":[1.5,"3"]}]},"infos":["x (1:3)"]}"#,
    );
    let two = reply(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"2"},"value":[1.5,"3"]},{"metric":{"a":"1"},"value":[1,"2"]}]},"infos":["x (1:9)"]}"#,
    );
    assert!(same(&one, &two, false));
    assert!(!same(&one, &two, true));
    assert_eq!(values(&one), 2);
}
