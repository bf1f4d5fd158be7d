//! Each script by itself, as its file says; and that scripts survive whatever servers forget.

use redis::RedisResult;

use crate::control::{fill, run, try_call};
use crate::server::{Replica, Server, TTL, key};

fn code(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lua").join(name)).unwrap()
}

fn eval<T: redis::FromRedisValue>(server: &Server, name: &str, keys: &[&str], arguments: &[&str]) -> RedisResult<T> {
    let (code, count) = (code(name), keys.len().to_string());
    let mut words: Vec<&[u8]> = vec![b"EVAL", &code, count.as_bytes()];
    words.extend(keys.iter().chain(arguments).map(|word| word.as_bytes()));
    try_call(server, &words)
}

fn get(server: &Server, name: &str) -> Option<String> {
    run(server, &format!("GET {name}"))
}

#[tokio::test]
async fn claim() {
    let server = Server::start(&[]).await;
    let claim = |token| eval::<(i64, i64)>(&server, "claim.lua", &["l", "m"], &[token, "5000"]).unwrap();
    assert_eq!(claim("a"), (1, 0));
    let (is_ours, left) = claim("b");
    assert!(is_ours == 0 && (4000..=5000).contains(&left), "{left}");
    assert_eq!(get(&server, "l").as_deref(), Some("a"));
    run::<()>(&server, "DEL l");
    run::<()>(&server, "SET m 1");
    assert_eq!(claim("b"), (1, 1));
}

#[tokio::test]
async fn renew() {
    let server = Server::start(&[]).await;
    let renew = |token| eval::<i64>(&server, "renew.lua", &["l"], &[token, "60000"]).unwrap();
    assert_eq!(renew("a"), 0, "what has run out does not come back");
    run::<()>(&server, "SET l a PX 1000");
    assert_eq!(renew("b"), 0);
    assert!(run::<i64>(&server, "PTTL l") <= 1000);
    assert_eq!(renew("a"), 1);
    assert!(run::<i64>(&server, "PTTL l") > 50_000);
}

#[tokio::test]
async fn publish() {
    let server = Server::start(&[]).await;
    let publish = |token| {
        eval::<i64>(&server, "publish.lua", &["l", "m", "b:0", "b:1"], &[token, "c", "yes", "no", "2000", "60000", "zero", "one"]).unwrap()
    };
    run::<()>(&server, "SET l a PX 5000");
    assert_eq!(publish("b"), 0);
    assert_eq!((get(&server, "l").as_deref(), get(&server, "b:0"), get(&server, "m")), (Some("a"), None, None));
    assert_eq!(publish("a"), 1);
    assert_eq!((get(&server, "b:0").as_deref(), get(&server, "b:1").as_deref(), get(&server, "l")), (Some("zero"), Some("one"), None));
    assert!((1..=2000).contains(&run::<i64>(&server, "PTTL m")) && (50_000..=60_000).contains(&run::<i64>(&server, "PTTL b:1")));
    assert_eq!(publish("a"), 0, "once");
}

#[tokio::test]
async fn publish_without_room() {
    let server = Server::start(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]).await;
    run::<()>(&server, "SET l a PX 5000");
    fill(&server);
    let published = eval::<i64>(&server, "publish.lua", &["l", "m", "b:0"], &["a", "c", "yes", "no", "2000", "60000", "zero"]);
    assert_eq!(published.unwrap(), -1);
    assert_eq!((get(&server, "l"), get(&server, "b:0"), get(&server, "m")), (None, None, None), "nobody waits for what does not come");
}

#[tokio::test]
async fn release() {
    let server = Server::start(&[]).await;
    let release = |token| eval::<i64>(&server, "release.lua", &["l"], &[token, "c", "no"]).unwrap();
    assert_eq!(release("a"), 0);
    run::<()>(&server, "SET l a PX 5000");
    assert_eq!((release("b"), get(&server, "l").as_deref()), (0, Some("a")));
    assert_eq!((release("a"), get(&server, "l")), (1, None));
}

#[tokio::test]
async fn post_and_board() {
    let server = Server::start(&[]).await;
    let post = |notice, keep, kept| eval::<String>(&server, "post.lua", &["n"], &[notice, keep, kept, "c"]).unwrap();
    let board = || eval::<Vec<String>>(&server, "board.lua", &["n"], &["1000"]).unwrap();
    assert_eq!(board(), Vec::<String>::new());
    let first = post("one: a\r\nb", "60000", "3");
    let clock: (i64, i64) = run(&server, "TIME");
    assert!((first.parse::<i64>().unwrap() - clock.0 * 1000).abs() < 5000);
    assert_eq!(board(), [first.as_str(), "one: a\r\nb"]);
    post("brief", "1", "3");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(board().len(), 2, "what has ended is not told");
    for notice in ["two", "three", "four"] {
        post(notice, "60000", "3");
    }
    let texts: Vec<String> = board().into_iter().skip(1).step_by(2).collect();
    assert_eq!(texts, ["two", "three", "four"], "the oldest went");
    assert_eq!(run::<i64>(&server, "ZCARD n"), 3, "what had ended was cleared away");
    let again = post("two", "60000", "3");
    assert!(again > first);
    let told = board();
    assert_eq!((told[5].as_str(), told[4].as_str(), told.len()), ("two", again.as_str(), 6), "the same again counts from now");
}

#[tokio::test]
async fn scripts_are_sent_again_when_they_are_forgotten() {
    let server = Server::start(&[]).await;
    let replica = Replica::connected(&server.settings()).await;
    crate::leases::a_follower_is_woken(&replica, &replica).await;
    for _ in 0..2 {
        run::<()>(&server, "SCRIPT FLUSH");
        let lease = crate::leases::lead(&replica, "up").await;
        run::<()>(&server, "SCRIPT FLUSH");
        assert_eq!(lease.publish(crate::leases::parts(b"x"), TTL).await, hecate::cache::Published::Done);
        assert!(replica.get(&key("up"), 0).await.is_some());
    }
    let stats: String = run(&server, "INFO commandstats");
    let calls = |command: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:"))).unwrap();
        line.split(['=', ',']).nth(1).unwrap().parse::<u32>().unwrap()
    };
    let (by_hash, whole) = (calls("evalsha"), calls("eval"));
    for _ in 0..20 {
        crate::leases::lead(&replica, "up").await.fail().await;
    }
    let stats: String = run(&server, "INFO commandstats");
    assert!(stats.contains(&format!("cmdstat_eval:calls={},", whole + 2)), "`claim` and `release` were still unknown: {stats}");
    assert!(stats.contains(&format!("cmdstat_evalsha:calls={},", by_hash + 40)), "{stats}");
}
