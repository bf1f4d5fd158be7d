//! Files that are right, and what they mean.

use std::time::Duration;

use super::{folder, load, load_with};
use crate::config::{
    Config, Conflict, Credentials, HostPort, LogFormat, Provider, RedisServers, Role, RuleTarget, SignInKind, TenantLabels, UpstreamKind,
};

const FULL: &str = include_str!("full.yaml");

fn full() -> (tempfile::TempDir, Config) {
    let folder = folder(FULL);
    let config = load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    (folder, config)
}

/// Everything but the places, which the text of the file decides.
fn values(config: &Config) -> String {
    let Config { server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry, origin: _ } = config;
    format!(
        "{server:?}\n{upstreams:?}\n{auth:?}\n{tenancy:?}\n{promql:?}\n{limits:?}\n{cache:?}\n{stream:?}\n{perses:?}\n{dashboards:?}\n{telemetry:?}"
    )
}

#[test]
fn nothing_is_the_default() {
    let default = values(&Config::default());
    assert_eq!(values(&Config::load(None, std::iter::empty()).unwrap()), default);
    for empty in ["", "\n# nothing\n", "---\n", "{}", "server:\nupstreams:\nlimits: {}\n", "\u{feff}server: {}\r\n"] {
        let folder = folder(empty);
        assert_eq!(values(&load(folder.path()).unwrap()), default, "{empty:?}");
    }
    let config = Config::default();
    assert_eq!(config.upstreams.len(), 1);
    assert_eq!((config.upstreams[0].name.as_str(), config.upstreams[0].url.as_str()), ("prometheus", "http://127.0.0.1:9090/"));
    assert_eq!(config.tenancy.labels, TenantLabels::shipped());
}

