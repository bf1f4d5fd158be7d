//! The jwt provider and sign-in against a real OpenID Connect issuer: npm `oidc-provider`, started on a free port of loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

mod browser;
mod issuer;
mod sign_in;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hecate::config::{Auth, Claims, Jwt, Provider};
use hecate::tenancy::{AuthError, Authenticator, Credentials, Identity, Namespace, Permissions, ProviderKind, Scope, Timing};
use serde_json::{Value, json};

use crate::issuer::{Issuer, Mode, now};

const AUDIENCE: &str = "urn:hecate";

/// Times that tests can wait for.
fn timing() -> Timing {
    Timing {
        issuer_connect: Duration::from_millis(500),
        issuer_total: Duration::from_millis(500),
        key_retry: Duration::from_millis(300),
        ..Timing::default()
    }
}

fn authenticator(issuer: &Issuer) -> Authenticator {
    with(issuer, timing(), |_| {})
}

fn with(issuer: &Issuer, timing: Timing, change: impl FnOnce(&mut Jwt)) -> Authenticator {
    let mut jwt = Jwt {
        issuer: issuer.url(),
        jwks_url: None,
        audience: vec!["another".into(), AUDIENCE.into()],
        algorithms: Vec::new(),
        leeway: Duration::ZERO,
        claims: Claims::default(),
        ca_file: None,
        permissions: Vec::new(),
    };
    change(&mut jwt);
    Authenticator::with_timing(&Auth { providers: vec![Provider::Jwt(jwt)], ..Auth::default() }, false, timing).unwrap()
}

async fn ask(authenticator: &Authenticator, token: &str) -> Result<Arc<Identity>, AuthError> {
    authenticator.authenticate(&Credentials { authorization: Some(format!("Bearer {token}").as_bytes()), session: None }).await
}

fn scope(names: &[&str]) -> Scope {
    Scope::of(names.iter().map(|name| Namespace::new(name).unwrap()))
}

/// Good claims of a token for us, changed by `change`: a null takes one away.
fn claims(issuer: &Issuer, change: Value) -> Value {
    let mut claims = json!({"iss": issuer.name(), "aud": AUDIENCE, "sub": "alice", "exp": now() + 600, "namespaces": ["team-a"]});
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

#[tokio::test]
async fn a_token_of_the_token_endpoint_is_good() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let token = issuer.access_token(AUDIENCE).await;
    let identity = ask(&authenticator, &token).await.unwrap();
    assert_eq!(
        *identity,
        Identity {
            user: "team-a".into(),
            groups: vec!["ml".into()],
            scope: scope(&["team-a", "team-b"]),
            permissions: Permissions::VIEWER,
            provider: ProviderKind::Jwt,
        }
    );
    assert!(Arc::ptr_eq(&ask(&authenticator, &token).await.unwrap(), &identity), "the verdict is kept");
    assert_eq!((authenticator.stats().verdict_hits(), authenticator.stats().key_fetches()), (1, 1));

    let elsewhere = issuer.access_token("urn:somebody-else").await;
    let refused = ask(&authenticator, &elsewhere).await.unwrap_err().to_string();
    assert!(refused.contains("aud has to contain another or urn:hecate"), "{refused}");
}

#[tokio::test]
async fn both_kinds_of_keys_are_good_with_their_own_algorithm_only() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let good = claims(&issuer, json!({}));
    for (kid, key) in [(json!("rsa-1"), "rsa"), (json!("ec-1"), "ec"), (Value::Null, "rsa"), (Value::Null, "ec")] {
        let header = if kid.is_null() { json!({}) } else { json!({"kid": kid}) };
        assert!(ask(&authenticator, &issuer.sign(header, good.clone(), key).await).await.is_ok(), "{kid} {key}");
    }
    for (kid, key) in [("rsa-1", "ec"), ("ec-1", "rsa")] {
        let refused = ask(&authenticator, &issuer.sign(json!({"kid": kid}), good.clone(), key).await).await.unwrap_err();
        assert!(refused.to_string().contains("no key of its issuer fits its algorithm"), "{refused}");
    }
    let only_ec = with(&issuer, timing(), |jwt| jwt.algorithms = vec!["ES256".into()]);
    let refused = ask(&only_ec, &issuer.sign(json!({"kid": "rsa-1"}), good.clone(), "rsa").await).await.unwrap_err();
    assert!(refused.to_string().contains("algorithm is not accepted"), "{refused}");
}

