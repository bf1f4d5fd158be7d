//! Notices: heard by all, also by those who come later.

use std::time::Duration;

use bytes::Bytes;
use hecate::cache::NoticeError;
use tokio::sync::broadcast::Receiver;

use crate::control::run;
use crate::server::{Replica, Server, eventually};

const KEEP: Duration = Duration::from_secs(60);

/// The next notice, within two seconds.
async fn next(notices: &mut Receiver<(i64, Bytes)>) -> (i64, Bytes) {
    tokio::time::timeout(Duration::from_secs(2), notices.recv()).await.expect("a notice").unwrap()
}

/// What one posts both hear.
pub async fn are_heard(one: &Replica, other: &Replica) {
    let (mut here, mut there) = (one.remote.notices(), other.remote.notices());
    one.remote.post(Bytes::from_static(b"drop: up\0"), KEEP).await.unwrap();
    let (heard_here, heard_there) = (next(&mut here).await, next(&mut there).await);
    assert_eq!(heard_here, heard_there);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert!(heard_here.1 == "drop: up\0" && (now - 5000..=now + 5000).contains(&heard_here.0), "{heard_here:?}");
}

#[tokio::test]
async fn all_replicas_hear_and_latecomers_too() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    are_heard(&one, &other).await;
    one.remote.post(Bytes::from_static(b"short"), Duration::from_millis(50)).await.unwrap();
    one.remote.post(Bytes::from_static(b"second"), KEEP).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let late = Replica::new(&server.settings());
    let mut notices = late.remote.notices();
    assert_eq!(next(&mut notices).await.1, "drop: up\0");
    assert_eq!(next(&mut notices).await.1, "second", "what has ended is not told");
    assert!(notices.try_recv().is_err());
}

#[tokio::test]
async fn what_was_posted_while_away_is_told_on_return() {
    let server = Server::start(&[]).await;
    let (one, other) = (Replica::connected(&server.settings()).await, Replica::connected(&server.settings()).await);
    let mut notices = other.remote.notices();
    // The posting replica has other kinds of connections; only subscriptions are cut.
    run::<i64>(&server, "CLIENT KILL TYPE pubsub");
    one.remote.post(Bytes::from_static(b"while away"), KEEP).await.unwrap();
    assert_eq!(next(&mut notices).await.1, "while away");
}

#[tokio::test]
async fn the_board_is_bounded_and_expires() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    for number in 0..1010 {
        replica.remote.post(Bytes::from(format!("notice {number}")), Duration::from_secs(600)).await.unwrap();
    }
    assert_eq!(run::<i64>(&server, "ZCARD hecate:board"), 1000);
    for _ in 0..3 {
        replica.remote.post(Bytes::from_static(b"notice 1009"), KEEP).await.unwrap();
    }
    assert_eq!(run::<i64>(&server, "ZCARD hecate:board"), 1000, "the same again takes no place");
    let ttl: i64 = run(&server, "PTTL hecate:board");
    assert!((590_000..=600_000).contains(&ttl), "the longest decides: {ttl}");
    let late = Replica::new(&server.settings());
    let mut notices = late.remote.notices();
    let mut heard = Vec::new();
    while heard.len() < 1000 {
        heard.push(next(&mut notices).await.1);
    }
    assert_eq!((heard[0].as_ref(), heard[999].as_ref()), (&b"notice 10"[..], &b"notice 1009"[..]), "the oldest went, order is kept");
}

#[tokio::test]
async fn what_cannot_be_posted_is_told() {
    let mut server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    assert_eq!(replica.remote.post(Bytes::from(vec![0; 4097]), KEEP).await, Err(NoticeError::TooLong(4097)));
    server.kill();
    eventually("it is known that Redis is away", async || (!replica.remote.is_connected()).then_some(())).await;
    let posted = eventually("the background knows too", async || {
        let posted = replica.remote.post(Bytes::from_static(b"x"), KEEP).await;
        (posted == Err(NoticeError::Away)).then_some(posted)
    });
    assert!(posted.await.is_err());
}
