//! The corpus, at one moment and over a window.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use crate::answer::same;
use crate::corpus::{Entry, Era, Expect, entries};
use crate::functions::{aggregations, calls, functions};
use crate::history::START;
use crate::house::{House, house};
use crate::support::{Door, Reply, Verb};

/// Entries that are allowed to answer nothing on both sides.
const MOST_EMPTY: usize = 85;
/// Requests at the same time.
const AT_ONCE: usize = 8;

/// When to evaluate: a moment, or start and end of a window with its step.
#[derive(Clone, Debug)]
pub enum When {
    Instant(String),
    Range(String, String),
}

pub fn moments(era: Era, live_end: i64) -> [When; 2] {
    let (at, start, end) = match era {
        Era::History => (START + 2100, START + 1200, START + 3300),
        Era::Live => (live_end, live_end - 180, live_end),
    };
    [When::Instant(at.to_string()), When::Range(start.to_string(), end.to_string())]
}

pub async fn ask(door: &Door, text: &str, when: &When, verb: Verb) -> Reply {
    match when {
        When::Instant(at) => door.ask(verb, "/api/v1/query", &[("query", text), ("time", at)]).await,
        When::Range(start, end) => {
            door.ask(verb, "/api/v1/query_range", &[("query", text), ("start", start), ("end", end), ("step", "60")]).await
        }
    }
}

/// What became of one entry at one time.
pub struct Outcome {
    pub place: String,
    pub values: usize,
    pub wrong: Option<String>,
}

fn outcome(entry: &Entry, values: usize, wrong: Option<String>) -> Outcome {
    Outcome { place: format!("{} {}", entry.place, entry.text()), values, wrong }
}

/// Verbs take turns, so that forms and URLs are read alike.
pub fn verb(i: usize) -> Verb {
    if i.is_multiple_of(2) { Verb::Get } else { Verb::Post }
}

/// Runs `check` on every entry at both times; the outcomes in the order of the corpus.
async fn each<F: AsyncFn(usize, &Entry, &When) -> Outcome>(house: &House, some: &[Entry], check: F) -> Vec<Outcome> {
    let tasks: Vec<(usize, &Entry, When)> =
        some.iter().enumerate().flat_map(|(i, e)| moments(e.era, house.live_end).map(|when| (i, e, when))).collect();
    let check = &check;
    stream::iter(&tasks).map(|(i, entry, when)| check(*i, entry, when)).buffered(AT_ONCE).collect().await
}

fn assert_all_right(what: &str, outcomes: &[Outcome]) -> usize {
    let wrong: Vec<String> = outcomes.iter().filter_map(|o| o.wrong.as_ref().map(|why| format!("{}\n  {why}", o.place))).collect();
    assert!(wrong.is_empty(), "{what}: {} of {} are wrong:\n{}", wrong.len(), outcomes.len(), wrong.join("\n"));
    outcomes.iter().map(|o| o.values).sum()
}

/// Compares one door to the Prometheus of `a`.
pub async fn as_only_a(house: &House, only_a: &Door, door: &Door, i: usize, entry: &Entry, when: &When) -> Outcome {
    let got = ask(door, &entry.text(), when, verb(i)).await;
    if let Expect::Refused(text) = &entry.expect {
        let right = got.status == 403 && got.json()["errorType"] == "forbidden" && got.body.contains(text.as_str());
        return outcome(entry, 0, (!right).then(|| format!("{} should have been refused: {} {}", door.name, got.status, cut(&got.body))));
    }
    let want = by_only_a(house, only_a, entry, when).await;
    if !same(&got, &want, entry.is_ordered()) {
        let text = format!("{} got  {} {}\n  wanted {} {}", door.name, got.status, cut(&got.body), want.status, cut(&want.body));
        return outcome(entry, 0, Some(text));
    }
    let fails = entry.expect == Expect::Error || entry.is_string() && matches!(when, When::Range(..));
    if (got.status == 200) == fails {
        return outcome(entry, 0, Some(format!("status {}: {}", got.status, cut(&got.body))));
    }
    outcome(entry, if got.status == 200 { got.values() } else { 0 }, None)
}

