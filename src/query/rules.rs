//! Rules and alerts inside a scope. Prometheus cannot filter them, so we do: what cannot be shown to belong to the
//! caller does not leave.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::raw_object::{RawObject, push_string};

/// The answer of the upstream is not what Prometheus' API says.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer cannot be read: {0}")]
pub struct UnreadableAnswer(#[from] pub(super) serde_json::Error);

/// Which rules and alerts a caller may see.
pub(super) trait Visibility {
    /// Whether the labels of a series of this metric lie in the scope.
    fn admits(&self, metric: &str, labels: &BTreeMap<String, String>) -> bool;

    /// Whether the labels name a tenant outside the scope.
    fn is_foreign(&self, metric: &str, labels: &BTreeMap<String, String>) -> bool;

    /// Whether an expression reads nothing but series of the scope, by its own matchers.
    fn reads_only_own(&self, query: &str) -> bool;
}

/// A page of groups, as `group_limit` and `group_next_token` ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Most groups on the page.
    pub limit: Option<usize>,
    /// Where it starts: the token that the page before gave.
    pub token: Option<String>,
}

/// The metric that Prometheus writes for alerts: its policy row is the one that alerts follow.
const ALERTS: &str = "ALERTS";

/// `/api/v1/rules` with the groups, rules and alerts of the scope, in their own bytes and order.
///
/// # Errors
/// When the upstream's answer is not JSON of the expected shape.
pub(super) fn filter_rules(body: &[u8], page: &Page, sees: &dyn Visibility) -> Result<Vec<u8>, UnreadableAnswer> {
    let reply: RawObject<'_> = serde_json::from_slice(body)?;
    let mut kept: Vec<(String, String)> = Vec::new();
    for group in &groups(&reply)? {
        let own: Vec<String> = rules(group)?.iter().filter_map(|rule| own_rule(rule, sees)).collect();
        if own.is_empty() {
            continue;
        }
        let mut text = String::new();
        group.with(&mut text, |member| (member == "rules").then(|| format!("[{}]", own.join(","))));
        let file: String = group.read("file").unwrap_or_default();
        let name: String = group.read("name").unwrap_or_default();
        kept.push((group_token(&file, &name), text));
    }
    let (shown, next) = cut_page(kept, page);
    let mut new_data = format!("{{\"groups\":[{}]", shown.join(","));
    if let Some(next) = next {
        new_data.push_str(",\"groupNextToken\":");
        push_string(&mut new_data, &next);
    }
    new_data.push('}');
    let mut out = String::new();
    reply.with(&mut out, |member| (member == "data").then(|| new_data.clone()));
    Ok(out.into_bytes())
}

fn groups<'a>(reply: &RawObject<'a>) -> Result<Vec<RawObject<'a>>, serde_json::Error> {
    let data: RawObject<'a> = serde_json::from_str(reply.get("data").map_or("{}", RawValue::get))?;
    serde_json::from_str(data.get("groups").map_or("[]", RawValue::get))
}

fn rules<'a>(group: &RawObject<'a>) -> Result<Vec<RawObject<'a>>, serde_json::Error> {
    serde_json::from_str(group.get("rules").map_or("[]", RawValue::get))
}

fn cut_page(groups: Vec<(String, String)>, page: &Page) -> (Vec<String>, Option<String>) {
    let start = match &page.token {
        Some(token) => groups.iter().position(|(own, _)| own == token).unwrap_or(groups.len()),
        None => 0,
    };
    let end = page.limit.filter(|limit| *limit > 0).map_or(groups.len(), |limit| groups.len().min(start.saturating_add(limit)));
    let next = groups.get(end).map(|(token, _)| token.clone());
    (groups.into_iter().skip(start).take(end - start).map(|(_, text)| text).collect(), next)
}

/// Why a rule is the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ownership {
    /// It reads nothing but their series.
    Query,
    /// What it writes carries their label; it may read more.
    Labels,
}

/// `None` when the rule is not the caller's.
fn ownership(rule: &RawObject<'_>, sees: &dyn Visibility) -> Option<Ownership> {
    // Labels that cannot be read could name anybody.
    let labels: BTreeMap<String, String> = rule.get("labels").map_or(Some(BTreeMap::new()), |raw| serde_json::from_str(raw.get()).ok())?;
    let is_alert = rule.read::<String>("type").is_none_or(|kind| kind == "alerting");
    let name: String = rule.read("name").unwrap_or_default();
    let metric = if is_alert { ALERTS } else { name.as_str() };
    if sees.is_foreign(metric, &labels) {
        return None;
    }
    if sees.reads_only_own(&rule.read::<String>("query").unwrap_or_default()) {
        return Some(Ownership::Query);
    }
    sees.admits(metric, &labels).then_some(Ownership::Labels)
}

