//! Instant queries: every expression at two moments, each twice, and the first once more from a client that takes gzip.

use futures_util::{StreamExt, stream};

use crate::corpus::{Entry, Era};
use crate::expressions::{all, is_for_tenants};
use crate::judge::{Verdict, judge};
use crate::rng::Rng;
use crate::support::{Door, Verb};
use crate::window::{seconds, span};
use crate::world::{Direct, World, enforced, world};

/// What one expression showed: answers, those with values, contradictions, and what is wrong.
type Outcome = (usize, usize, usize, Vec<String>);

/// In whole seconds and in milliseconds, mostly where data are.
fn moment(rng: &mut Rng, era: Era, base: i64) -> i64 {
    let (first, last) = span(era, base);
    let at = first * 1000 + rng.below((last - first + 400) as usize * 1000) as i64;
    if rng.percent(50) { at - at % 1000 } else { at }
}

async fn compare(world: &World, i: usize, entry: &Entry) -> Outcome {
    let mut rng = Rng::new(world.seed + i as u64);
    let door = match rng.below(3) {
        0 if is_for_tenants(entry) => world.alice(),
        1 if is_for_tenants(entry) => world.both(),
        _ => world.admin(),
    };
    let text = entry.text();
    let sent = if door.name == "admin" { text.clone() } else { enforced(&door, &text, None).await };
    let direct = Direct::new(world.prometheus());
    let (first, second) = (moment(&mut rng, entry.era, world.base), moment(&mut rng, entry.era, world.base));
    let mut outcome = (0, 0, 0, Vec::new());
    for (at, accepts) in [(first, "identity"), (second, "identity"), (first, "identity"), (second, "zstd"), (first, "gzip")] {
        let time = seconds(at);
        let want = direct.ask("/api/v1/query", &[("query", &sent), ("time", &time)]).await;
        let asking: Door = door.clone().saying("accept-encoding", accepts);
        let verb = if i.is_multiple_of(2) { Verb::Get } else { Verb::Post };
        let got = asking.ask(verb, "/api/v1/query", &[("query", &text), ("time", &time)]).await;
        outcome.0 += 1;
        outcome.1 += usize::from(want.values() > 0);
        match judge(&got, &want, async || direct.again("/api/v1/query", &[("query", &sent), ("time", &time)]).await).await {
            Verdict::Same => {}
            Verdict::Unsure => outcome.2 += 1,
            Verdict::Wrong(why) => {
                let status = got.header("cache-status");
                outcome.3.push(format!("{} `{text}` at {time} as {}, {accepts}, {status}\n    {why}", entry.place, door.name));
            }
        }
    }
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_moment_has_the_bytes_of_prometheus() {
    let world = world().await;
    let entries = all();
    let outcomes: Vec<Outcome> =
        stream::iter(entries.iter().enumerate()).map(|(i, entry)| compare(&world, i, entry)).buffer_unordered(6).collect().await;
    let compared: usize = outcomes.iter().map(|o| o.0).sum();
    let telling: usize = outcomes.iter().map(|o| o.1).sum();
    let unsure: usize = outcomes.iter().map(|o| o.2).sum();
    println!("{compared} instant answers compared, {telling} with values; Prometheus contradicted itself {unsure} times");
    let wrong: Vec<&str> = outcomes.iter().flat_map(|o| &o.3).map(String::as_str).collect();
    let shown = wrong[..wrong.len().min(25)].join("\n");
    assert!(wrong.is_empty(), "seed {}, base {}: {} of {compared} are wrong:\n{shown}", world.seed, world.base, wrong.len());
    assert_eq!(compared, 5 * entries.len());
    assert!(telling * 10 > compared * 6, "only {telling} of {compared} answers had values");
    assert!(unsure * 10 < compared, "Prometheus contradicted itself {unsure} times of {compared}");
}