async fn by_only_a(house: &House, only_a: &Door, entry: &Entry, when: &When) -> Reply {
    let key = format!("{} {when:?}", entry.text_for_only_a());
    let known = house.known.lock().unwrap().get(&key).cloned();
    match known {
        Some(reply) => reply,
        None => {
            let reply = ask(only_a, &entry.text_for_only_a(), when, Verb::Post).await;
            house.known.lock().unwrap().insert(key, reply.clone());
            reply
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(700).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_sees_what_would_be_there_without_the_others() {
    let house = house().await;
    let corpus = entries();
    let (alice, only_a) = (house.alice(), house.only_a());
    let outcomes = each(&house, &corpus, async |i, entry, when| as_only_a(&house, &only_a, &alice, i, entry, when).await).await;
    let compared = assert_all_right("alice", &outcomes);
    only_what_answers_counts(&corpus, &outcomes);
    every_function_answers(&corpus, &outcomes);
    let marked = |what: &Expect| corpus.iter().filter(|e| std::mem::discriminant(&e.expect) == std::mem::discriminant(what)).count();
    println!(
        "{} entries, {compared} values compared; {} empty, {} refused, {} errors",
        corpus.len(),
        marked(&Expect::Empty),
        marked(&Expect::Refused(String::new())),
        marked(&Expect::Error)
    );
}

/// Both times of one entry together: entries and their values.
fn by_entry<'c>(corpus: &'c [Entry], outcomes: &[Outcome]) -> Vec<(&'c Entry, usize)> {
    corpus.iter().zip(outcomes.chunks(2)).map(|(entry, both)| (entry, both.iter().map(|o| o.values).sum())).collect()
}

fn only_what_answers_counts(corpus: &[Entry], outcomes: &[Outcome]) {
    let all = by_entry(corpus, outcomes);
    let expected_empty = all.iter().filter(|(entry, _)| entry.expect == Expect::Empty).count();
    let silent: Vec<&str> = all.iter().filter(|(e, n)| e.expect == Expect::Same && *n == 0).map(|(e, _)| e.place.as_str()).collect();
    let loud: Vec<&str> = all.iter().filter(|(e, n)| e.expect == Expect::Empty && *n > 0).map(|(e, _)| e.place.as_str()).collect();
    assert!(silent.is_empty(), "these answer nothing on both sides, and so prove nothing: {silent:?}");
    assert!(loud.is_empty(), "these were to answer nothing: {loud:?}");
    assert!(expected_empty <= MOST_EMPTY, "{expected_empty} entries are marked as empty, more than {MOST_EMPTY}");
    let telling = all.iter().filter(|(_, n)| *n > 0).count();
    assert!(telling >= 400, "only {telling} entries have values");
    let mut texts = BTreeSet::new();
    let twice: Vec<&str> =
        corpus.iter().filter(|e| !texts.insert(format!("{:?} {}", e.era, e.text_for_only_a()))).map(|e| e.place.as_str()).collect();
    assert!(twice.is_empty(), "these stand there twice: {twice:?}");
}

fn every_function_answers(corpus: &[Entry], outcomes: &[Outcome]) {
    let telling: Vec<String> = by_entry(corpus, outcomes).iter().filter(|(_, n)| *n > 0).map(|(e, _)| e.text()).collect();
    let missing: Vec<String> =
        functions().into_iter().chain(aggregations()).filter(|name| !telling.iter().any(|text| calls(text, name))).collect();
    assert!(missing.is_empty(), "no entry with values for {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_scope_sees_the_very_bytes_of_prometheus() {
    let house = house().await;
    let (admin, mixed) = (house.admin(), house.mixed());
    let outcomes = each(&house, &entries(), async |i, entry, when| {
        let got = ask(&admin, &entry.text(), when, verb(i)).await;
        let want = ask(&mixed, &entry.text(), when, Verb::Post).await;
        let mut right = want.status == got.status && (got.status != 200 || got.data_bytes() == want.data_bytes());
        // Some vectors come in another order each time: then Prometheus contradicts itself, or gives ours, too.
        for _ in 0..100 {
            if right || !same(&got, &want, entry.is_ordered()) {
                break;
            }
            let again = ask(&mixed, &entry.text(), when, Verb::Post).await;
            right = again.data_bytes() == got.data_bytes() || again.data_bytes() != want.data_bytes();
        }
        let wrong = (!right).then(|| format!("got  {} {}\n  wanted {} {}", got.status, cut(&got.body), want.status, cut(&want.body)));
        outcome(entry, if got.status == 200 { got.values() } else { 0 }, wrong)
    })
    .await;
    assert!(assert_all_right("admin", &outcomes) > 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn narrowing_leaves_what_the_tenant_would_see() {
    let house = house().await;
    let (doors, only_a) = (house.narrowed(), house.only_a());
    let corpus = entries();
    let outcomes = each(&house, &corpus, async |i, entry, when| {
        let door = match when {
            // The whole corpus through /ns/a/, and through the other ways in turns.
            When::Instant(_) => &doors[0],
            When::Range(..) => &doors[i % doors.len()],
        };
        as_only_a(&house, &only_a, door, i, entry, when).await
    })
    .await;
    assert!(assert_all_right("narrowed", &outcomes) > 10_000);
}

/// With `a` and `b` in scope, a selector says what a list of both says to cluster-wide scope.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_namespaces_are_the_union_of_both() {
    let house = house().await;
    let (both, mixed) = (house.both(), house.mixed());
    let mut compared = 0;
    for (text, explicit) in [
        ("requests_total", r#"requests_total{namespace=~"a|b"}"#),
        ("requests_total{namespace=~\".+\"}", r#"requests_total{namespace=~"a|b"}"#),
        ("requests_total{namespace!=\"a\"}", r#"requests_total{namespace="b"}"#),
        ("requests_total{namespace=\"b\"}", r#"requests_total{namespace="b"}"#),
        ("sum by (namespace) (rate(memory_bytes[5m]))", r#"sum by (namespace) (rate(memory_bytes{namespace=~"a|b"}[5m]))"#),
        ("topk(3, requests_total)", r#"topk(3, requests_total{namespace=~"a|b"})"#),
        ("DCGM_FI_DEV_GPU_UTIL", r#"DCGM_FI_DEV_GPU_UTIL{exported_namespace=~"a|b"}"#),
        ("only_a or only_b", "only_a or only_b"),
        ("{\"http.requests\"}", r#"{"http.requests", namespace=~"a|b"}"#),
        ("count(target_info)", r#"count(target_info{namespace=~"a|b"})"#),
        ("absent(nothing)", "absent(nothing)"),
        ("absent(requests_total{namespace=\"aa\"})", "absent(nothing{namespace=\"aa\"})"),
        ("live_size_bytes", r#"live_size_bytes{namespace=~"a|b"}"#),
        ("kube_pod_info", r#"kube_pod_info{namespace=~"a|b"}"#),
    ] {
        let era = if text.starts_with("live") || text.starts_with("kube") { Era::Live } else { Era::History };
        for when in moments(era, house.live_end) {
            let got = ask(&both, text, &when, Verb::Get).await;
            let want = ask(&mixed, explicit, &when, Verb::Get).await;
            assert!(same(&got, &want, false), "{text}: got {} wanted {}", got.body, want.body);
            assert!(got.values() > 0, "{text}");
            compared += got.values();
        }
    }
    assert!(compared > 500);
}

/// Parameters that change how an answer is made, and what it says of the work: samples of others are not counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_of_a_query() {
    let house = house().await;
    let (alice, only_a) = (house.alice(), house.only_a());
    let time = (START + 2100).to_string();
    let end = (START + 2700).to_string();
    for text in ["requests_total", "sum(rate(requests_total[5m]))", "batch_job", r#"{__name__=~"memory.*"}"#] {
        for (name, value) in [("limit", "1"), ("limit", "3"), ("lookback_delta", "1s"), ("lookback_delta", "20m"), ("timeout", "10s")] {
            for verb in [Verb::Get, Verb::Post] {
                let instant = [("query", text), ("time", time.as_str()), (name, value)];
                let range = [("query", text), ("start", time.as_str()), ("end", end.as_str()), ("step", "90"), (name, value)];
                for (path, params) in [("/api/v1/query", &instant[..]), ("/api/v1/query_range", &range)] {
                    let (got, want) = (alice.ask(verb, path, params).await, only_a.ask(verb, path, params).await);
                    assert!(same(&got, &want, false), "{text} {name}={value}: got {} wanted {}", got.body, want.body);
                }
            }
        }
        for stats in ["true", "all"] {
            let params = [("query", text), ("start", time.as_str()), ("end", end.as_str()), ("step", "90"), ("stats", stats)];
            let samples = async |door: &Door| door.get("/api/v1/query_range", &params).await.data()["stats"]["samples"].take();
            let got = samples(&alice).await;
            assert!(got["totalQueryableSamples"].as_i64() > Some(0), "{got}");
            assert_eq!(got, samples(&only_a).await, "{text}");
        }
    }
}

/// The comparison notices when somebody else's data comes back: as `b`, the same questions have other answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_comparison_can_fail() {
    let house = house().await;
    let (bob, only_a) = (house.bob(), house.only_a());
    let slice: Vec<Entry> = entries().into_iter().filter(|e| e.expect == Expect::Same).step_by(5).collect();
    let outcomes = each(&house, &slice, async |i, entry, when| as_only_a(&house, &only_a, &bob, i, entry, when).await).await;
    let different = outcomes.iter().filter(|o| o.wrong.is_some()).count();
    assert!(different * 10 > outcomes.len() * 8, "only {different} of {} differ", outcomes.len());
}