/// The rule as the caller may see it; `None` when it is not theirs.
fn own_rule(rule: &RawObject<'_>, sees: &dyn Visibility) -> Option<String> {
    let ownership = ownership(rule, sees)?;
    let mut text = String::new();
    rule.with(&mut text, |member| match member {
        // With `exclude_alerts` it is null, and stays so.
        "alerts" => rule.read("alerts").map(|alerts| own_alerts(alerts, sees)),
        // What went wrong may quote series that the rule reads outside the scope.
        "lastError" if ownership == Ownership::Labels && rule.read::<String>("lastError").is_some_and(|e| !e.is_empty()) => {
            Some("\"the last evaluation failed; the reason may name series outside your scope\"".to_owned())
        }
        _ => None,
    });
    Some(text)
}

/// The alerts of a rule that is the caller's, but for those that name another tenant.
fn own_alerts(alerts: Vec<&RawValue>, sees: &dyn Visibility) -> String {
    let own: Vec<&str> = alerts.into_iter().map(RawValue::get).filter(|text| is_own_alert(text, true, sees)).collect();
    format!("[{}]", own.join(","))
}

/// `/api/v1/alerts`, made from `/api/v1/rules`: an alert without a tenant's label is known by its rule.
///
/// # Errors
/// When the upstream's answer is not JSON of the expected shape.
pub(super) fn alerts_of_rules(body: &[u8], sees: &dyn Visibility) -> Result<Vec<u8>, UnreadableAnswer> {
    let reply: RawObject<'_> = serde_json::from_slice(body)?;
    let mut own: Vec<&str> = Vec::new();
    for group in groups(&reply)? {
        for rule in rules(&group)? {
            let by_rule = ownership(&rule, sees).is_some();
            let alerts: Vec<&RawValue> = rule.read("alerts").unwrap_or_default();
            own.extend(alerts.into_iter().map(RawValue::get).filter(|text| is_own_alert(text, by_rule, sees)));
        }
    }
    let mut out = String::new();
    reply.with(&mut out, |member| (member == "data").then(|| format!("{{\"alerts\":[{}]}}", own.join(","))));
    Ok(out.into_bytes())
}

/// Whether an alert is the caller's: by its labels, or because its rule is and the labels name nobody else.
fn is_own_alert(alert: &str, by_rule: bool, sees: &dyn Visibility) -> bool {
    labels_of(alert).is_some_and(|labels| sees.admits(ALERTS, &labels) || (by_rule && !sees.is_foreign(ALERTS, &labels)))
}

fn labels_of(alert: &str) -> Option<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Labelled {
        labels: BTreeMap<String, String>,
    }
    serde_json::from_str::<Labelled>(alert).ok().map(|alert| alert.labels)
}

