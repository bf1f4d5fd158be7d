//! Nothing that Redis answers is trusted: whatever stands under Hecate's own keys, answers are right.

use std::time::Duration;

use crate::house::{House, Plan};
use crate::load::{Load, verify};
use crate::rng::Rng;

/// How to spoil a value.
type Spoil = fn(&[u8], &mut Rng) -> Vec<u8>;

const SPOILS: [(&str, Spoil); 8] = [
    ("random bytes", |value, rng| value.iter().map(|_| rng.below(256) as u8).collect()),
    ("nothing", |_, _| Vec::new()),
    ("cut in half", |value, _| value[..value.len() / 2].to_vec()),
    ("one byte flipped at the front, as of another version", |value, _| flipped(value, 0)),
    ("one bit flipped in the middle", |value, _| flipped(value, value.len() / 2)),
    ("one bit flipped at the end", |value, _| flipped(value, value.len().saturating_sub(1))),
    ("twice", |value, _| [value, value].concat()),
    ("a text", |_, _| br#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#.to_vec()),
];

fn flipped(value: &[u8], at: usize) -> Vec<u8> {
    let mut value = value.to_vec();
    if let Some(byte) = value.get_mut(at) {
        *byte ^= 1;
    }
    value
}

/// Replaces what every key holds; how many there were.
async fn spoil(house: &House, rng: &mut Rng, with: Spoil) -> usize {
    let redis = house.redis.as_ref().unwrap();
    let keys = redis.keys().await;
    for key in &keys {
        let kind: String = redis.command(&[b"TYPE", key]).await;
        match kind.as_str() {
            "string" => {
                let value: Option<Vec<u8>> = redis.command(&[b"GET", key]).await;
                let spoilt = with(&value.unwrap_or_default(), rng);
                redis.command::<String>(&[b"SET", key, &spoilt, b"KEEPTTL"]).await;
            }
            "hash" => {
                let fields: Vec<(Vec<u8>, Vec<u8>)> = redis.command(&[b"HGETALL", key]).await;
                for (field, value) in fields {
                    redis.command::<i64>(&[b"HSET", key, &field, &with(&value, rng)]).await;
                }
            }
            _ => {}
        }
    }
    keys.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spoilt_values_are_never_answers() {
    let plan = Plan { redis: Some(&[]), ..Plan::default() };
    let mut house = House::start(Plan { redis: Some(&[]), ..Plan::default() }).await;
    let mut rng = Rng::new(20_261_127);
    for (what, with) in SPOILS {
        verify(&house, &[0]).await;
        let spoilt = spoil(&house, &mut rng, with).await;
        assert!(spoilt > 0, "{what}: there was nothing in Redis to spoil");
        // One that has nothing in its memory reads what is there.
        house.replicas = vec![house.one_more(&plan)];
        house.upstream.take();
        verify(&house, &[0]).await;
        assert!(house.upstream.count() > 0, "{what}: nothing was asked upstream, though nothing in Redis was good");
        house.replicas[0].assert_no_bug();
    }
}

/// A key and its value as Redis dumps it.
type Dumped = (Vec<u8>, Vec<u8>);

/// Each key holds what belongs to another: whole and well, but not what was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_under_other_keys_are_never_answers() {
    let plan = Plan { redis: Some(&[]), ..Plan::default() };
    let mut house = House::start(Plan { redis: Some(&[]), ..Plan::default() }).await;
    verify(&house, &[0]).await;
    let redis = house.redis.as_ref().unwrap();
    let mut by_kind: std::collections::BTreeMap<String, Vec<Dumped>> = std::collections::BTreeMap::new();
    for key in redis.keys().await {
        let kind: String = redis.command(&[b"TYPE", &key]).await;
        let dump: Option<Vec<u8>> = redis.command(&[b"DUMP", &key]).await;
        let dump = dump.unwrap_or_default();
        // Leases may be over by now; they and what stands for no value are left alone.
        if !dump.is_empty() && matches!(kind.as_str(), "string" | "hash") {
            by_kind.entry(kind).or_default().push((key, dump));
        }
    }
    let mut swapped = 0;
    for all in by_kind.values() {
        for (i, (key, _)) in all.iter().enumerate() {
            let (_, other) = &all[(i + 1) % all.len()];
            redis.command::<String>(&[b"RESTORE", key, b"60000", other, b"REPLACE"]).await;
            swapped += 1;
        }
    }
    assert!(swapped >= 8, "only {swapped} values were swapped");
    house.replicas = vec![house.one_more(&plan)];
    house.upstream.take();
    verify(&house, &[0]).await;
    assert!(house.upstream.count() > 0, "nothing was asked upstream, though every value stood under another's key");
}

/// Values go bad while they are read and written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_under_load() {
    let plan = Plan { replicas: 2, redis: Some(&[]), budget: "20ms", ..Plan::default() };
    let house = House::start(plan).await;
    let mut rng = Rng::new(3);
    let load = Load::start(&house, &[0, 1], 12);
    let mut spoilt = 0;
    for (_, with) in SPOILS {
        tokio::time::sleep(Duration::from_millis(400)).await;
        spoilt += spoil(&house, &mut rng, with).await;
        // So that something is read: what the memories hold goes.
        assert!(house.at(0, "admin").delete("/api/v1/cache?namespace=a").await.status < 300);
    }
    let shown = load.end().await;
    assert!(shown.failed.is_empty() && shown.wrong.is_empty(), "{:#?} {:#?}", shown.failed, shown.wrong);
    assert!(spoilt > 20 && shown.took.len() > 50, "{spoilt} values spoilt, {} requests", shown.took.len());
    verify(&house, &[0, 1]).await;
}