#[test]
fn every_topic_is_read() {
    let (folder, config) = full();
    let server = &config.server;
    assert_eq!(server.listen.to_string(), "0.0.0.0:8443");
    assert_eq!(server.tls.as_ref().unwrap().cert, folder.path().join("tls/server.crt"));
    assert_eq!(server.public_url.as_deref(), Some("https://hecate.example/metrics"));
    assert_eq!(server.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]);
    assert_eq!((server.drain, server.drain_delay, server.threads), (Duration::from_secs(90), Duration::from_millis(1500), 3));
    assert_eq!((server.max_uri, server.max_body, server.compression), (4096, 2 << 20, false));

    let [hot, cold] = config.upstreams.as_slice() else { panic!("two upstreams") };
    assert_eq!((hot.role, hot.kind, hot.retention), (Role::Hot, UpstreamKind::Prometheus, Some(Duration::from_secs(15 * 86_400))));
    assert!(matches!(&hot.auth.credentials, Some(Credentials::BearerFile(path)) if *path == folder.path().join("token")));
    assert_eq!(hot.auth.headers[0].0, "X-Scope-OrgID");
    assert_eq!(hot.auth.headers[0].1.expose(), "team: a");
    assert_eq!((cold.role, cold.kind, cold.url.as_str()), (Role::Cold, UpstreamKind::Thanos, "https://thanos.example/query"));
    let Some(Credentials::Basic { user, password }) = &cold.auth.credentials else { panic!("basic") };
    assert_eq!((user.as_str(), password.expose()), ("hecate", "pass word"), "line breaks at the end are cut, spaces inside are not");
    assert_eq!(cold.auth.client_certificate.as_ref().unwrap().1, std::path::Path::new("/etc/client.key"));

    let [Provider::Static(users), Provider::Jwt(jwt), Provider::Anonymous(anonymous)] = config.auth.providers.as_slice() else {
        panic!("three")
    };
    assert_eq!(users.users_file, folder.path().join("users.yaml"));
    assert_eq!((jwt.audience.as_slice(), jwt.algorithms.as_slice()), (["hecate".to_owned()].as_slice(), ["PS256".to_owned()].as_slice()));
    assert_eq!((jwt.claims.user.as_str(), jwt.claims.groups.as_str()), ("sub", "realm_access.roles"));
    assert_eq!(anonymous.namespaces.iter().map(String::as_str).collect::<Vec<_>>(), ["a-1", "b"]);
    assert_eq!(anonymous.permissions, ["Metrics:query"]);
    let sign_in = config.auth.sign_in.as_ref().unwrap();
    let SignInKind::Oidc(client) = &sign_in.kind else { panic!("oidc") };
    assert_eq!((client.issuer.as_str(), client.client_id.as_str()), ("https://login.example/realms/main", "hecate"));
    assert_eq!((client.secret.as_ref().unwrap().1.expose(), client.scopes.join(" ").as_str()), ("pass word", "openid groups"));
    assert_eq!((sign_in.key.as_ref().unwrap().key.expose().len(), sign_in.lifetime), (32, Duration::from_secs(8 * 3600)));

    assert_eq!(config.tenancy.conflict, Conflict::Error);
    assert_eq!(config.tenancy.labels.default_label, "project");
    assert_eq!(config.tenancy.labels.rules[0].target, RuleTarget::Label("tenant".into()));
    assert_eq!(config.tenancy.labels.rules[1].target, RuleTarget::Shared);
    assert_eq!(config.promql.features, ["promql-experimental-functions"]);
    assert_eq!((config.limits.rate_per_user, config.limits.samples), (10.0, 1_000_000));
    let stream = &config.stream;
    assert_eq!(
        (stream.interval, stream.min_interval, stream.max_interval),
        (Duration::from_secs(10), Duration::from_secs(1), Duration::from_secs(60))
    );
    assert_eq!((stream.heartbeat, stream.revalidate), (Duration::from_secs(5), Duration::from_secs(7)));
    assert_eq!((stream.max_connections, stream.max_queries, stream.memory), (20_000, 7, 2 << 20));
    let redis = config.cache.redis.as_ref().unwrap();
    assert_eq!((config.cache.memory, config.cache.fresh_ttl, config.cache.self_check), (1 << 30, Duration::from_secs(5), 0.0));
    let host = |host: &str, port| HostPort { host: host.to_owned(), port };
    assert_eq!(redis.servers, RedisServers::Sentinel { master: "main".to_owned(), hosts: vec![host("a", 1), host("b", 26379)] });
    assert_eq!((redis.tls, redis.database, redis.prefix.as_str(), redis.budget), (true, 2, "hecate-1", Duration::from_millis(5)));
    assert_eq!((redis.user.as_deref(), redis.password.as_ref().unwrap().expose()), (Some("hecate"), "pass word"));
    assert_eq!(redis.sentinel.as_ref().unwrap().1.expose(), "se ntinel");
    assert_eq!(redis.ca_file.as_deref(), Some(folder.path().join("redis.crt").as_path()));
    assert_eq!(config.perses.url.as_ref().unwrap().as_str(), "http://perses:8080/base");
    let dashboards = &config.dashboards;
    assert_eq!(
        (dashboards.database.expose(), dashboards.retention_days, dashboards.keep_versions),
        ("postgres://u:p4ss@db/hecate", 7, 200)
    );
    assert_eq!(dashboards.masked_database(), "postgres://u:********@db/hecate");
    assert_eq!(dashboards.templates_dir, Some(folder.path().join("templates")));
    assert_eq!((config.telemetry.format, config.telemetry.access_log), (LogFormat::Json, false));
}

