//! One works, the others wait: however many there are, whoever dies, however slow they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hecate::cache::{Budget, Claim, Follow, Followed, Lease, Published};

use crate::control::{names, run};
use crate::server::{PATIENT, Replica, Server, TTL, eventually, key};

const WHAT: u64 = 42;

async fn claim(replica: &Replica, text: &str) -> Claim {
    replica.remote.claim(&key(text), WHAT, &mut Budget::new(PATIENT)).await
}

pub async fn lead(replica: &Replica, text: &str) -> Lease {
    match claim(replica, text).await {
        Claim::Lead(lease) => lease,
        other => panic!("{other:?}"),
    }
}

pub async fn follow(replica: &Replica, text: &str) -> Follow {
    match claim(replica, text).await {
        Claim::Follow(follow) => follow,
        other => panic!("{other:?}"),
    }
}

pub fn parts(payload: &'static [u8]) -> Vec<(i64, Bytes)> {
    vec![(0, Bytes::from_static(payload))]
}

/// A follower on one replica hears of a publication on another within milliseconds, long before its lease could have run out.
pub async fn a_follower_is_woken(leader: &Replica, follower: &Replica) {
    let lease = lead(leader, "woken").await;
    let waiting = follow(follower, "woken").await;
    let wait = tokio::spawn(async move { (waiting.wait(Duration::from_secs(4)).await, Instant::now()) });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    assert_eq!(lease.publish(parts(b"answer"), TTL).await, Published::Done);
    let (followed, woken) = wait.await.unwrap();
    assert_eq!(followed, Followed::Published);
    assert!(woken - started < Duration::from_millis(500), "{:?}", woken - started);
    assert_eq!(follower.get(&key("woken"), 0).await.as_deref(), Some(&b"answer"[..]));
}

#[tokio::test]
async fn followers_are_woken_on_every_replica() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    a_follower_is_woken(&one, &other).await;
    assert_eq!(names(&server, "*:l:*"), Vec::<String>::new(), "the lease was given back");
}

#[tokio::test]
async fn failing_and_dropping_wake_at_once() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    for fails in [true, false] {
        let lease = lead(&one, "up").await;
        let waiting = follow(&other, "up").await;
        let started = Instant::now();
        if fails {
            lease.fail().await
        } else {
            drop(lease)
        }
        assert_eq!(waiting.wait(Duration::from_secs(4)).await, Followed::Failed);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    lead(&other, "up").await.fail().await;
}

#[tokio::test]
async fn a_word_between_claim_and_wait_is_heard() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let lease = lead(&replica, "up").await;
    let waiting = follow(&replica, "up").await;
    assert_eq!(lease.publish(parts(b"x"), TTL).await, Published::Done);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert_eq!(waiting.wait(Duration::from_secs(4)).await, Followed::Published);
    assert!(started.elapsed() < Duration::from_millis(100));
    let late = lead(&replica, "up").await;
    assert!(late.is_after_publication(), "who comes late knows to look again");
    late.fail().await;
    let other = replica.remote.claim(&key("up"), WHAT + 1, &mut Budget::new(PATIENT)).await;
    assert!(matches!(other, Claim::Lead(lease) if !lease.is_after_publication()), "other work on the same key is another lease");
}