#[tokio::test]
async fn forged_and_foreign_tokens_are_refused() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let invalid = |why: &'static str| (Some(why), None);
    let rsa = json!({"kid": "rsa-1"});
    for (header, change, key, (why, error)) in [
        (rsa.clone(), json!({"aud": "somebody"}), "rsa", invalid("made for somebody else")),
        (rsa.clone(), json!({"aud": ["x", "y"]}), "rsa", invalid("made for somebody else")),
        (rsa.clone(), json!({"aud": null}), "rsa", invalid("no claim aud")),
        (rsa.clone(), json!({"exp": null}), "rsa", invalid("no claim exp")),
        (rsa.clone(), json!({"exp": "never"}), "rsa", invalid("no claim exp")),
        (rsa.clone(), json!({"exp": now() - 5}), "rsa", (None, Some(AuthError::Expired))),
        (rsa.clone(), json!({"nbf": now() + 60}), "rsa", invalid("not valid yet")),
        (rsa.clone(), json!({"iss": "https://other.example"}), "rsa", (None, Some(AuthError::Unknown))),
        (rsa.clone(), json!({"iss": [issuer.name()]}), "rsa", (None, Some(AuthError::Unknown))),
        (rsa.clone(), json!({"iss": null}), "rsa", (None, Some(AuthError::Unknown))),
        (rsa.clone(), json!({"sub": null}), "rsa", invalid("claim sub")),
        (rsa.clone(), json!({"namespaces": ["team-a", "x|y"]}), "rsa", invalid("\"x|y\" is not a namespace")),
        (rsa.clone(), json!({"namespaces": []}), "rsa", (None, Some(AuthError::Nothing))),
        (rsa.clone(), json!({}), "stranger", invalid("signature is wrong")),
        (json!({}), json!({}), "stranger", invalid("signature is wrong")),
        (json!({"kid": "rsa-9"}), json!({}), "rsa", invalid("no such key")),
        (json!({"kid": "rsa-1", "typ": "logout+jwt"}), json!({}), "rsa", invalid("another purpose")),
        (json!({"alg": "none"}), json!({}), "none", invalid("algorithm is not accepted")),
        (json!({"alg": "NONE", "kid": "rsa-1"}), json!({}), "none", invalid("algorithm is not accepted")),
        (json!({"alg": "RS256", "kid": "rsa-1"}), json!({}), "none", invalid("signature is wrong")),
        (json!({"alg": "HS256", "kid": "rsa-1"}), json!({}), "public", invalid("algorithm is not accepted")),
        (json!({"alg": "RS256", "kid": "rsa-1"}), json!({}), "public", invalid("signature is wrong")),
    ] {
        let token = issuer.sign(header.clone(), claims(&issuer, change.clone()), key).await;
        let refused = ask(&authenticator, &token).await.expect_err(&format!("{header} {change} {key}"));
        if let Some(error) = error {
            assert_eq!(refused, error, "{header} {change} {key}");
        }
        if let Some(why) = why {
            assert!(matches!(&refused, AuthError::Invalid(text) if text.contains(why)), "{header} {change} {key}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let mine = issuer.access_token(AUDIENCE).await;
    let other = issuer.sign(json!({"kid": "rsa-1"}), claims(&issuer, json!({"namespaces": ["secret"]})), "stranger").await;
    let (mine, other): (Vec<&str>, Vec<&str>) = (mine.split('.').collect(), other.split('.').collect());
    assert!(ask(&authenticator, &mine.join(".")).await.is_ok());
    let mixed = [mine[0], other[1], mine[2]].join(".");
    assert_eq!(ask(&authenticator, &mixed).await, Err(AuthError::Invalid("its signature is wrong".into())));
}

#[tokio::test]
async fn leeway_forgives_a_clock_and_no_verdict_outlives_its_token() {
    let issuer = Issuer::start().await;
    let forgiving = with(&issuer, timing(), |jwt| jwt.leeway = Duration::from_secs(30));
    let strict = authenticator(&issuer);
    for change in [json!({"exp": now() - 10}), json!({"nbf": now() + 10})] {
        let token = issuer.sign(json!({"kid": "rsa-1"}), claims(&issuer, change.clone()), "rsa").await;
        assert!(ask(&forgiving, &token).await.is_ok(), "{change}");
        assert!(ask(&strict, &token).await.is_err(), "{change}");
    }
    let short = issuer.sign(json!({"kid": "rsa-1"}), claims(&issuer, json!({"exp": now() + 2})), "rsa").await;
    assert!(ask(&strict, &short).await.is_ok());
    tokio::time::sleep(Duration::from_millis(3200)).await;
    assert_eq!(ask(&strict, &short).await, Err(AuthError::Expired));
}

#[tokio::test]
async fn rotated_keys_are_found_and_old_ones_forgotten() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let old = |sub: &str| (json!({"kid": "rsa-1"}), claims(&issuer, json!({"sub": sub})));
    let (header, claims_of_old) = old("first");
    assert!(ask(&authenticator, &issuer.sign(header, claims_of_old, "rsa").await).await.is_ok());
    let (header, claims_of_old) = old("second");
    let late = issuer.sign(header, claims_of_old, "rsa").await;

    issuer.rotate().await;
    tokio::time::sleep(timing().key_retry).await;
    assert!(ask(&authenticator, &issuer.access_token(AUDIENCE).await).await.is_ok(), "the new key is fetched when it is met");
    assert_eq!(ask(&authenticator, &late).await, Err(AuthError::Invalid("its issuer has no such key (kid)".into())));
}

#[tokio::test]
async fn old_keys_are_renewed() {
    let issuer = Issuer::start().await;
    let quick = Timing { key_refresh: Duration::from_millis(50), key_retry: Duration::from_millis(20), ..timing() };
    let authenticator = with(&issuer, quick, |_| {});
    for i in 0..4 {
        let token = issuer.sign(json!({"kid": "rsa-1"}), claims(&issuer, json!({"sub": i.to_string()})), "rsa").await;
        assert!(ask(&authenticator, &token).await.is_ok());
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    let fetches = authenticator.stats().key_fetches();
    assert!((2..=4).contains(&fetches), "{fetches}");
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_not_good_for_who_comes_late() {
    let issuer = Issuer::start().await;
    let quick = Timing { key_refresh: Duration::from_millis(50), key_retry: Duration::from_millis(20), ..timing() };
    let authenticator = with(&issuer, quick, |_| {});
    let (first, late) = (issuer.access_token(AUDIENCE).await, issuer.access_token(AUDIENCE).await);
    assert!(ask(&authenticator, &first).await.is_ok());
    issuer.rotate().await;
    tokio::time::sleep(quick.key_refresh * 3).await;
    assert!(ask(&authenticator, &late).await.is_err());
}

#[tokio::test]
async fn unknown_keys_do_not_flood_the_issuer() {
    let issuer = Issuer::start().await;
    let calm = Timing { key_retry: Duration::from_secs(60), ..timing() };
    let authenticator = Arc::new(with(&issuer, calm, |_| {}));
    let mut tokens = Vec::new();
    for i in 0..40 {
        tokens.push(issuer.sign(json!({"kid": format!("made-up-{i}")}), claims(&issuer, json!({})), "stranger").await);
    }
    let asks = tokens.into_iter().map(|token| {
        let authenticator = Arc::clone(&authenticator);
        tokio::spawn(async move { ask(&authenticator, &token).await })
    });
    for refused in asks.collect::<Vec<_>>() {
        assert_eq!(refused.await.unwrap(), Err(AuthError::Invalid("its issuer has no such key (kid)".into())));
    }
    assert_eq!(issuer.requests().await, 2, "one discovery document and one key set for forty callers at once");
    assert!(ask(&authenticator, &issuer.access_token(AUDIENCE).await).await.is_ok(), "good tokens are good all the while");
}

#[tokio::test]
async fn a_dead_issuer_stops_only_what_needs_it() {
    let mut issuer = Issuer::start().await;
    let brief = Timing { key_lifetime: Duration::from_secs(2), ..timing() };
    let authenticator = with(&issuer, brief, |_| {});
    let cold = self::authenticator(&issuer);
    let known = issuer.access_token(AUDIENCE).await;
    let fresh = issuer.access_token(AUDIENCE).await;
    let late = issuer.access_token(AUDIENCE).await;
    let unknown_key = issuer.sign(json!({"kid": "rsa-2"}), claims(&issuer, json!({})), "stranger").await;
    assert!(ask(&authenticator, &known).await.is_ok());
    tokio::time::sleep(timing().key_retry).await;

    issuer.kill().await;
    assert!(ask(&authenticator, &known).await.is_ok(), "kept verdicts go on");
    assert!(ask(&authenticator, &fresh).await.is_ok(), "and so do keys that are not too old");
    assert!(matches!(ask(&authenticator, &unknown_key).await, Err(AuthError::Unavailable { .. })), "nobody can say whether the key exists");
    assert!(matches!(ask(&cold, &known).await, Err(AuthError::Unavailable { retry_after }) if retry_after >= Duration::from_secs(1)));
    tokio::time::sleep(brief.key_lifetime).await;
    assert!(matches!(ask(&authenticator, &late).await, Err(AuthError::Unavailable { .. })), "keys are not believed for ever");
    assert!(ask(&authenticator, &known).await.is_ok(), "kept verdicts still go on");
    assert!(authenticator.stats().key_fetch_failures() >= 1);
}

#[tokio::test]
async fn an_issuer_that_misbehaves_is_unavailable_and_can_recover() {
    let issuer = Issuer::start().await;
    let authenticator = authenticator(&issuer);
    let token = issuer.access_token(AUDIENCE).await;
    for mode in [Mode::Down, Mode::Slow, Mode::Garbage, Mode::Huge, Mode::OtherIssuer] {
        issuer.mode(mode).await;
        tokio::time::sleep(timing().key_retry).await;
        let begun = Instant::now();
        let failures = authenticator.stats().key_fetch_failures();
        let result = ask(&authenticator, &token).await;
        assert!(matches!(result, Err(AuthError::Unavailable { .. })), "{mode:?}: {result:?}");
        assert!(begun.elapsed() < timing().issuer_total * 2, "{mode:?}: {:?}", begun.elapsed());
        assert_eq!(authenticator.stats().key_fetch_failures(), failures + 1, "{mode:?}");
    }
    issuer.mode(Mode::Normal).await;
    tokio::time::sleep(timing().key_retry).await;
    assert!(ask(&authenticator, &token).await.is_ok());
}

#[tokio::test]
async fn roles_add_to_what_the_token_says() {
    let issuer = Issuer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let roles_file = folder.path().join("roles.yaml");
    let name = issuer.name();
    std::fs::write(
        &roles_file,
        format!(
            "roles:\n  - {{user: alice, namespaces: [from-role]}}\n  - {{group: ops, issuer: \"{name}\", cluster: true, permissions: [\"*\"]}}\n  \
             - {{group: ops, issuer: \"https://other.example\", namespaces: [not-here]}}\n"
        ),
    )
    .unwrap();
    let jwt = Jwt {
        issuer: issuer.url(),
        jwks_url: Some(issuer.url().join("/jwks").unwrap()),
        audience: vec![AUDIENCE.into()],
        algorithms: Vec::new(),
        leeway: Duration::ZERO,
        claims: Claims::default(),
        ca_file: None,
        permissions: vec!["AuditLog:read".into()],
    };
    let auth = Auth { providers: vec![Provider::Jwt(jwt)], roles_file: Some(roles_file), revocation_bound: None, sign_in: None };
    let authenticator = Authenticator::with_timing(&auth, false, timing()).unwrap();
    for (change, expect_scope, expect_permissions) in [
        (json!({}), scope(&["from-role", "team-a"]), Permissions::parse(["AuditLog:read"]).unwrap()),
        (json!({"namespaces": null}), scope(&["from-role"]), Permissions::parse(["AuditLog:read"]).unwrap()),
        (json!({"sub": "carol", "groups": "dev ops"}), Scope::ClusterWide, Permissions::ALL),
    ] {
        let token = issuer.sign(json!({"kid": "rsa-1"}), claims(&issuer, change.clone()), "rsa").await;
        let identity = ask(&authenticator, &token).await.unwrap();
        assert_eq!((&identity.scope, identity.permissions), (&expect_scope, expect_permissions), "{change}");
    }
    assert_eq!(issuer.requests().await, 1, "with jwks_url there is no discovery");
}