#[test]
fn the_database_of_dashboards() {
    assert_eq!(Config::default().dashboards.database.expose(), "sqlite:hecate.db", "in the working directory");
    let beside = folder("dashboards: {database: \"sqlite:x.db\"}\n");
    assert_eq!(load(beside.path()).unwrap().dashboards.database.expose(), format!("sqlite:{}", beside.path().join("x.db").display()));
    let from_file = folder("dashboards: {database_file: password}\n");
    assert_eq!(load(from_file.path()).unwrap().dashboards.database.expose(), "pass word");
    for (yaml, words) in [
        ("dashboards: {database: \"mysql://u:p4ss@h/d\"}\n", "write sqlite:hecate.db, or postgres://"),
        ("dashboards: {database: \"sqlite::memory:\"}\n", "names no file"),
        ("dashboards: {database: \"sqlite:a\", database_file: password}\n", "write one of the two"),
        ("dashboards: {retention_days: 0}\n", "from 1 to 36500"),
    ] {
        let message = load(folder(yaml).path()).unwrap_err().to_string();
        assert!(message.contains(words) && !message.contains("p4ss"), "{yaml}: {message}");
    }
}

#[test]
fn places_are_kept_for_later_checks() {
    let (folder, config) = full();
    let place = config.place_of("promql.features[0]").unwrap();
    let line = FULL.lines().position(|line| line.contains("promql-experimental-functions")).unwrap() + 1;
    assert_eq!(place.line(), line);
    let error = crate::config::ConfigError::new(Some(place), "promql.features[0]", "not known");
    assert_eq!(error.to_string(), format!("{}:{line}:14: promql.features[0]: not known", folder.path().join("hecate.yaml").display()));
    assert_eq!(config.place_of("server.idle_timeout"), None, "a default stands nowhere");
}

#[test]
fn environment_wins() {
    let folder = folder("server: {listen: '127.0.0.1:1'}\nupstreams:\n  - {name: a, url: http://a}\n");
    let variables = [
        "HECATE__SERVER__LISTEN=127.0.0.1:2",
        "HECATE__UPSTREAMS__0__URL=http://b",
        "HECATE__UPSTREAMS__1__NAME=c",
        "HECATE__UPSTREAMS__1__URL=http://c",
        "HECATE__UPSTREAMS__0__AUTH__BEARER_TOKEN=a#b:c",
        "HECATE__UPSTREAMS__0__AUTH__HEADERS__X-SCOPE-ORGID=one: two #3",
        "HECATE__PROMQL__FEATURES=[a, b]",
        "HECATE__AUTH__PROVIDERS=[{kind: anonymous, namespaces: [x]}]",
        "HECATE__AUTH__PROVIDERS__0__NAMESPACES__1=y",
        "HECATE__LIMITS__DEPTH=7",
        "HECATE__TELEMETRY__OTLP_ENDPOINT=",
        "HECATE_SERVICE_HOST=10.0.0.1",
        "PATH=/bin",
    ];
    let config = load_with(folder.path(), &variables).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.place_of("server.listen").unwrap().variable(), Some("HECATE__SERVER__LISTEN"));
    assert_eq!(config.upstreams[0].name, "a");
    assert_eq!(config.upstreams[0].url.as_str(), "http://b/");
    assert_eq!(config.upstreams[1].name, "c");
    assert!(matches!(&config.upstreams[0].auth.credentials, Some(Credentials::Bearer(token)) if token.expose() == "a#b:c"));
    assert_eq!(config.upstreams[0].auth.headers[0].1.expose(), "one: two #3");
    assert_eq!(config.promql.features, ["a", "b"]);
    let Provider::Anonymous(anonymous) = &config.auth.providers[0] else { panic!("anonymous") };
    assert_eq!(anonymous.namespaces.len(), 2);
    assert_eq!(config.limits.depth, 7);
}

#[test]
fn environment_changes_the_default_upstream() {
    let one = ("HECATE__UPSTREAMS__0__TIMEOUT".to_owned(), "5s".to_owned());
    let config = Config::load(None, std::iter::once(one)).unwrap();
    assert_eq!(config.upstreams.len(), 1);
    assert_eq!((config.upstreams[0].name.as_str(), config.upstreams[0].timeout), ("prometheus", Duration::from_secs(5)));
}

