//! Whether two answers are the same, and if not, in words for a failed test.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Reply;

/// How the two differ, if they do.
pub fn difference(got: &Reply, want: &Reply) -> Option<String> {
    if got.status != want.status {
        return Some(format!("status {} {}\n    wanted {} {}", got.status, cut(&got.body, 0), want.status, cut(&want.body, 0)));
    }
    let (ours, theirs) = (got.json(), want.json());
    if got.status != 200 {
        // Where something is wrong with the text, Hecate says it in words of its own; and places are those of the text that was sent.
        let words =
            |json: &Value| if got.status == 422 { without_chance(json["error"].as_str().unwrap()).to_owned() } else { String::new() };
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

/// Which of several match groups Prometheus names is chance: it walks over a map.
fn without_chance(text: &str) -> &str {
    let told = without_place(text);
    told.split_once(" for the match group ").map_or(told, |(before, _)| before)
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
