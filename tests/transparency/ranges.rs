//! Range queries: every expression, in a history of requests.

use futures_util::{StreamExt, stream};

use crate::corpus::Entry;
use crate::expressions::{all, is_for_tenants};
use crate::judge::{Verdict, judge};
use crate::rng::Rng;
use crate::scenario::{Ask, STORIES, Story};
use crate::support::{Door, Verb};
use crate::window::Window;
use crate::world::{Direct, World, enforced, is_full, world};

/// Histories at the same time.
const AT_ONCE: usize = 6;

/// One history of one expression by one caller.
struct Chapter<'e> {
    number: u64,
    entry: &'e Entry,
    door: Door,
    title: &'static str,
    story: Story,
}

/// What one history showed.
#[derive(Default)]
struct Outcome {
    compared: usize,
    /// Answers with values.
    telling: usize,
    values: usize,
    /// Answers for which not everything was asked upstream.
    spared: usize,
    unsure: usize,
    wrong: Vec<String>,
}

/// One history for each expression; all of them for all doors in the full run.
fn chapters<'e>(world: &World, entries: &'e [Entry]) -> Vec<Chapter<'e>> {
    let doors = [world.alice(), world.admin(), world.both()];
    let mut rng = Rng::new(world.seed);
    let mut chapters = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let allowed = if is_for_tenants(entry) { &doors[..] } else { &doors[1..2] };
        let (door, story) = (rng.below(allowed.len()), rng.below(STORIES.len()));
        for (d, door_of) in allowed.iter().enumerate() {
            for (s, (title, story_of)) in STORIES.iter().enumerate() {
                if is_full() || (d, s) == (door, story) {
                    let number = world.seed + (1000 * i + 10 * s + d) as u64;
                    chapters.push(Chapter { number, entry, door: door_of.clone(), title, story: *story_of });
                }
            }
        }
    }
    chapters
}

/// Parameters that change the answer come with some of the histories.
fn further(rng: &mut Rng) -> Vec<(&'static str, String)> {
    match rng.below(16) {
        0 => vec![("limit", (1 + rng.below(4)).to_string())],
        1 => vec![("lookback_delta", ["1s", "47s", "20m"][rng.below(3)].to_owned())],
        2 => vec![("timeout", "20s".to_owned())],
        _ => Vec::new(),
    }
}

async fn tell(world: &World, chapter: &Chapter<'_>) -> Outcome {
    let mut rng = Rng::new(chapter.number);
    let window = Window::draw(&mut rng, chapter.entry.era, world.base);
    let asks = (chapter.story)(window, &mut rng);
    let further = further(&mut rng);
    let direct = Direct::new(world.prometheus());
    let mut outcome = Outcome::default();
    for (i, ask) in asks.iter().enumerate() {
        let verb = if (chapter.number as usize + i).is_multiple_of(2) { Verb::Get } else { Verb::Post };
        compare(chapter, ask, &further, verb, &direct, &mut outcome).await;
    }
    outcome
}

async fn compare(chapter: &Chapter<'_>, ask: &Ask, further: &[(&str, String)], verb: Verb, direct: &Direct, outcome: &mut Outcome) {
    let text = chapter.entry.text();
    let sent = if chapter.door.name == "admin" { text.clone() } else { enforced(&chapter.door, &text, Some(ask.window)).await };
    let window = ask.window.params();
    let rest = window.iter().chain(further).map(|(name, value)| (*name, value.as_str()));
    let ours: Vec<_> = rest.clone().chain([("query", text.as_str())]).collect();
    let theirs: Vec<_> = rest.chain([("query", sent.as_str())]).collect();
    let want = direct.ask("/api/v1/query_range", &theirs).await;
    let got = chapter.door.clone().saying("accept-encoding", ask.accepts).ask(verb, "/api/v1/query_range", &ours).await;
    outcome.compared += 1;
    outcome.values += want.values();
    outcome.telling += usize::from(want.values() > 0);
    let status = got.header("cache-status");
    outcome.spared += usize::from(status.contains("; hit") || status.contains("fwd=partial"));
    match judge(&got, &want, async || direct.again("/api/v1/query_range", &theirs).await).await {
        Verdict::Same => {}
        Verdict::Unsure => outcome.unsure += 1,
        Verdict::Wrong(why) => outcome.wrong.push(format!(
            "{} `{text}`\n  sent as `{sent}`\n  {} {further:?} as {}, history {} of number {}, {}, {status}\n    {why}",
            chapter.entry.place, ask.window, chapter.door.name, chapter.title, chapter.number, ask.state,
        )),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_history_of_requests_has_the_bytes_of_prometheus() {
    let world = world().await;
    let entries = all();
    let chapters = chapters(&world, &entries);
    let outcomes: Vec<Outcome> = stream::iter(&chapters).map(|chapter| tell(&world, chapter)).buffer_unordered(AT_ONCE).collect().await;
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let (compared, telling, unsure, spared) = (sum(|o| o.compared), sum(|o| o.telling), sum(|o| o.unsure), sum(|o| o.spared));
    println!(
        "{} histories, {compared} answers compared, {telling} of them with values ({} in all), {spared} not or not all asked upstream; \
         Prometheus contradicted itself {unsure} times",
        chapters.len(),
        sum(|o| o.values),
    );
    let wrong: Vec<&str> = outcomes.iter().flat_map(|o| &o.wrong).map(String::as_str).collect();
    let shown = wrong[..wrong.len().min(25)].join("\n");
    assert!(wrong.is_empty(), "seed {}, base {}: {} of {compared} answers are wrong:\n{shown}", world.seed, world.base, wrong.len());
    assert!(compared > 6 * entries.len() - 200, "only {compared} answers were compared");
    assert!(telling * 10 > compared * 6, "only {telling} of {compared} answers had values");
    assert!(unsure * 50 < compared, "Prometheus contradicted itself {unsure} times of {compared}");
    assert!(spared * 3 > compared, "only {spared} of {compared} answers came from the cache or in part");
    // Hecate itself compares some of its hits with Prometheus.
    let checks = async |result: &str| world.hecate().metric(&format!("hecate_cache_self_checks_total{{result=\"{result}\"}}")).await;
    assert_eq!(checks("different").await, 0.0);
    assert!(checks("equal").await >= 10.0, "only {} hits checked themselves", checks("equal").await);
    world.hecate().assert_no_bug();
}
