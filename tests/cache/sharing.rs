//! Whose answers are the same, and whose never are.

use crate::house::{House, Plan};

/// The key has no user in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_rights_share_one_entry() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    house.check(&house.user("alice"), "live_temperature", r#"live_temperature{namespace="a"}"#, window).await;
    assert_eq!(house.points(), 61);
    house.check(&house.user("alia"), "live_temperature", r#"live_temperature{namespace="a"}"#, window).await;
    assert_eq!(house.points(), 0);
}

/// People with other rights who look at the same namespace: the selector lies inside both scopes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selector_inside_both_scopes_is_one_entry() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    let text = r#"live_temperature{namespace="a"}"#;
    house.check(&house.user("both"), text, text, window).await;
    assert_eq!(house.points(), 61);
    house.check(&house.user("alice"), text, text, window).await;
    assert_eq!(house.points(), 0);
}

/// In every order, so that each finds the cache warm from each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_rights_never_share() {
    let people = [
        ("alice", r#"live_temperature{namespace="a"}"#),
        ("bob", r#"live_temperature{namespace="b"}"#),
        ("both", r#"live_temperature{namespace=~"a|b"}"#),
        ("admin", "live_temperature"),
    ];
    for first in 0..people.len() {
        let house = House::start(Plan::default()).await;
        let end = house.settled();
        let window = (end - 900, end, "15");
        for round in 0..2 {
            for i in 0..people.len() {
                let (name, enforced) = people[(first + i) % people.len()];
                house.check(&house.user(name), "live_temperature", enforced, window).await;
                assert_eq!(house.points(), if round == 0 { 61 } else { 0 }, "{name}");
            }
        }
    }
}

/// Narrowed rights are other rights: the same person under one namespace does not see what was kept for both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn narrowed_is_not_wide() {
    let house = House::start(Plan::default()).await;
    let end = house.settled();
    let window = (end - 900, end, "15");
    house.check(&house.user("both"), "live_temperature", r#"live_temperature{namespace=~"a|b"}"#, window).await;
    house.points();
    for door in [
        house.user("both").under("under /ns/a", "/ns/a"),
        house.user("both").narrowed("with ?namespace=a", "a"),
        house.user("both").with_header("with the header", "a"),
        house.user("alice"),
    ] {
        house.check(&door, "live_temperature", r#"live_temperature{namespace="a"}"#, window).await;
    }
    // All four have the rights of alice, so that three of them find what the first brought.
    assert_eq!(house.points(), 61);
}
