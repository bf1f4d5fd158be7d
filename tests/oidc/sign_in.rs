//! People with a browser: the whole way through a real issuer to a session, what a session opens, and what does not make one.

use reqwest::Method;
use url::Url;

use crate::browser::{Answer, Browser};
use crate::issuer::Issuer;
use crate::support::{Hecate, Prometheus, PrometheusOptions, free_port, users};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const SESSION: &str = "hecate_session";

struct World {
    issuer: Issuer,
    hecate: Hecate,
    prometheus: Prometheus,
}

impl World {
    async fn start() -> World {
        let issuer = Issuer::start().await;
        let prometheus = Prometheus::start(PrometheusOptions::default()).await;
        let port = free_port();
        issuer.sends_back_to(&format!("http://127.0.0.1:{port}/auth/callback")).await;
        let hecate = replica(&issuer, &prometheus, port, KEY);
        World { issuer, hecate, prometheus }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.hecate.url())
    }

    /// Begins; the address at the issuer.
    async fn begin(&self, browser: &mut Browser, return_to: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
        let answer = browser.get(&self.at(&format!("/auth/login?{query}"))).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.location().to_owned()
    }

    /// Begins, and goes through the issuer; the address to come back to.
    async fn come_back(&self, browser: &mut Browser) -> String {
        let address = self.begin(browser, "/auth/me").await;
        browser.through_issuer(&address, self.hecate.url()).await
    }

    async fn signed_in(&self) -> Browser {
        let mut browser = Browser::new();
        let back = self.come_back(&mut browser).await;
        assert_eq!(browser.get(&back).await.status, 303);
        browser
    }
}

fn replica(issuer: &Issuer, prometheus: &Prometheus, port: u16, key: &str) -> Hecate {
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{}\"}}]\nauth:\n  providers:\n  - {{kind: static, users_file: users.yaml}}\n  \
         - {{kind: jwt, issuer: \"{1}\", audience: hecate-web}}\n  sign_in: {{kind: oidc, issuer: \"{1}\", client_id: hecate-web, \
         client_secret_file: secret, session_key_file: key}}\n",
        prometheus.url(),
        issuer.name(),
    );
    let people = users(&[("admin", "token-admin", "cluster: true, permissions: [\"*\"]"), ("bob", "token-bob", "namespaces: [b]")]);
    let server: String = format!("public_url: \"http://127.0.0.1:{port}\"");
    let listen = format!("127.0.0.1:{port}");
    let files = [("users.yaml", people.as_str()), ("secret", "web secret/1+2%\n"), ("key", key)];
    Hecate::start_in(&[("HECATE__SERVER__LISTEN", &listen)], &server, &rest, &files)
}

