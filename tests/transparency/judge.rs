//! Whether an answer is Prometheus' own.

use crate::support::{Reply, difference};

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

/// How often Prometheus is asked again where the answers differ: some vectors come in the order of a map, in which two entries change places
/// once in eight times.
const AGAIN: usize = 200;

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