/// What the engine does: read, claim, work or wait, read again.
async fn ask(replica: &Replica, works: &AtomicUsize) -> Bytes {
    loop {
        if let Some(found) = replica.get(&key("crowd"), 0).await {
            return found;
        }
        match claim(replica, "crowd").await {
            Claim::Lead(lease) => {
                if lease.is_after_publication() {
                    lease.fail().await;
                    continue;
                }
                works.fetch_add(1, SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert_eq!(lease.publish(parts(b"answer"), TTL).await, Published::Done);
            }
            Claim::Follow(follow) => {
                follow.wait(Duration::from_secs(10)).await;
            }
            Claim::Alone => panic!("Redis is there"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_askers_on_three_replicas_work_once() {
    let server = Server::start(&[]).await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Arc::new(Replica::connected(&server.settings()).await));
    }
    let works = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let ask = |number: usize| {
        let (replica, works) = (replicas[number % 3].clone(), works.clone());
        tokio::spawn(async move { ask(&replica, &works).await })
    };
    let asked: Vec<_> = (0..600).map(ask).collect();
    for asker in asked {
        assert_eq!(asker.await.unwrap(), "answer");
    }
    assert_eq!(works.load(SeqCst), 1);
    println!("600 askers, 100 ms of work: all answered after {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_dies_is_replaced_within_its_ttl() {
    let server = Server::start(&[]).await;
    let ttl = Duration::from_millis(900);
    // The first replica dies: its runtime ends with everything that would renew.
    let settings = server.settings();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut replica = Replica::connected(&settings).await;
            replica.remote = replica.remote.with_lease_ttl(ttl);
            std::mem::forget(lead(&replica, "crowd").await);
            std::mem::forget(replica);
        });
        runtime.shutdown_background();
    })
    .join()
    .unwrap();
    let started = Instant::now();
    let replica = Arc::new(Replica::connected(&server.settings()).await);
    let works = Arc::new(AtomicUsize::new(0));
    let ask = |_| {
        let (replica, works) = (replica.clone(), works.clone());
        tokio::spawn(async move { ask(&replica, &works).await })
    };
    for asker in (0..50).map(ask).collect::<Vec<_>>() {
        assert_eq!(asker.await.unwrap(), "answer");
    }
    assert_eq!(works.load(SeqCst), 1);
    assert!((ttl / 2..ttl + Duration::from_secs(2)).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn work_longer_than_the_ttl_is_renewed() {
    let server = Server::start(&[]).await;
    let (mut one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    one.remote = one.remote.with_lease_ttl(Duration::from_millis(300));
    let lease = lead(&one, "up").await;
    let waiting = follow(&other, "up").await;
    let wait = tokio::spawn(waiting.wait(Duration::from_secs(10)));
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!lease.is_lost() && !wait.is_finished(), "four lifetimes later it is still ours, and still waited for");
    assert_eq!(lease.publish(parts(b"late but right"), TTL).await, Published::Done);
    assert_eq!(wait.await.unwrap(), Followed::Published);
    assert!(one.operations("renew", "ok") >= 3.0);
}

#[tokio::test]
async fn a_slow_leader_is_fenced_off() {
    let server = Server::start(&[]).await;
    let (mut one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    one.remote = one.remote.with_lease_ttl(Duration::from_millis(300));
    let slow = lead(&one, "up").await;
    // As if its renewals had come too late.
    run::<i64>(&server, &format!("DEL {}", names(&server, "*:l:*")[0]));
    let quick = lead(&other, "up").await;
    assert_eq!(quick.publish(parts(b"new"), TTL).await, Published::Done);
    eventually("the slow one learns of it", async || slow.is_lost().then_some(())).await;
    assert_eq!(slow.publish(parts(b"old"), TTL).await, Published::Fenced);
    assert_eq!(other.get(&key("up"), 0).await.as_deref(), Some(&b"new"[..]));
    // Nor does it wake anybody, or give back what is another's.
    let third = lead(&other, "up").await;
    let fenced = lead(&one, "down").await;
    run::<i64>(&server, &format!("DEL hecate:{{{}}}:l:2a", key("down").digest()));
    let holder = lead(&other, "down").await;
    fenced.fail().await;
    assert!(matches!(claim(&one, "down").await, Claim::Follow(_)), "another's lease is not given back");
    drop((third, holder));
}

#[tokio::test]
async fn waiting_ends_with_its_bound() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    let lease = lead(&replica, "up").await;
    let waiting = follow(&replica, "up").await;
    let started = Instant::now();
    assert_eq!(waiting.wait(Duration::from_millis(200)).await, Followed::Gone);
    assert!((200..700).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    lease.fail().await;
}

#[tokio::test]
async fn whoever_stops_asking_leaves_no_lease_behind() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    server.signal("STOP");
    let claimed = replica.remote.claim(&key("up"), WHAT, &mut Budget::new(Duration::from_millis(20))).await;
    assert!(matches!(claimed, Claim::Alone));
    server.signal("CONT");
    // The claim was granted after nobody waited for it any more.
    eventually("the lease is given back", async || {
        let released = replica.operations("release", "ok") >= 1.0;
        (released && names(&server, "*:l:*").is_empty()).then_some(())
    })
    .await;
    lead(&replica, "up").await.fail().await;
}

#[tokio::test]
async fn followers_do_not_wait_for_a_subscription_that_is_cut() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    let lease = lead(&one, "up").await;
    let waiting = follow(&other, "up").await;
    let wait = tokio::spawn(waiting.wait(Duration::from_secs(4)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    run::<i64>(&server, "CLIENT KILL TYPE pubsub");
    assert_eq!(lease.publish(parts(b"x"), TTL).await, Published::Done);
    assert!(matches!(wait.await.unwrap(), Followed::Published | Followed::Gone));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}
