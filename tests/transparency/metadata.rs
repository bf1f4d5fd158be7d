//! Series, labels, label values and exemplars: with and without `match[]`, `limit` and times, asked again and in every order.

use crate::data;
use crate::history;
use crate::rng::Rng;
use crate::support::{Door, Verb, difference};
use crate::world::world;

const SELECTORS: [&str; 8] = [
    "live_temperature",
    r#"{__name__=~"part_.*"}"#,
    r#"wide{shard=~"s-1.*"}"#,
    r#"{"http.live"}"#,
    "live_size_bytes",
    "nothing",
    "requests_total",
    r#"{namespace="a",pod="web-0"}"#,
];
const LABELS: [&str; 8] = ["namespace", "__name__", "pod", "shard", "le", "host.name", "U__host_2e_name", "nothing"];

/// One question, but for the verb.
struct Question {
    path: String,
    params: Vec<(&'static str, String)>,
}

/// Windows around the data, some of them the same but for some seconds: a cache that rounds them has to round outward and yet answer
/// what Prometheus answers.
fn times(rng: &mut Rng, base: i64) -> Vec<(&'static str, String)> {
    let (from, to) = match rng.below(4) {
        0 => return Vec::new(),
        1 => (history::START, history::START + 3600),
        2 => (base - data::BACK + rng.below(4000) as i64, base - rng.below(4000) as i64),
        _ => (base - 600 - rng.below(90) as i64, base + rng.below(90) as i64),
    };
    vec![("start", from.to_string()), ("end", to.to_string())]
}

fn question(rng: &mut Rng, base: i64) -> Question {
    let mut params = times(rng, base);
    if rng.percent(40) {
        params.push(("limit", (1 + rng.below(12)).to_string()));
    }
    let selectors = rng.below(3);
    let path = match rng.below(4) {
        0 => "/api/v1/series".to_owned(),
        1 => "/api/v1/labels".to_owned(),
        _ => format!("/api/v1/label/{}/values", LABELS[rng.below(LABELS.len())]),
    };
    // Series without a selector are an error, which `wrong.rs` compares.
    for _ in 0..if path.ends_with("series") { selectors + 1 } else { selectors } {
        params.push(("match[]", SELECTORS[rng.below(SELECTORS.len())].to_owned()));
    }
    Question { path, params }
}

async fn ask(door: &Door, verb: Verb, question: &Question) -> crate::support::Reply {
    let params: Vec<_> = question.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    door.ask(verb, &question.path, &params).await
}

/// Without `start` and `end`, all that is stored is meant, which does not change here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_the_bytes_of_prometheus_whatever_was_asked_before() {
    let world = world().await;
    let (admin, direct) = (world.admin(), world.prometheus());
    let mut rng = Rng::new(world.seed);
    let questions: Vec<Question> = (0..250).map(|_| question(&mut rng, world.base)).collect();
    let mut wants = Vec::new();
    for question in &questions {
        wants.push(ask(&direct, Verb::Get, question).await);
    }
    let mut telling = 0;
    let mut wrong = Vec::new();
    for round in 0..4 {
        for i in 0..questions.len() {
            // There, back, and in leaps.
            let i = [i, questions.len() - 1 - i, (i * 7 + 3) % questions.len(), i][round];
            let (question, want) = (&questions[i], &wants[i]);
            let accepts = ["identity", "gzip", "zstd", "identity"][round];
            let is_values = question.path.contains("/label/");
            let verb = if round % 2 == 0 || is_values { Verb::Get } else { Verb::Post };
            let got = ask(&admin.clone().saying("accept-encoding", accepts), verb, question).await;
            telling += usize::from(want.data_bytes().len() > 2);
            if let Some(why) = difference(&got, want) {
                wrong.push(format!("{} {:?}, round {round}, {}\n    {why}", question.path, question.params, got.header("cache-status")));
            }
        }
    }
    assert!(wrong.is_empty(), "seed {}: {} are wrong:\n{}", world.seed, wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(telling > 600, "only {telling} of 1000 lists had something in them");
    println!("1000 lists compared, {telling} with something in them");
}

/// A tenant's lists are those that Prometheus gives for the tenant's selector.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_a_tenant_do_not_change_with_what_others_asked() {
    let world = world().await;
    let (alice, admin, both, direct) = (world.alice(), world.admin(), world.both(), world.prometheus());
    let end = (world.base + data::AHEAD).to_string();
    let start = (world.base - data::BACK).to_string();
    let mut compared = 0;
    for (theirs, enforced) in [
        ("live_temperature", r#"live_temperature{namespace="a"}"#),
        (r#"wide{shard=~"s-1.*"}"#, r#"wide{namespace="a",shard=~"s-1.*"}"#),
        (r#"{"http.live"}"#, r#"{"http.live",namespace="a"}"#),
        ("part_one_total", r#"part_one_total{namespace="a"}"#),
    ] {
        for path in ["/api/v1/series", "/api/v1/labels", "/api/v1/label/namespace/values", "/api/v1/label/pod/values"] {
            for limit in ["0", "1", "3"] {
                let of = |selector| [("match[]", selector), ("start", start.as_str()), ("end", end.as_str()), ("limit", limit)];
                let want = direct.get(path, &of(enforced)).await;
                for _ in 0..2 {
                    // Those with other rights first, so that their answers lie in the cache.
                    assert_eq!(admin.get(path, &of(theirs)).await.status, 200);
                    assert_eq!(both.get(path, &of(theirs)).await.status, 200);
                    let got = alice.get(path, &of(theirs)).await;
                    assert_eq!(difference(&got, &want), None, "{path} {theirs} limit={limit} {}", got.header("cache-status"));
                    compared += usize::from(want.data_bytes().len() > 2);
                }
            }
        }
    }
    assert!(compared > 60, "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars_have_the_bytes_of_prometheus() {
    let world = world().await;
    let (admin, alice, direct) = (world.admin(), world.alice(), world.prometheus());
    let mut told = 0;
    for back in [9_000, 3_600, 3_601, 600, 60, 0] {
        for (ours, enforced) in [
            ("live_requests_total", r#"live_requests_total{namespace="a"}"#),
            ("rate(live_requests_total[5m])", r#"rate(live_requests_total{namespace="a"}[5m])"#),
            ("live_temperature", r#"live_temperature{namespace="a"}"#),
        ] {
            let (start, end) = ((world.base - back).to_string(), (world.base - back / 3).to_string());
            let of = |text| [("query", text), ("start", start.as_str()), ("end", end.as_str())];
            let path = "/api/v1/query_exemplars";
            for (door, text) in [(&admin, ours), (&alice, enforced), (&admin, ours), (&alice, enforced)] {
                let want = direct.get(path, &of(text)).await;
                let got = door.get(path, &of(ours)).await;
                assert_eq!(difference(&got, &want), None, "{ours} {start} {end} as {}", door.name);
                told += want.body.matches("trace_id").count();
            }
        }
    }
    assert!(told > 500, "only {told} exemplars");
}
