//! The corpus again, with a cache that is warm from what others asked: nobody sees what was kept for somebody else, in whatever order
//! they come.

use futures_util::{StreamExt, stream};

use crate::corpus::{Entry, Expect, entries};
use crate::expressions::{When, as_only_a, ask, moments, verb};
use crate::house::{House, house, in_front_of};
use crate::support::{Door, Hecate};

/// Who asks in which order; `alice` is compared each time, `admin` as well.
const ORDERS: [[&str; 6]; 4] = [
    ["admin", "bob", "both", "alice", "admin", "alice"],
    ["alice", "admin", "alice", "bob", "both", "alice"],
    ["bob", "alice", "both", "admin", "alice", "bob"],
    ["both", "bob", "alice", "alice", "admin", "both"],
];

fn door(hecate: &Hecate, name: &'static str) -> Door {
    let token = match name {
        "alice" => "token-alice",
        "bob" => "token-bob",
        "both" => "token-both",
        _ => "token-admin",
    };
    Door::new(name, hecate.url(), Some(token))
}

/// All of one order ask one entry at one time; what was wrong, and how many answers were compared with values.
async fn one(house: &House, doors: &[Door; 6], i: usize, entry: &Entry, when: &When) -> (usize, Vec<String>) {
    let (only_a, mixed) = (house.only_a(), house.mixed());
    let (mut compared, mut wrong) = (0, Vec::new());
    for door in doors {
        match door.name {
            "alice" => {
                let outcome = as_only_a(house, &only_a, door, i, entry, when).await;
                compared += usize::from(outcome.values > 0);
                wrong.extend(outcome.wrong.map(|why| format!("{} {when:?}\n  {why}", outcome.place)));
            }
            "admin" => {
                let got = ask(door, &entry.text(), when, verb(i)).await;
                let want = ask(&mixed, &entry.text(), when, verb(i)).await;
                compared += usize::from(want.values() > 0);
                if !crate::answer::same(&got, &want, entry.is_ordered()) {
                    wrong.push(format!("{} {} {when:?}\n  admin got {}\n  wanted {}", entry.place, entry.text(), got.body, want.body));
                }
            }
            _ => {
                let got = ask(door, &entry.text(), when, verb(i)).await;
                if !matches!(entry.expect, Expect::Refused(_)) && got.status >= 500 {
                    wrong.push(format!("{} {} {when:?}\n  {} got {} {}", entry.place, entry.text(), door.name, got.status, got.body));
                }
            }
        }
    }
    (compared, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_asked_before_changes_nothing() {
    let house = house().await;
    let corpus = entries();
    let mut compared = 0;
    for (number, order) in ORDERS.into_iter().enumerate() {
        // Each order finds a cache in which nothing is.
        let hecate = in_front_of(&house.mixed_url());
        let doors = order.map(|name| door(&hecate, name));
        // Every entry is asked in two orders: in one of them over a window, in the other at a moment.
        let half = corpus.iter().enumerate().filter(|(i, _)| (i + number) % 2 == 0);
        let tasks: Vec<(usize, &Entry, When)> =
            half.map(|(i, entry)| (i, entry, moments(entry.era, house.live_end)[(i / 2 + number / 2) % 2].clone())).collect();
        let outcomes: Vec<(usize, Vec<String>)> =
            stream::iter(&tasks).map(|(i, entry, when)| one(&house, &doors, *i, entry, when)).buffer_unordered(8).collect().await;
        let wrong: Vec<&String> = outcomes.iter().flat_map(|(_, wrong)| wrong).collect();
        assert!(wrong.is_empty(), "order {order:?}: {} are wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
        compared += outcomes.iter().map(|(n, _)| n).sum::<usize>();
        hecate.assert_no_bug();
    }
    println!("{compared} answers with values were compared while others asked the same");
    assert!(compared > 2_500, "only {compared}");
}
