//! Providers in order, files that change, decisions that are kept. Issuers are tested in `tests/oidc` against a real one.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use url::Url;

use super::*;
use crate::config::{Anonymous, Auth, Jwt, Provider as Configured, StaticUsers};
use crate::tenancy::new_token;

/// Looks at files at every request.
fn timing() -> Timing {
    Timing {
        file_poll: Duration::ZERO,
        issuer_connect: Duration::from_millis(200),
        issuer_total: Duration::from_millis(200),
        ..Timing::default()
    }
}

fn names(list: &[&str]) -> Vec<Namespace> {
    list.iter().map(|name| Namespace::new(name).unwrap()).collect()
}

/// Writes users.yaml and gives the tokens.
fn write_users(file: &Path, users: &[(&str, &[&str])]) -> Vec<String> {
    let new: Vec<_> = users.iter().map(|(name, namespaces)| new_token(name, &names(namespaces)).unwrap()).collect();
    let lines: Vec<&str> = new.iter().map(|token| token.line.as_str()).collect();
    std::fs::write(file, format!("users:\n{}\n", lines.join("\n"))).unwrap();
    new.iter().map(|token| token.token.expose().to_owned()).collect()
}

fn users_file(file: &Path) -> Configured {
    Configured::Static(StaticUsers { users_file: file.to_owned() })
}

fn anonymous_of(namespaces: &[&str]) -> Configured {
    Configured::Anonymous(Anonymous { namespaces: namespaces.iter().map(|n| (*n).to_owned()).collect(), permissions: Vec::new() })
}

/// An issuer that is not there: port 9 of loopback.
fn issuer() -> Jwt {
    Jwt {
        issuer: Url::parse("http://127.0.0.1:9").unwrap(),
        jwks_url: None,
        audience: vec!["hecate".into()],
        algorithms: Vec::new(),
        leeway: Duration::ZERO,
        claims: config::Claims::default(),
        ca_file: None,
        permissions: Vec::new(),
    }
}

#[tokio::test]
async fn what_somebody_may_who_is_not_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    write_users(&file, &[("alice", &["a"]), ("bob", &["b"]), ("alice", &["c"])]);
    let providers = vec![users_file(&file), Configured::Jwt(issuer()), anonymous_of(&["z"])];
    let authenticator = Authenticator::with_timing(&auth(providers), true, timing()).unwrap();
    let scopes = async |provider: &str, user: &str| match authenticator.standing(provider, user).await {
        Standing::Known(identities) => Some(identities.iter().map(|identity| identity.scope.clone()).collect::<Vec<_>>()),
        Standing::Unknown => None,
    };
    let of = |name: &str| Scope::of(names(&[name]));
    assert_eq!(scopes("static", "alice").await, Some(vec![of("a"), of("c")]), "one for each token");
    assert_eq!(scopes("static", "carol").await, Some(vec![]));
    assert_eq!(scopes("anonymous", "anonymous").await, Some(vec![of("z")]));
    assert_eq!(scopes("jwt", "alice").await, None);
    assert_eq!(scopes("none", "everybody").await, Some(vec![]), "a provider that is not there any more");
    write_users(&file, &[("bob", &["b"])]);
    assert_eq!(scopes("static", "alice").await, Some(vec![]), "what changed in the file is seen");
}

fn auth(providers: Vec<Configured>) -> Auth {
    Auth { providers, ..Auth::default() }
}

async fn show(authenticator: &Authenticator, header: Option<&str>) -> Result<String, AuthError> {
    let identity = authenticator.authenticate(&Credentials { authorization: header.map(str::as_bytes), session: None }).await?;
    let scope = match &identity.scope {
        Scope::ClusterWide => "everything".into(),
        Scope::Namespaces(set) => set.iter().map(Namespace::as_str).collect::<Vec<_>>().join(","),
        Scope::Nothing => "nothing".to_owned(),
    };
    Ok(format!("{} {} {scope}", identity.provider, identity.user))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn basic(user: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{token}")))
}

fn jwt(claims: &str) -> String {
    bearer(&format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims)))
}

