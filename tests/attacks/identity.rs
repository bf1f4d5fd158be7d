//! Identity and what is remembered of it.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use crate::stage::{Attack, Stage, everybody, exchange, request};
use crate::support::users;

const Q: &str = "/api/v1/query?query=app_requests_total";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identity() {
    let mut stage = Stage::set().await;
    stage.attack_all(guesses()).await;
    stage.attack_all(several()).await;
    // What was decided about one is not the decision about another, however near: warm and cold.
    for round in 0..3 {
        for (token, status) in
            [("token-alice", 200), ("token-alicE", 401), ("token-alice-", 401), ("token-mallory", 200), ("token-nobody", 401)]
        {
            let attack = request("GET", "/api/v1/query?query={job!=\"\"}").authorization(Some(&format!("Bearer {token}"))).right(&[status]);
            stage.attack(&Attack { name: format!("{} round {round}", attack.name), ..attack }).await;
        }
        // Bob asks the same text in between: his answer is not alice's next one.
        let (status, _) = stage.answer("token-bob", "/api/v1/query?query={job!=\"\"}").await;
        assert_eq!(status, 200);
    }
    revoked(&mut stage).await;
    stage.end("identity", 70).await;
}

fn guesses() -> Vec<Attack> {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let good = [
        "Bearer token-alice".to_owned(),
        "bearer token-alice".to_owned(),
        "BEARER   token-alice".to_owned(),
        "Bearer token-alice  ".to_owned(),
        basic("alice:token-alice"),
        basic(":token-alice"),
        basic("alice:token-alice").replace("Basic", "bAsIc"),
    ];
    let bad = [
        String::new(),
        " ".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "token-alice".to_owned(),
        "Bearer token-Alice".to_owned(),
        "Bearer TOKEN-ALICE".to_owned(),
        "Bearer token-alic".to_owned(),
        "Bearer token-alicee".to_owned(),
        "Bearer token-alice token-bob".to_owned(),
        "Bearer token-alice,token-bob".to_owned(),
        "Bearer token-alice, Bearer token-bob".to_owned(),
        "Bearer \"token-alice\"".to_owned(),
        "Bearer\ttoken-alice".to_owned(),
        "Bearer:token-alice".to_owned(),
        "Bearer=token-alice".to_owned(),
        "Bearer token%2dalice".to_owned(),
        "Bearer null".to_owned(),
        "Bearer undefined".to_owned(),
        "Bearer *".to_owned(),
        "Bearer alice".to_owned(),
        "Bearer token-älice".to_owned(),
        "Bearer ../users.yaml".to_owned(),
        "Bearer ' OR 1=1 --".to_owned(),
        format!("Bearer {}", "a".repeat(20_000)),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.".to_owned(),
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.AAAA".to_owned(),
        "Bearer a.b.c".to_owned(),
        "Bearer ...".to_owned(),
        // The file has the hash: it is not a token.
        format!("Bearer {}", everybody().split('"').nth(1).unwrap()),
        basic("bob:token-alice"),
        basic("admin:token-alice"),
        basic("Alice:token-alice"),
        basic("alice :token-alice"),
        basic("alice\0:token-alice"),
        basic("alice:token-alice:"),
        basic("alice:token-alice\n"),
        basic("alice:"),
        basic("alice"),
        basic(":"),
        basic(""),
        basic("token-alice:"),
        basic("bearer:token-alice"),
        format!("Basic {}", STANDARD_NO_PAD.encode("alice:token-alice")),
        format!("Basic {}=", STANDARD.encode("alice:token-alice")),
        format!("Basic {}", URL_SAFE.encode("alice:token-al\u{3ff}\u{3fe}")),
        format!("Basic {} x", STANDARD.encode("alice:token-alice")),
        "Basic token-alice".to_owned(),
        "Digest username=\"alice\"".to_owned(),
        "Negotiate YWxpY2U=".to_owned(),
        "AWS4-HMAC-SHA256 Credential=alice".to_owned(),
    ];
    let one = |value: &String, right: &[u16]| request("GET", Q).authorization(Some(value)).right(right);
    good.iter().map(|value| one(value, &[200])).chain(bad.iter().map(|value| one(value, &[401]))).collect()
}

/// More than one way to say who one is.
fn several() -> Vec<Attack> {
    let alice = "Authorization: Bearer token-alice";
    let bob = "Authorization: Bearer token-bob";
    let none = || request("GET", Q).authorization(None);
    vec![
        none().right(&[401]),
        none().header(alice).header(bob).right(&[400]),
        none().header(bob).header(alice).right(&[400]),
        none().header(alice).header(alice).right(&[400]),
        none().header(alice).header("authorization: Basic Ym9iOnRva2VuLWJvYg==").right(&[400]),
        none().header("Authorization: ").header(alice).right(&[400]),
        none().header("AUTHORIZATION: Bearer token-alice").right(&[200]),
        none().header("Authorization;: Bearer token-alice").right(&[0, 400, 401]),
        none().header("X-Authorization: Bearer token-alice").right(&[401]),
        none().header("Proxy-Authorization: Bearer token-alice").right(&[401]),
        none().header("Cookie: Authorization=Bearer token-alice").right(&[401]),
        request("GET", &format!("{Q}&access_token=token-alice")).authorization(None).right(&[401]),
        request("GET", "http://alice:token-alice@hecate/api/v1/query?query=odd").authorization(None).right(&[400, 401]),
        request("GET", "/api/v1/status/buildinfo").authorization(None).right(&[401]),
        request("GET", "/api/v1/rules").authorization(None).right(&[401]),
        request("GET", "/federate?match[]=odd").authorization(None).right(&[401]),
        request("GET", "/api/v1/status/config").authorization(None).right(&[401]),
        request("POST", "/api/v1/metrics/validate").authorization(None).body("{}").right(&[401]),
        request("GET", "/api/v1/auth/me").authorization(None).right(&[401]),
        request("GET", "/api/v1/health").authorization(None).right(&[200]),
    ]
}

/// A token that is taken out of the file is good for two seconds at most: the file is looked at every second.
async fn revoked(stage: &mut Stage) {
    let mallory = request("GET", "/api/v1/query?query=a_only").authorization(Some("Bearer token-mallory")).right(&[200]);
    stage.attack(&mallory).await;
    let without = users(&[
        ("alice", "token-alice", "namespaces: [a]"),
        ("bob", "token-bob", "namespaces: [b]"),
        ("mallory", "token-other", "namespaces: [b]"),
    ]);
    fs::write(stage.real().folder().join("users.yaml"), without).unwrap();
    let since = Instant::now();
    let address = stage.real().address().to_owned();
    loop {
        let (outcome, _) = exchange(&address, &mallory.bytes).await;
        match outcome.status {
            401 => break,
            200 if since.elapsed() < Duration::from_secs(3) => tokio::time::sleep(Duration::from_millis(50)).await,
            status => {
                stage.fault(format!("a revoked token gets {status} after {:?}", since.elapsed()));
                break;
            }
        }
    }
    // And it stays so.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (outcome, _) = exchange(&address, &mallory.bytes).await;
    if outcome.status != 401 {
        stage.fault(format!("a revoked token came back: {}", outcome.status));
    }
}