#[test]
fn open_door_only_when_meant() {
    for yaml in [
        "server: {listen: '0.0.0.0:1'}\nauth: {providers: [{kind: none, force: true}]}\n",
        "server: {listen: '0.0.0.0:1'}\nauth: {providers: [{kind: anonymous, namespaces: [a]}]}\n",
        "server: {listen: '[::1]:1'}\nauth: {providers: [{kind: none}]}\n",
        "server: {listen: '127.0.0.1:0', admin_listen: '127.0.0.1:0'}\n",
    ] {
        let folder = folder(yaml);
        load(folder.path()).unwrap_or_else(|errors| panic!("{yaml}{errors}"));
    }
}

#[test]
fn tokens_in_a_form_need_nothing_else() {
    let folder = folder("auth: {providers: [{kind: static, users_file: users.yaml}], sign_in: {kind: token}}\n");
    let sign_in = load(folder.path()).unwrap().auth.sign_in.unwrap();
    assert!(matches!(sign_in.kind, SignInKind::Token) && sign_in.key.is_none());
    assert_eq!(sign_in.lifetime, Duration::from_secs(12 * 3600));
}

#[test]
fn masked_yaml_gives_the_same_configuration() {
    let (_folder, config) = full();
    let printed = config.masked_yaml();
    for secret in ["team: a", "pass word", "t0ken", "se ntinel", "p4ss", "0123456789"] {
        assert!(!printed.contains(secret), "{secret} in\n{printed}");
    }
    let again = folder(&printed);
    let reloaded = load(again.path()).unwrap_or_else(|errors| panic!("{printed}\n{errors}"));
    assert_eq!(values(&reloaded), values(&config));
    assert_eq!(reloaded.masked_yaml(), printed);

    let default = Config::default();
    let again = folder(&default.masked_yaml());
    assert_eq!(values(&load(again.path()).unwrap_or_else(|errors| panic!("{errors}"))), values(&default));
}

#[test]
fn masked_yaml_reads_like_the_contract() {
    let folder = folder("server: {threads: 4}\nupstreams:\n  - {name: a, url: http://a, auth: {bearer_token: abc}}\n");
    insta::assert_snapshot!(load(folder.path()).unwrap().masked_yaml(), @r#"
    server:
      listen: 127.0.0.1:7070
      admin_listen: 127.0.0.1:7071
      trusted_proxies: []
      drain: 30s
      drain_delay: 0s
      threads: 4
      max_uri: 32KiB
      max_headers: 64KiB
      max_body: 1MiB
      max_connections: 10000
      idle_timeout: 1m
      read_timeout: 10s
      write_timeout: 30s
      cors_origins: []
      compression: true
    upstreams:
      - name: a
        url: http://a/
        kind: prometheus
        role: hot
        settle: 1m
        timeout: 1m
        connect_timeout: 5s
        read_timeout: 1m
        max_concurrent: 32
        retries: 2
        health_interval: 10s
        auth:
          bearer_token: "********"
    auth:
      providers: []
    tenancy:
      default_label: namespace
      conflict: empty
    promql:
      features: []
    limits:
      query_bytes: 16KiB
      depth: 40
      selectors: 100
      points_per_series: 11000
      range: 31d
      series: 50000
      samples: 50000000
      response_bytes: 64MiB
      rate_per_user: 100/s
      concurrent_per_user: 32
      streams_per_user: 20
    cache:
      enabled: true
      memory: 256MiB
      fresh_ttl: 15s
      self_check: 0.001
    stream:
      interval: 15s
      min_interval: 5s
      max_interval: 5m
      heartbeat: 30s
      revalidate: 1m
      max_connections: 10000
      max_queries: 100
      memory: 256MiB
    perses: {}
    dashboards:
      retention_days: 90
      keep_versions: 200
      audit_days: 365
    telemetry:
      log: info
      format: text
      otlp_sample: 1
      slow_query: 5s
      access_log: true
    "#);
}