#[tokio::test]
async fn providers_are_asked_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    let tokens = write_users(&file, &[("alice", &["team-a"]), ("admin", &[])]);
    let all = auth(vec![Configured::Jwt(issuer()), users_file(&file), anonymous_of(&["public"])]);
    let authenticator = Authenticator::with_timing(&all, false, timing()).unwrap();
    let unavailable = Err(AuthError::Unavailable { retry_after: Duration::from_secs(5) });
    let wrong_name = Err(AuthError::Invalid("the user name is not the one that it belongs to; leave it empty or correct it".into()));
    for (header, expect) in [
        (None, Ok("anonymous anonymous public".to_owned())),
        (Some(bearer(&tokens[0])), Ok("static alice team-a".into())),
        (Some(bearer(&tokens[1])), Ok("static admin everything".into())),
        (Some(basic("alice", &tokens[0])), Ok("static alice team-a".into())),
        (Some(basic("", &tokens[0])), Ok("static alice team-a".into())),
        (Some(basic("admin", &tokens[0])), wrong_name),
        (Some(basic("alice", "wrong")), Err(AuthError::Unknown)),
        (Some(bearer("wrong")), Err(AuthError::Unknown)),
        (Some(jwt(r#"{"iss":"https://other.example"}"#)), Err(AuthError::Unknown)),
        (Some(jwt("{}")), Err(AuthError::Unknown)),
        (Some(jwt(r#"{"iss":"http://127.0.0.1:9"}"#)), unavailable),
        (Some("Bearer".into()), Err(AuthError::Malformed("there is no token after \"Bearer\""))),
    ] {
        for round in ["first", "again"] {
            assert_eq!(show(&authenticator, header.as_deref()).await, expect, "{round}");
        }
    }
    assert_eq!(
        authenticator.stats().verdict_hits(),
        9,
        "all but the request without header, the unreadable one and the issuer that is away"
    );
    assert_eq!(authenticator.stats().decided(ProviderKind::Static, Outcome::Denied), 1);
    assert_eq!(authenticator.stats().decided(ProviderKind::Jwt, Outcome::Unavailable), 2);
    assert_eq!(authenticator.stats().key_fetches(), 1, "an issuer that is away is not asked again at once");
}

#[tokio::test]
async fn without_anonymous_credentials_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    write_users(&file, &[("alice", &["a"])]);
    let authenticator = Authenticator::new(&auth(vec![users_file(&file)]), false).unwrap();
    assert_eq!(show(&authenticator, None).await, Err(AuthError::Missing));
    assert_eq!(authenticator.challenges(&AuthError::Missing), ["Bearer realm=\"hecate\"", "Basic realm=\"hecate\", charset=\"UTF-8\""]);
    assert!(authenticator.challenges(&AuthError::Nothing).is_empty());
    let only_jwt = Authenticator::new(&auth(vec![Configured::Jwt(issuer())]), false).unwrap();
    assert_eq!(only_jwt.challenges(&AuthError::Missing), ["Bearer realm=\"hecate\""]);
}

#[tokio::test]
async fn none_is_for_loopback() {
    for providers in [vec![], vec![Configured::None { forced: false }]] {
        assert!(matches!(Authenticator::new(&auth(providers.clone()), false), Err(SetUpError::OpenToTheWorld)));
        let open = Authenticator::new(&auth(providers), true).unwrap();
        assert_eq!(show(&open, None).await, Ok("none everybody everything".into()));
        assert_eq!(show(&open, Some("Bearer whatever")).await, Ok("none everybody everything".into()));
    }
    assert!(Authenticator::new(&auth(vec![Configured::None { forced: true }]), false).is_ok());
}

#[tokio::test]
async fn a_changed_users_file_takes_effect_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    let old = write_users(&file, &[("alice", &["a"]), ("bob", &["b"])]);
    let authenticator = Authenticator::with_timing(&auth(vec![users_file(&file)]), false, timing()).unwrap();
    assert!(show(&authenticator, Some(&bearer(&old[1]))).await.is_ok());

    let new = write_users(&file, &[("alice", &["a", "c"])]);
    assert_eq!(show(&authenticator, Some(&bearer(&old[1]))).await, Err(AuthError::Unknown), "the kept verdict is gone too");
    assert_eq!(show(&authenticator, Some(&bearer(&new[0]))).await, Ok("static alice a,c".into()));
    assert_eq!(authenticator.stats().file_reloads(), 1);

    std::fs::write(&file, "users:\n  - {name: alice}\n").unwrap();
    assert_eq!(show(&authenticator, Some(&bearer(&new[0]))).await, Ok("static alice a,c".into()), "the last good content stays");
    assert_eq!(authenticator.stats().file_reload_failures(), 1);
}

#[test]
fn settings_that_are_not_safe_are_refused() {
    let refused = |provider: Configured| Authenticator::new(&auth(vec![provider]), true).err().unwrap().to_string();
    for (provider, expect) in [
        (users_file(Path::new("/nonexistent/users.yaml")), "/nonexistent/users.yaml: cannot be read"),
        (anonymous_of(&[]), "`namespaces` is empty"),
        (anonymous_of(&["Team"]), "lower-case"),
        (Configured::Jwt(Jwt { audience: Vec::new(), ..issuer() }), "has no audience"),
        (Configured::Jwt(Jwt { audience: vec![String::new()], ..issuer() }), "has no audience"),
        (Configured::Jwt(Jwt { algorithms: vec!["HS256".into()], ..issuer() }), "algorithm \"HS256\""),
        (Configured::Jwt(Jwt { algorithms: vec!["none".into()], ..issuer() }), "algorithm \"none\""),
        (Configured::Jwt(Jwt { permissions: vec!["all".into()], ..issuer() }), "\"all\" is not a permission"),
        (Configured::Jwt(Jwt { ca_file: Some("/nonexistent/ca.pem".into()), ..issuer() }), "/nonexistent/ca.pem"),
    ] {
        let message = refused(provider);
        assert!(message.contains(expect), "{message}");
    }
    let roles = Auth { roles_file: Some("/nonexistent/roles.yaml".into()), ..Auth::default() };
    assert!(Authenticator::new(&roles, true).err().unwrap().to_string().contains("/nonexistent/roles.yaml"));
}

#[test]
fn no_decision_outlives_the_revocation_bound() {
    let short = Auth { revocation_bound: Some(Duration::from_secs(7)), ..Auth::default() };
    assert_eq!(Authenticator::new(&short, true).unwrap().revocation_bound(), Duration::from_secs(7));
    assert_eq!(Authenticator::new(&Auth::default(), true).unwrap().revocation_bound(), REVOCATION_BOUND);
}
