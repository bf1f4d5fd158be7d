//! Answers in a form in which equal ones are equal.

use serde_json::{Value, json};

use crate::support::Reply;

/// Whether two answers say the same; see [`canonical`].
pub fn same(one: &Reply, other: &Reply, ordered: bool) -> bool {
    one.status == other.status && (one.body == other.body || canonical(one, ordered) == canonical(other, ordered))
}

/// Everything that the answer says, but for what may differ: the order of a vector that nobody sorted, places in texts
/// (they point into what the upstream was sent), the words about a text.
fn canonical(reply: &Reply, ordered: bool) -> Value {
    let mut all = reply.json();
    if all["status"] == "error" {
        // What went wrong while it ran is told with series and values; what is wrong with the text, with places.
        // Which of several match groups Prometheus names is chance: it walks over a map.
        let words = match all["error"].as_str().filter(|_| reply.status == 422) {
            Some(text) => Value::from(text.split(" for the match group ").next()),
            None => Value::Null,
        };
        return json!({"status": reply.status, "errorType": all["errorType"], "error": words});
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

#[test]
fn what_may_differ_does_not_count() {
    let reply = |body: &str| Reply { status: 200, body: body.to_owned(), ..Reply::default() };
    let one = reply(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"2"]},{"metric":{"a":"2"},"value":[1.5,"3"]}]},"infos":["x (1:3)"]}"#,
    );
    let two = reply(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"2"},"value":[1.5,"3"]},{"metric":{"a":"1"},"value":[1,"2"]}]},"infos":["x (1:9)"]}"#,
    );
    assert!(same(&one, &two, false));
    assert!(!same(&one, &two, true));
    assert_eq!(one.values(), 2);
}