/// A name for a group that tells nothing of groups the caller may not see. Opaque to clients, as Prometheus' own.
fn group_token(file: &str, name: &str) -> String {
    let digest = Sha256::new().chain_update(file).chain_update([0]).chain_update(name).finalize();
    digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sees namespace `a`, and owns queries that say `namespace="a"`.
    struct OnlyA;

    impl Visibility for OnlyA {
        fn admits(&self, _: &str, labels: &BTreeMap<String, String>) -> bool {
            labels.get("namespace").is_some_and(|n| n == "a")
        }

        fn is_foreign(&self, _: &str, labels: &BTreeMap<String, String>) -> bool {
            labels.get("namespace").is_some_and(|n| n != "a")
        }

        fn reads_only_own(&self, query: &str) -> bool {
            query.contains("namespace=\"a\"")
        }
    }

    const RULES: &str = r#"{"status":"success","data":{"groups":[
        {"name":"one","file":"a.yml","rules":[
            {"state":"firing","name":"Own","query":"up{namespace=\"a\"} == 0","labels":{},"alerts":[{"labels":{"alertname":"Own"},"value":"1e+00"},{"labels":{"namespace":"b"}},{"labels":7}],"health":"ok","type":"alerting"},
            {"state":"inactive","name":"Theirs","query":"up{namespace=\"b\"} == 0","labels":{"namespace":"b"},"alerts":[],"health":"ok","type":"alerting"},
            {"name":"odd:up","query":"up{namespace=\"a\"}","labels":["b"],"health":"ok","type":"recording"},
            {"name":"stolen:up","query":"up{namespace=\"a\"}","labels":{"namespace":"b"},"health":"ok","type":"recording"}],"interval":60,"limit":0},
        {"name":"two","file":"b.yml","rules":[{"name":"b:up","query":"up{namespace=\"b\"}","health":"ok","type":"recording"}],"interval":60},
        {"name":"three","file":"c.yml","rules":[{"name":"x:up","query":"sum(up)","labels":{"namespace":"a"},"lastError":"series b","health":"err","type":"recording"},{"name":"Y","query":"sum(up)","labels":{"namespace":"a"},"alerts":null,"type":"alerting"}],"interval":5}]},"warnings":["w"]}"#;

    #[test]
    fn rules_of_the_scope_stay_in_their_bytes() {
        let out = String::from_utf8(filter_rules(RULES.as_bytes(), &Page::default(), &OnlyA).unwrap()).unwrap();
        insta::assert_snapshot!(out, @r#"{"status":"success","data":{"groups":[{"name":"one","file":"a.yml","rules":[{"state":"firing","name":"Own","query":"up{namespace=\"a\"} == 0","labels":{},"alerts":[{"labels":{"alertname":"Own"},"value":"1e+00"}],"health":"ok","type":"alerting"}],"interval":60,"limit":0},{"name":"three","file":"c.yml","rules":[{"name":"x:up","query":"sum(up)","labels":{"namespace":"a"},"lastError":"the last evaluation failed; the reason may name series outside your scope","health":"err","type":"recording"},{"name":"Y","query":"sum(up)","labels":{"namespace":"a"},"alerts":null,"type":"alerting"}],"interval":5}]},"warnings":["w"]}"#);
    }

    #[test]
    fn pages_follow_each_other_over_what_is_left() {
        let page = |limit, token| {
            let out = filter_rules(RULES.as_bytes(), &Page { limit: Some(limit), token }, &OnlyA).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            let names: Vec<String> =
                value["data"]["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap().to_owned()).collect();
            (names, value["data"]["groupNextToken"].as_str().map(str::to_owned))
        };
        let (first, token) = page(1, None);
        assert_eq!((first, token.is_some()), (vec!["one".to_owned()], true));
        assert_eq!(page(1, token), (vec!["three".to_owned()], None));
        assert_eq!(page(5, Some("no such token".to_owned())), (vec![], None));
        assert_eq!(page(usize::MAX, page(1, None).1), (vec!["three".to_owned()], None));
    }

    #[test]
    fn an_alert_is_its_labels_or_else_its_rules() {
        let body = br#"{"status":"success","data":{"groups":[{"name":"g","file":"f","rules":[
            {"type":"alerting","name":"Mine","query":"up{namespace=\"a\"}","labels":{},"alerts":[{"labels":{"namespace":"a"}},{"labels":{"n":"1"}},{"labels":{"namespace":"b"}},{}]},
            {"type":"alerting","name":"Platform","query":"up","labels":{},"alerts":[{"labels":{"namespace":"a","n":"2"}},{"labels":{"n":"3"}},{"labels":{"namespace":"b"}}]},
            {"type":"alerting","name":"Theirs","query":"up{namespace=\"a\"}","labels":{"namespace":"b"},"alerts":[{"labels":{"n":"4"}}]},
            {"type":"recording","name":"up:sum","query":"up{namespace=\"a\"}"}]}]}}"#;
        let out = String::from_utf8(alerts_of_rules(body, &OnlyA).unwrap()).unwrap();
        let own = r#"{"labels":{"namespace":"a"}},{"labels":{"n":"1"}},{"labels":{"namespace":"a","n":"2"}}"#;
        assert_eq!(out, format!(r#"{{"status":"success","data":{{"alerts":[{own}]}}}}"#));
    }

    #[test]
    fn rubbish_is_an_error() {
        for body in ["", "[]", "{\"data\":[]}", "<html>", "{\"data\":{\"groups\":{}}}"] {
            assert!(filter_rules(body.as_bytes(), &Page::default(), &OnlyA).is_err(), "{body}");
        }
    }
}
