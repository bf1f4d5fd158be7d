//! Whether an answer is Prometheus' own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Reply;

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes.
    Same,
    /// Prometheus itself has more than one answer.
    Unsure,
    /// In words.
    Wrong(String),
}

/// How often Prometheus is asked again where the answers differ: some vectors come in another order each time.
const AGAIN: usize = 30;

/// Compares; `again` asks Prometheus the same once more.
pub async fn judge(got: &Reply, want: &Reply, again: impl AsyncFn() -> Reply) -> Verdict {
    let Some(why) = difference(got, want) else { return Verdict::Same };
    for _ in 0..AGAIN {
        let other = again().await;
        if difference(got, &other).is_none() {
            return Verdict::Same;
        }
        if difference(&other, want).is_some() {
            return Verdict::Unsure;
        }
    }
    Verdict::Wrong(why)
}

/// How the two differ, if they do.
pub fn difference(got: &Reply, want: &Reply) -> Option<String> {
    if got.status != want.status {
        return Some(format!("status {} {}\n    wanted {} {}", got.status, cut(&got.body, 0), want.status, cut(&want.body, 0)));
    }
    let (ours, theirs) = (got.json(), want.json());
    if got.status != 200 {
        // Where something is wrong with the text, Hecate says it in words of its own; and places are those of the text that was sent.
        let words =
            |json: &Value| if got.status == 422 { without_place(json["error"].as_str().unwrap()).to_owned() } else { String::new() };
        let same = ours["errorType"] == theirs["errorType"] && words(&ours) == words(&theirs);
        return (!same).then(|| format!("error {}\n    wanted {}", got.body, want.body));
    }
    if got.data_bytes() != want.data_bytes() {
        let (ours, theirs) = (got.data_bytes(), want.data_bytes());
        let at = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
        return Some(format!(
            "data of {} bytes, wanted {}, differ at {at}:\n    got    {}\n    wanted {}",
            ours.len(),
            theirs.len(),
            cut(ours, at),
            cut(theirs, at)
        ));
    }
    if texts(&ours, "warnings") != texts(&theirs, "warnings") {
        return Some(format!("warnings {}\n    wanted {}", ours["warnings"], theirs["warnings"]));
    }
    // Informations stay with what they were said about, which may be more than this window.
    let missing = !texts(&theirs, "infos").is_subset(&texts(&ours, "infos"));
    missing.then(|| format!("infos {}\n    wanted {}", ours["infos"], theirs["infos"]))
}

fn texts(answer: &Value, kind: &str) -> BTreeSet<String> {
    let list = answer[kind].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|text| without_place(text.as_str().unwrap()).to_owned()).collect()
}

/// `… (1:7)` without its end.
fn without_place(text: &str) -> &str {
    match text.rsplit_once(" (") {
        Some((before, place)) if place.ends_with(')') && place.contains(':') => before,
        _ => text,
    }
}

/// Some characters before and after the place.
fn cut(text: &str, at: usize) -> String {
    let start = (0..=at.saturating_sub(120).min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
    text[start..].chars().take(300).collect()
}

#[test]
fn the_judge_sees_a_changed_byte() {
    let reply = |status, body: &str| Reply { status, body: body.to_owned(), ..Reply::default() };
    let one = |value: &str| reply(200, &format!(r#"{{"status":"success","data":{{"result":[[1,"{value}"]]}}}}"#));
    assert_eq!(difference(&one("2"), &one("2")), None);
    assert!(difference(&one("2"), &one("2.0")).is_some());
    assert!(difference(&one("2"), &reply(503, "{}")).is_some());
    let error = |kind: &str, text: &str| reply(422, &format!(r#"{{"status":"error","errorType":"{kind}","error":"{text}"}}"#));
    assert_eq!(difference(&error("execution", "no (1:2)"), &error("execution", "no (1:9)")), None);
    assert!(difference(&error("execution", "no"), &error("execution", "yes")).is_some());
    assert!(difference(&error("execution", "no"), &error("timeout", "no")).is_some());
    let warned = |text: &str| reply(200, &format!(r#"{{"status":"success","data":[],"warnings":["{text}"]}}"#));
    assert!(difference(&warned("a"), &warned("b")).is_some());
    let told = |text: &str| reply(200, &format!(r#"{{"status":"success","data":[],"infos":[{text}]}}"#));
    assert_eq!(difference(&told(r#""a","b""#), &told(r#""a""#)), None);
    assert!(difference(&told(r#""a""#), &told(r#""a","b""#)).is_some());
}
