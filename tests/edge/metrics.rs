//! `/metrics` and `/debug/config`: complete in the guide, bounded, on the admin listener only, without secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::stand_in::NOTHING;
use crate::support::{Hecate, RedisServer, StandIn, client, eventually, usual_users};
use crate::{hecate, simple};

/// Names and labels, without numbers.
fn series(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// One of each kind of traffic, `times` times with other paths, methods, users and queries.
async fn traffic(hecate: &Hecate, times: std::ops::Range<usize>) {
    let http = client();
    for n in times {
        let ask = |method: &str, path: String| {
            http.request(method.parse().unwrap(), format!("{}{path}", hecate.url())).bearer_auth(format!("token-user-{}", n % 50))
        };
        ask("GET", format!("/api/v1/query?query=secret_metric_{n}")).send().await.unwrap();
        ask("GET", format!("/wp-admin/{n}.php")).send().await.unwrap();
        ask(&format!("METHOD{n}"), "/api/v1/query".to_owned()).send().await.unwrap();
        ask("GET", format!("/api/v1/label/label_{n}/values")).send().await.unwrap();
        ask("GET", format!("/ns/other-{n}/api/v1/query?query=up")).send().await.unwrap();
        http.get(format!("{}/api/v1/query?query=up", hecate.url())).bearer_auth(format!("wrong-{n}")).send().await.unwrap();
    }
}

#[tokio::test]
async fn labels_are_bounded_and_tell_nothing_of_users() {
    let upstream = StandIn::answering(NOTHING, Duration::ZERO).await;
    let users: String = (0..50)
        .map(|n| crate::support::users(&[(&format!("user-{n}"), &format!("token-user-{n}"), &format!("namespaces: [ns-{n}]"))]))
        .map(|text| text.trim_start_matches("users:\n").to_owned())
        .collect();
    let rest = format!(
        "upstreams: [{{name: prometheus, url: \"{}\"}}]\nauth: {{providers: [{{kind: static, users_file: users.yaml}}]}}\n",
        upstream.url()
    );
    let hecate = Hecate::start("", &rest, &[("users.yaml", &format!("users:\n{users}"))]);
    traffic(&hecate, 0..10).await;
    // Being asked for metrics is counted too, once the answer is out.
    eventually("the first question is counted", async || hecate.metrics().await.contains(r#"route="/metrics""#).then_some(())).await;
    let before = series(&hecate.metrics().await);
    traffic(&hecate, 10..45).await;
    let after = series(&hecate.metrics().await);
    // The upkeep of the database has its own times; what it does are names in the code.
    let fresh: Vec<_> = after.difference(&before).filter(|series| !series.starts_with("hecate_database_call")).collect();
    assert!(fresh.is_empty(), "{fresh:?}");
    assert!(after.len() > 100, "{}", after.len());
    let text = hecate.metrics().await;
    for part in ["user-", "secret_metric", "wp-admin", "METHOD", "label_1", "other-", "ns-"] {
        assert!(!text.contains(part), "{part} stands in the metrics");
    }
}

/// The metrics of every room, once there was traffic, stand in the guide, and what stands there exists.
#[tokio::test]
async fn the_guide_names_every_metric() {
    let (hecate, _upstream) = simple("").await;
    assert_eq!(hecate.query().await.0, 200);
    let away = crate::hecate("", "url: \"http://127.0.0.1:1\", retries: 0", "");
    assert_eq!(away.query().await.0, 503);
    // Everything that may be there: a Redis, a Perses, and an upstream that stands in for another.
    let (redis, upstream) = (RedisServer::start(&[]).await, StandIn::answering(NOTHING, Duration::ZERO).await);
    let upstreams = format!("url: \"http://127.0.0.1:1\", retries: 0}}, {{name: other, url: \"{}\", retries: 0", upstream.url());
    let whole = crate::hecate_that_keeps(
        "",
        &upstreams,
        &format!("cache: {{redis: {{url: \"{}\"}}}}\nperses: {{url: \"http://127.0.0.1:1\"}}\n", redis.url()),
    );
    let import = format!("{}/api/v1/projects/a/dashboards/import", whole.url());
    let of_grafana = serde_json::json!({"title": "x", "schemaVersion": 39, "panels": []});
    let request = crate::support::client().post(import).bearer_auth("token-admin").header("content-type", "application/json");
    assert_eq!(request.body(of_grafana.to_string()).send().await.unwrap().status(), 503, "the Perses server is away");
    let text = eventually("Redis is connected, and used", async || {
        assert_eq!(whole.query().await.0, 200);
        let text = whole.metrics().await;
        text.contains("hecate_redis_operations_total{operation=\"publish\",outcome=\"ok\"}").then_some(text)
    })
    .await;
    let text = hecate.metrics().await + &away.metrics().await + &text;
    let served: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE hecate_")?.split(' ').next()).collect();
    let guide = include_str!("../../docs/operations.md");
    let told: BTreeSet<&str> =
        guide.lines().filter_map(|line| line.strip_prefix("| `hecate_")).filter_map(|rest| rest.split(['{', '`']).next()).collect();
    assert!(served.iter().any(|name| name.starts_with("upstream_")), "{served:?}");
    assert_eq!(served.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new(), "served, but not in docs/operations.md");
    assert_eq!(told.difference(&served).collect::<Vec<_>>(), Vec::<&&str>::new(), "in docs/operations.md, but not served");
    // Its labels are the documented ones.
    for line in guide.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).filter(|name| name.contains('{')) {
        let (name, labels) = line.trim_end_matches('}').split_once('{').unwrap();
        let told: BTreeSet<&str> = labels.split(',').collect();
        let suffix = if name.ends_with("_seconds") { "_count" } else { "" };
        let Some(found) = text.lines().find(|line| line.starts_with(&format!("{name}{suffix}{{"))) else { continue };
        let inside = found.split_once('{').unwrap().1.split_once('}').unwrap().0;
        let found: BTreeSet<&str> = inside.split("\",").filter_map(|label| label.split('=').next()).collect();
        assert_eq!(found, told, "{name}");
    }
}

#[tokio::test]
async fn the_admin_paths_are_not_on_the_public_listener() {
    let (hecate, _upstream) = simple("").await;
    for path in ["/metrics", "/debug/config", "/debug/pprof", "/-/reload", "/-/quit"] {
        let response = client().get(format!("{}{path}", hecate.url())).bearer_auth("token-admin").send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    for path in ["/api/v1/query?query=up", "/api/v1/auth/me"] {
        let response = client().get(format!("{}{path}", hecate.admin_url())).bearer_auth("token-admin").send().await.unwrap();
        assert_eq!(response.status(), 404, "{path} on the admin listener");
    }
}

#[tokio::test]
async fn the_shown_configuration_has_no_secrets() {
    let upstream = "url: \"http://127.0.0.1:1\", auth: {bearer_token: SECRET-one, headers: {X-Scope-OrgID: SECRET-two}}";
    let hecate = hecate("", upstream, "");
    let response = client().get(format!("{}/debug/config", hecate.admin_url())).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(!text.contains("SECRET") && text.contains("********"), "{text}");
    assert!(text.contains("http://127.0.0.1:1") && text.contains("X-Scope-OrgID"), "{text}");
    assert!(usual_users().lines().skip(1).all(|line| !text.contains(line)));
    assert!(!hecate.log().contains("SECRET"));
}