/// 401, and the browser forgets what it showed.
fn expect_forgotten(answer: &Answer, words: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains(words), "{answer:?}");
    assert!(answer.cookies().iter().any(|cookie| cookie.starts_with("hecate_session=; ") && cookie.contains("Max-Age=0;")), "{answer:?}");
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(challenges.len() == 1 && challenges[0].starts_with("Bearer "), "no window that asks for a password: {challenges:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_issuer_to_a_session_and_out() {
    let world = World::start().await;
    let mut browser = Browser::new();
    let address = world.begin(&mut browser, "/api/v1/query?query=up").await;
    let asked: std::collections::BTreeMap<_, _> = Url::parse(&address).unwrap().query_pairs().into_owned().collect();
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    assert_eq!((asked["client_id"].as_str(), asked["redirect_uri"].as_str()), ("hecate-web", world.at("/auth/callback").as_str()));
    let back = browser.through_issuer(&address, world.hecate.url()).await;
    let came_in = browser.get(&back).await;
    assert_eq!((came_in.status, came_in.location()), (303, "/api/v1/query?query=up"));
    let cookies = came_in.cookies();
    let session = cookies.iter().find(|cookie| cookie.starts_with("hecate_session=1")).unwrap();
    assert!(session.contains("; Path=/; Max-Age=") && session.ends_with("; HttpOnly; SameSite=Lax"), "{session}");
    let lasts: u64 = session.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
    assert!((500..=600).contains(&lasts), "as long as the ID token, which is 600 s: {lasts}");
    assert_eq!(browser.cookies(world.hecate.url()).keys().collect::<Vec<_>>(), [SESSION], "what was begun is over");

    let me = browser.get(&world.at("/auth/me")).await;
    let who = serde_json::json!({"user": "alice", "provider": "jwt", "groups": ["ml"], "cluster": false, "namespaces": ["a"],
        "permissions": ["Metrics:query"]});
    assert_eq!(me.json(), who, "{me:?}");
    assert_eq!(browser.get(&world.at("/api/v1/query?query=up")).await.status, 200);
    let mut stream = browser.begin(Method::GET, &world.at("/api/v1/metrics/stream?query=up&window=1m"), &[], "").await;
    assert_eq!(stream.status().as_u16(), 200);
    let mut told = String::new();
    while !told.contains("event: connected") {
        told.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().expect("the stream ended")).unwrap());
    }
    drop(stream);

    let out = world.at("/auth/logout");
    let (own, foreign) = (("origin", world.hecate.url()), ("origin", "http://127.0.0.1:9"));
    for headers in [&[][..], &[foreign], &[("sec-fetch-site", "same-site")]] {
        let refused = browser.send(Method::POST, &out, headers, "").await;
        assert!(refused.status == 403 && refused.cookies().is_empty(), "{headers:?}: {refused:?}");
    }
    let gone = browser.send(Method::POST, &out, &[own], "").await;
    assert_eq!((gone.status, gone.cookies().len()), (204, 1));
    assert_eq!(browser.get(&world.at("/auth/me")).await.status, 401);
    // The log says who came, and nothing by which somebody else could come.
    let (log, sealed) = (world.hecate.log(), session["hecate_session=".len()..].split(';').next().unwrap());
    let code = Url::parse(&back).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert!(log.contains("alice") && log.contains("/auth/callback"), "{log}");
    for secret in [sealed, &code, "web secret", KEY, "eyJ"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let client = crate::support::client();
    let metrics = client.get(format!("{}/metrics", world.hecate.admin_url())).send().await.unwrap().text().await.unwrap();
    for line in ["hecate_sign_ins_total{outcome=\"done\"} 1", "hecate_sessions_refused_total{reason=\"origin\"} 3"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("hecate_sign_in_issuer_requests_total{outcome=\"answered\"} 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_more_by_a_cookie_and_a_header_together() {
    let world = World::start().await;
    let mut browser = world.signed_in().await;
    let me = world.at("/auth/me");
    let own = ("origin", world.hecate.url());
    let (admin, bob) = (("authorization", "Bearer token-admin"), ("authorization", "Bearer token-bob"));
    for (header, user) in [(admin, "admin"), (bob, "bob")] {
        let who = browser.send(Method::GET, &me, &[header], "").await.json();
        assert_eq!((who["user"].as_str(), who["cluster"] == true), (Some(user), user == "admin"), "the header alone counts");
    }
    for bad in ["Bearer wrong", "Bearer", "Basic YWxpY2U6eA==", "Cookie", ""] {
        let refused = browser.send(Method::GET, &me, &[("authorization", bad)], "").await;
        assert!(refused.status == 401 && refused.cookies().is_empty(), "{bad}: {refused:?}");
    }
    let two = browser.send(Method::GET, &me, &[admin, bob], "").await;
    assert_eq!(two.status, 400, "{two:?}");
    // Alice sees a, whatever else she says.
    for (path, headers) in [("/ns/b/api/v1/query?query=up", &[][..]), ("/api/v1/query?query=up", &[("x-hecate-namespaces", "b")])] {
        assert_eq!(browser.send(Method::GET, &world.at(path), headers, "").await.status, 403, "{path}");
    }
    // What changes something, and queries in forms, come from pages of ours only; a token needs no page.
    let query = world.at("/api/v1/query");
    for (headers, status) in [
        (&[FORM, own][..], 200),
        (&[FORM, ("sec-fetch-site", "same-origin")], 200),
        (&[FORM, ("referer", &me)], 200),
        (&[FORM], 403),
        (&[FORM, ("origin", "null")], 403),
        (&[FORM, ("origin", "http://127.0.0.1:9")], 403),
        (&[FORM, ("origin", "http://localhost")], 403),
        (&[FORM, ("sec-fetch-site", "same-site")], 403),
        (&[FORM, ("origin", "http://127.0.0.1:9"), bob], 200),
    ] {
        let answer = browser.send(Method::POST, &query, headers, "query=up").await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
    }
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["/api/v1/projects/a/dashboards/x", "/api/v1/preferences", "/api/v1/cache"] {
            let answer = browser.send(method.clone(), &world.at(path), &[("content-type", "application/json")], "{}").await;
            assert!(matches!(answer.status, 403 | 405), "{method} {path}: {answer:?}");
        }
    }
    // Streams that pages of others open would use up what alice may have.
    let stream = browser.send(Method::GET, &world.at("/api/v1/metrics/stream?query=up"), &[("origin", "http://127.0.0.1:9")], "").await;
    assert_eq!(stream.status, 403, "{stream:?}");
    let vary = browser.get(&world.at("/api/v1/query?query=up")).await;
    assert!(vary.headers["vary"].to_str().unwrap().contains("authorization, cookie"), "{vary:?}");

    // Changed, mixed and doubled cookies.
    let good = browser.cookies(&me)[SESSION].clone();
    let changed = |text: &str| Some(text.to_owned());
    for (first, part) in [
        (format!("{}{}{}", &good[..60], if &good[60..61] == "A" { "B" } else { "A" }, &good[61..]), None),
        (good[..good.len() / 2].to_owned(), None),
        (format!("2{}", &good[1..]), changed("more")),
        ("1".to_owned(), None),
        ("garbage".to_owned(), None),
        ("1token-admin".to_owned(), None),
    ] {
        let mut forger = browser.clone();
        forger.cookies(&me).insert(SESSION.into(), first.clone());
        forger.cookies(&me).extend(part.map(|part| ("hecate_session_1".to_owned(), part)));
        expect_forgotten(&forger.get(&me).await, "the session cookie cannot be read");
        assert!(forger.cookies(&me).is_empty(), "all parts are forgotten");
    }
    let mut two = browser.clone();
    two.cookies(&me).insert(SESSION.into(), format!("{good}; hecate_session={good}"));
    expect_forgotten(&two.get(&me).await, "more than once");
    assert_eq!(browser.get(&me).await.status, 200, "the good one still is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_this_sign_in_makes_no_session() {
    let world = World::start().await;
    let none = |answer: &Answer| assert!(!answer.cookies().iter().any(|cookie| cookie.starts_with("hecate_session=1")), "{answer:?}");
    // Elsewhere in the end.
    for place in ["//evil.org", "https://evil.org/", "/\\evil.org", "javascript:x", "evil"] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", place).finish();
        assert_eq!(Browser::new().get(&world.at(&format!("/auth/login?{query}"))).await.status, 400, "{place}");
    }
    // Somebody else's sign-in in this browser.
    let (mut mine, mut other) = (Browser::new(), Browser::new());
    let (my_way, other_way) = (world.come_back(&mut mine).await, world.come_back(&mut other).await);
    for (browser, way) in [(&mut mine.clone(), &other_way), (&mut Browser::new(), &my_way)] {
        let refused = browser.get(way).await;
        assert!(refused.status == 400 && refused.body.contains("did not begin this sign-in"), "{refused:?}");
        none(&refused);
        assert!(browser.cookies(&my_way).is_empty(), "what was begun is over");
    }
    let bad_state = my_way.replace("state=", "state=x");
    assert_eq!(mine.clone().get(&bad_state).await.status, 400);
    // A code of somebody else: it was given for another verifier.
    let code_of = |way: &str| Url::parse(way).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let injected = my_way.replace(&code_of(&my_way), &code_of(&other_way));
    let refused = mine.clone().get(&injected).await;
    assert!(refused.status == 401 && refused.body.contains("invalid_grant"), "{refused:?}");
    none(&refused);
    // Another issuer, and one that says no.
    let mixed = my_way.replace("iss=http%3A%2F%2F127.0.0.1", "iss=http%3A%2F%2Fevil.org");
    assert!(mixed != my_way && mine.clone().get(&mixed).await.status == 400, "{mixed}");
    let denied = my_way.replace("code=", "error=access_denied&was=");
    let refused = mine.clone().get(&denied).await;
    assert!(refused.status == 401 && refused.body.contains("access_denied"), "{refused:?}");
    // A code is good once.
    let before = mine.clone();
    assert_eq!(mine.get(&my_way).await.status, 303);
    assert_eq!(mine.get(&my_way).await.status, 400, "what was begun is over");
    let replayed = before.clone().get(&my_way).await;
    assert!(replayed.status == 401 && replayed.body.contains("invalid_grant"), "{replayed:?}");
    none(&replayed);
    // The token of another sign-in: its nonce is not the one that was sent.
    let mut third = Browser::new();
    let mut address = Url::parse(&world.begin(&mut third, "/").await).unwrap();
    let pairs: Vec<_> = address
        .query_pairs()
        .into_owned()
        .map(|(name, value)| if name == "nonce" { (name, "another".to_owned()) } else { (name, value) })
        .collect();
    address.query_pairs_mut().clear().extend_pairs(pairs);
    let back = third.through_issuer(address.as_str(), world.hecate.url()).await;
    let refused = third.get(&back).await;
    assert!(refused.status == 401 && refused.body.contains("nonce"), "{refused:?}");
    none(&refused);
    // What is sealed for one thing is nothing for the other.
    let mut confused = Browser::new();
    world.begin(&mut confused, "/").await;
    let begun = confused.cookies(&back).remove("hecate_sign_in").unwrap();
    confused.cookies(&back).insert(SESSION.into(), format!("1{begun}"));
    expect_forgotten(&confused.get(&world.at("/auth/me")).await, "cannot be read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_sessions_by_their_key_and_an_issuer_that_is_away_is_said() {
    let mut world = World::start().await;
    let mut browser = world.signed_in().await;
    let session = browser.cookies(world.hecate.url())[SESSION].clone();
    for (key, status) in [(KEY, 200), ("another-key-0123456789abcdef0123456789", 401)] {
        let replica = replica(&world.issuer, &world.prometheus, free_port(), key);
        let mut there = Browser::new();
        there.cookies(replica.url()).insert(SESSION.into(), session.clone());
        let answer = there.get(&format!("{}/auth/me", replica.url())).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 401 {
            expect_forgotten(&answer, "another key");
        }
    }
    let mut late = Browser::new();
    let back = world.come_back(&mut late).await;
    world.issuer.kill().await;
    let cold = replica(&world.issuer, &world.prometheus, free_port(), KEY);
    for url in [back, format!("{}/auth/login", cold.url())] {
        let away = late.get(&url).await;
        assert!(away.status == 503 && away.headers.contains_key("retry-after"), "{away:?}");
        assert!(away.body.contains("the issuer does not answer") && !away.body.contains("/token"), "{away:?}");
    }
    assert_eq!(browser.get(&world.at("/auth/me")).await.status, 200, "whoever is in stays in");
    // Asking costs the issuer nothing, and is bounded.
    let mut statuses = Vec::new();
    for _ in 0..110 {
        statuses.push(late.get(&format!("{}/auth/login", cold.url())).await.status);
    }
    assert!(statuses[..90].iter().all(|status| *status == 503) && statuses[105..].iter().all(|status| *status == 429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_a_form_makes_a_session_until_the_token_is_taken_away() {
    let prometheus = Prometheus::start(PrometheusOptions::default()).await;
    let config = |sign_in: &str| {
        format!(
            "upstreams: [{{name: prometheus, url: \"{}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}], \
             revocation_bound: 4s{sign_in}}}\n",
            prometheus.url()
        )
    };
    let people = users(&[("alice", "token-alice", "namespaces: [a]")]);
    let hecate = Hecate::start("", &config(", sign_in: {kind: token}"), &[("users.yaml", &people)]);
    assert!(hecate.log().contains("sessions end with this process"), "{}", hecate.log());
    let at = |path: &str| format!("{}{path}", hecate.url());
    let own = ("origin", hecate.url());
    let mut browser = Browser::new();
    let page = browser.get(&at("/auth/login?return_to=/x%3Fa%3D1%26b%3D2")).await;
    assert!(page.status == 200 && page.body.contains("value=\"/x?a=1&amp;b=2\""), "{page:?}");
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("form-action 'self'"));
    for (headers, body, status) in [
        (&[FORM][..], "token=token-alice", 403),
        (&[FORM, ("origin", "http://evil.org")], "token=token-alice", 403),
        (&[FORM, own], "token=wrong", 401),
        (&[FORM, own], "token=%0d%0a", 401),
        (&[FORM, own], "", 400),
        (&[FORM, own], "token=token-alice&return_to=//evil.org", 400),
        (&[own, ("content-type", "application/json")], "{\"token\":\"wrong\"}", 401),
        (&[own, ("content-type", "application/json")], "{\"token\":5}", 400),
        (&[own, ("content-type", "text/plain")], "token=token-alice", 415),
    ] {
        let refused = browser.send(Method::POST, &at("/auth/login"), headers, body).await;
        assert!(refused.status == status && refused.cookies().is_empty(), "{headers:?} {body}: {refused:?}");
        assert!(!refused.headers.get_all("www-authenticate").iter().any(|one| one.to_str().unwrap().starts_with("Basic")), "{refused:?}");
    }
    let json = browser
        .clone()
        .send(Method::POST, &at("/auth/login"), &[own, ("content-type", "application/json")], "{\"token\":\"token-alice\"}")
        .await;
    assert_eq!((json.status, json.cookies().len()), (204, 1));
    let form = browser.send(Method::POST, &at("/auth/login"), &[FORM, own], "token=token-alice&return_to=/auth/me").await;
    assert_eq!((form.status, form.location()), (303, "/auth/me"));
    assert!(form.cookies()[0].contains("Max-Age=43200;") && !form.cookies()[0].contains("token-alice"), "{form:?}");
    let who = browser.get(&at("/auth/me")).await.json();
    assert_eq!((who["user"].as_str(), who["provider"].as_str()), (Some("alice"), Some("static")));
    // A server without sign-in knows no cookies.
    let plain = Hecate::start("", &config(""), &[("users.yaml", &people)]);
    let mut there = Browser::new();
    there.cookies(plain.url()).insert(SESSION.into(), browser.cookies(hecate.url())[SESSION].clone());
    let unknown = there.get(&format!("{}/auth/me", plain.url())).await;
    assert!(unknown.status == 401 && unknown.cookies().is_empty() && unknown.body.contains("credentials are needed"), "{unknown:?}");
    assert_eq!(there.get(&format!("{}/auth/login", plain.url())).await.status, 404);

    let mut stream = browser.begin(Method::GET, &at("/api/v1/metrics/stream?query=up&window=1m"), &[], "").await;
    assert_eq!(stream.status().as_u16(), 200);
    std::fs::write(hecate.folder().join("users.yaml"), users(&[("bob", "token-bob", "namespaces: [b]")])).unwrap();
    let mut told = String::new();
    let ends = async {
        while let Ok(Some(piece)) = stream.chunk().await {
            told.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(15), ends).await.expect("a stream whose owner is gone goes on");
    assert!(told.contains("event: connected"), "{told}");
    expect_forgotten(&browser.get(&at("/auth/me")).await, "not recognised");
}
