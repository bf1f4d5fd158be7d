//! What is wrong and what the person reads about it, one snapshot for each mistake.

use std::path::Path;

use insta::assert_snapshot;

use super::{folder, load, load_with};
use crate::config::labels;
use crate::config::{ConfigErrors, error::Source};

/// The lines of the errors in a file `hecate.yaml`, without the count.
fn errors(yaml: &str) -> String {
    let folder = folder(yaml);
    lines(load(folder.path()).map(drop), folder.path())
}

/// As [`errors`], for variables over an empty file.
fn variable_errors(variables: &[&str]) -> String {
    let folder = folder("");
    lines(load_with(folder.path(), variables).map(drop), folder.path())
}

fn label_errors(yaml: &str) -> String {
    let mut errors = Vec::new();
    labels::decode(&Source::file(Path::new("labels.yaml")), yaml, &mut errors);
    lines(ConfigErrors::collect(errors).map_or(Ok(()), Err), Path::new("/nowhere"))
}

fn lines(result: Result<(), ConfigErrors>, folder: &Path) -> String {
    match result {
        Ok(()) => "no error".to_owned(),
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            lines.join("\n").replace(&format!("{}/", folder.display()), "")
        }
    }
}

#[test]
fn the_text_itself() {
    assert_snapshot!(errors("server: ["), @"hecate.yaml:2:1: not YAML: while parsing a node, did not find expected node content");
    assert_snapshot!(errors("- a\n- b\n"), @"hecate.yaml:1:1: a list stands where sections such as `server:` are expected");
    assert_snapshot!(errors("just text"), @"hecate.yaml:1:1: a single value stands where sections such as `server:` are expected");
    assert_snapshot!(errors("42"), @"hecate.yaml:1:1: a single value stands where sections such as `server:` are expected");
    assert_snapshot!(errors("server: {}\n---\nserver: {}\n"), @"hecate.yaml:2:1: a second document starts here; write everything in one, without ---");
    assert_snapshot!(errors("server: {}\nserver: {}\n"), @"hecate.yaml:2:1: `server` stands here a second time, first at line 1; keep one");
    assert_snapshot!(errors("a: &x [1]\nserver: *x\n"), @r"
        hecate.yaml:1:1: a: unknown key; known here: server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry
        hecate.yaml:2:9: aliases (*name) are not read; write the value out
        ");
    assert_snapshot!(errors("server: !!map {}\nlimits: {depth: !!int 5}\n"), @r"
        hecate.yaml:1:9: tags (!name) are not read; leave it out
        hecate.yaml:2:17: tags (!name) are not read; leave it out
        ");
    assert_snapshot!(errors("[a, b]: 1\n"), @"hecate.yaml:1:1: a key has to be plain text; text that starts with { or [ needs quotes");
    assert_snapshot!(errors("server:\n\tlisten: 1\n"), @"hecate.yaml:2:2: not YAML: tabs disallowed within this context (block indentation)");
    assert_snapshot!(errors("limits: {depth: 1, depth: 2}\n"), @"hecate.yaml:1:20: `depth` stands here a second time, first at line 1; keep one");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(errors("sever: {}\n"), @"hecate.yaml:1:1: sever: unknown key; the closest is `server`");
    assert_snapshot!(errors("server: {listn: '127.0.0.1:1'}\n"), @"hecate.yaml:1:10: server.listn: unknown key; the closest is `listen`");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, time_out: 5s}\n"), @"hecate.yaml:2:30: upstreams[0].time_out: unknown key; the closest is `timeout`");
    assert_snapshot!(errors("limits:\n  banana: 5\n"), @"hecate.yaml:2:3: limits.banana: unknown key; known here: query_bytes, depth, selectors, points_per_series, range, series, samples, response_bytes, rate_per_user, concurrent_per_user, streams_per_user");
    assert_snapshot!(errors("banana: 5\n"), @"hecate.yaml:1:1: banana: unknown key; known here: server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry");
    assert_snapshot!(errors("auth: {provider: []}\n"), @"hecate.yaml:1:8: auth.provider: unknown key; the closest is `providers`");
    assert_snapshot!(errors("\"\": 5\n"), @"hecate.yaml:1:1: unknown key; known here: server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry");
}

#[test]
fn keys_of_later_versions() {
    assert_snapshot!(errors("workloads: {enabled: auto}\n"), @"hecate.yaml:1:13: workloads.enabled: `workloads.enabled` is not in this version; take it out");
    assert_snapshot!(errors("stream: {interval: 10m}\n"), @"hecate.yaml:1:10: stream.interval: `interval` is 10m; it has to lie between `min_interval`, 5s, and `max_interval`, 5m");
    assert_snapshot!(errors("perses: {dashboards: local}\nworkloads: {}\n"), @r"
        hecate.yaml:1:10: perses.dashboards: `perses.dashboards` is not in this version; take it out
        hecate.yaml:2:1: workloads: `workloads` is not in this version; take it out
        ");
    assert_snapshot!(errors("workloads: {enabeld: x}\n"), @"hecate.yaml:1:13: workloads.enabeld: unknown key, and `workloads` is not in this version");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: kubernetes, audience: x}\n    - {kind: perses, key_file: k}\n"), @r#"
        hecate.yaml:3:8: auth.providers[0].kind: "kubernetes" is not in this version; it has static, jwt, anonymous, none
        hecate.yaml:4:8: auth.providers[1].kind: "perses" is not in this version; it has static, jwt, anonymous, none
        "#);
}

#[test]
fn wrong_types() {
    assert_snapshot!(errors("server: 5\n"), @"hecate.yaml:1:1: server: a single value stands where keys with values are expected, one `key: value` a line");
    assert_snapshot!(errors("server: [1]\n"), @"hecate.yaml:1:1: server: a list stands where keys with values are expected, one `key: value` a line");
    assert_snapshot!(errors("server: {listen: [1]}\n"), @"hecate.yaml:1:10: server.listen: a list stands where a single value is expected");
    assert_snapshot!(errors("upstreams: {name: a}\n"), @"hecate.yaml:1:1: upstreams: a mapping stands where a list is expected; write [a, b] or one `- item` a line");
    assert_snapshot!(errors("upstreams: [a]\n"), @"hecate.yaml:1:13: upstreams[0]: a single value stands where keys with values are expected, one `key: value` a line");
    assert_snapshot!(errors("server: {compression: yes}\n"), @r#"hecate.yaml:1:10: server.compression: "yes" is not true or false"#);
    assert_snapshot!(errors("server: {compression: 'true'}\n"), @r#"hecate.yaml:1:10: server.compression: "true" is not true or false"#);
    assert_snapshot!(errors("limits: {depth: '40'}\n"), @r#"hecate.yaml:1:10: limits.depth: "40" is text, because of its quotes; write 40"#);
    assert_snapshot!(errors("limits: {depth: 4.5}\n"), @r#"hecate.yaml:1:10: limits.depth: "4.5" is not a whole number from 1 to 200"#);
    assert_snapshot!(errors("limits: {depth: many}\n"), @r#"hecate.yaml:1:10: limits.depth: "many" is not a whole number from 1 to 200"#);
    assert_snapshot!(errors("limits: {depth: -1}\n"), @r#"hecate.yaml:1:10: limits.depth: "-1" is not a whole number from 1 to 200"#);
    assert_snapshot!(errors("server: {cors_origins: https://a.example}\n"), @"hecate.yaml:1:10: server.cors_origins: a single value stands where a list is expected; write [a, b] or one `- item` a line");
    assert_snapshot!(errors("promql: {features: [[a]]}\n"), @"hecate.yaml:1:21: promql.features[0]: a list stands where a single value is expected");
}

#[test]
fn durations_sizes_rates() {
    assert_snapshot!(errors("server: {drain: 10 parsecs}\n"), @r#"hecate.yaml:1:10: server.drain: "10 parsecs" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("server: {drain: 15}\n"), @r#"hecate.yaml:1:10: server.drain: "15" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("server: {drain: 1m1h}\n"), @r#"hecate.yaml:1:10: server.drain: "1m1h" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("server: {drain: -5s}\n"), @r#"hecate.yaml:1:10: server.drain: "-5s" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("server: {drain: 2h}\n"), @r#"hecate.yaml:1:10: server.drain: "2h" is out of range; from 0s to 1h"#);
    assert_snapshot!(errors("limits: {range: 99999999999999999999d}\n"), @r#"hecate.yaml:1:10: limits.range: "99999999999999999999d" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("server: {drain: ''}\n"), @r#"hecate.yaml:1:10: server.drain: "" is not a duration; write 15s, 2m or 1h30m"#);
    assert_snapshot!(errors("limits: {query_bytes: 16KB}\n"), @r#"hecate.yaml:1:10: limits.query_bytes: "16KB" is not a size; write 16KiB, 64MiB or plain bytes"#);
    assert_snapshot!(errors("limits: {query_bytes: 0}\n"), @r#"hecate.yaml:1:10: limits.query_bytes: "0" is out of range; from 1 to 1MiB"#);
    assert_snapshot!(errors("limits: {response_bytes: 99999999999GiB}\n"), @r#"hecate.yaml:1:10: limits.response_bytes: "99999999999GiB" is not a size; write 16KiB, 64MiB or plain bytes"#);
    assert_snapshot!(errors("limits: {response_bytes: lots}\n"), @r#"hecate.yaml:1:10: limits.response_bytes: "lots" is not a size; write 16KiB, 64MiB or plain bytes"#);
    assert_snapshot!(errors("limits: {rate_per_user: 100}\n"), @r#"hecate.yaml:1:10: limits.rate_per_user: "100" is not a rate; write 100/s or 600/min"#);
    assert_snapshot!(errors("limits: {rate_per_user: 0/s}\n"), @r#"hecate.yaml:1:10: limits.rate_per_user: "0/s" is out of range; from 1/h to 1000000000/s"#);
    assert_snapshot!(errors("limits: {rate_per_user: 5/fortnight}\n"), @r#"hecate.yaml:1:10: limits.rate_per_user: "5/fortnight" is not a rate; write 100/s or 600/min"#);
    assert_snapshot!(errors("limits: {rate_per_user: inf/s}\n"), @r#"hecate.yaml:1:10: limits.rate_per_user: "inf/s" is not a rate; write 100/s or 600/min"#);
}

#[test]
fn numbers_out_of_range() {
    assert_snapshot!(errors("limits: {depth: 0, selectors: 0, series: 0, samples: 0, points_per_series: 0}\n"), @r#"
        hecate.yaml:1:10: limits.depth: "0" is out of range; from 1 to 200
        hecate.yaml:1:20: limits.selectors: "0" is out of range; from 1 to 10000
        hecate.yaml:1:34: limits.series: "0" is out of range; from 1 to 1000000000
        hecate.yaml:1:45: limits.samples: "0" is out of range; from 1 to 1000000000000
        hecate.yaml:1:57: limits.points_per_series: "0" is out of range; from 1 to 10000000
        "#);
    assert_snapshot!(errors("limits: {depth: 100000, concurrent_per_user: 0, streams_per_user: 0}\n"), @r#"
        hecate.yaml:1:10: limits.depth: "100000" is out of range; from 1 to 200
        hecate.yaml:1:25: limits.concurrent_per_user: "0" is out of range; from 1 to 1000000
        hecate.yaml:1:49: limits.streams_per_user: "0" is out of range; from 1 to 1000000
        "#);
    assert_snapshot!(errors("server: {threads: 0, max_connections: 0, max_uri: 1, max_headers: 1GiB}\n"), @r#"
        hecate.yaml:1:10: server.threads: "0" is out of range; from 1 to 1024
        hecate.yaml:1:22: server.max_connections: "0" is out of range; from 1 to 1000000
        hecate.yaml:1:42: server.max_uri: "1" is out of range; from 256 to 1MiB
        hecate.yaml:1:54: server.max_headers: "1GiB" is out of range; from 1KiB to 1MiB
        "#);
    assert_snapshot!(errors("limits: {series: 99999999999999999999999}\n"), @r#"hecate.yaml:1:10: limits.series: "99999999999999999999999" is not a whole number from 1 to 1000000000"#);
}

#[test]
fn addresses() {
    assert_snapshot!(errors("server: {listen: localhost:7070}\n"), @r#"hecate.yaml:1:10: server.listen: "localhost:7070" is not an address to listen on; write 127.0.0.1:7070, 0.0.0.0:7070 or [::]:7070"#);
    assert_snapshot!(errors("server: {listen: ':7070'}\n"), @r#"hecate.yaml:1:10: server.listen: ":7070" is not an address to listen on; write 127.0.0.1:7070, 0.0.0.0:7070 or [::]:7070"#);
    assert_snapshot!(errors("server: {listen: '127.0.0.1:99999'}\n"), @r#"hecate.yaml:1:10: server.listen: "127.0.0.1:99999" is not an address to listen on; write 127.0.0.1:7070, 0.0.0.0:7070 or [::]:7070"#);
    assert_snapshot!(errors("server: {admin_listen: 127.0.0.1:7070}\n"), @"hecate.yaml:1:10: server.admin_listen: `listen` is 127.0.0.1:7070 and `admin_listen` is 127.0.0.1:7070; give them different ports");
    assert_snapshot!(errors("server: {listen: '127.0.0.1:7071'}\n"), @"hecate.yaml:1:10: server.listen: `listen` is 127.0.0.1:7071 and `admin_listen` is 127.0.0.1:7071; give them different ports");
    assert_snapshot!(errors("server: {trusted_proxies: [10.0.0.0/33, 10.0.0.1/8, everyone]}\n"), @r#"
        hecate.yaml:1:28: server.trusted_proxies[0]: "10.0.0.0/33" is not a network; write 10.0.0.0/8 or fd00::/8
        hecate.yaml:1:41: server.trusted_proxies[1]: "10.0.0.1/8" has bits set behind its prefix; write 10.0.0.0/8
        hecate.yaml:1:53: server.trusted_proxies[2]: "everyone" is not a network; write 10.0.0.0/8 or fd00::/8
        "#);
    assert_snapshot!(errors("server: {cors_origins: ['https://a.example/', 'a.example', 'https://a.example:443']}\n"), @r#"
        hecate.yaml:1:25: server.cors_origins[0]: "https://a.example/" is not an origin; write https://grafana.example, without a path and without / at its end, or *
        hecate.yaml:1:47: server.cors_origins[1]: "a.example" is not an origin; write https://grafana.example, without a path and without / at its end, or *
        hecate.yaml:1:60: server.cors_origins[2]: "https://a.example:443" is not an origin; write https://grafana.example, without a path and without / at its end, or *
        "#);
    assert_snapshot!(errors("server: {tls: {cert: a.pem}}\n"), @"hecate.yaml:1:10: server.tls.key: missing; a certificate needs its private key, a PEM file");
    assert_snapshot!(errors("server: {tls: {key: a.pem}}\n"), @"hecate.yaml:1:10: server.tls.cert: missing; a private key needs its certificate chain, a PEM file");
    assert_snapshot!(errors("server: {public_url: example.com}\n"), @r#"hecate.yaml:1:10: server.public_url: "example.com" is not a URL; write http://host:port or https://host/path"#);
}

#[test]
fn upstreams() {
    assert_snapshot!(errors("upstreams: []\n"), @"hecate.yaml:1:1: upstreams: no upstream is hot; give the one with the newest data `role: hot`");
    assert_snapshot!(errors("upstreams:\n  - kind: prometheus\n"), @r"
        hecate.yaml:2:5: upstreams[0].name: missing; a short name, such as prometheus
        hecate.yaml:2:5: upstreams[0].url: missing; where it answers, such as http://prometheus:9090
        ");
    assert_snapshot!(errors("upstreams:\n  - {name: a b, url: http://a}\n"), @r#"hecate.yaml:2:6: upstreams[0].name: "a b" is not a name; use up to 63 letters, digits, `-`, `_` and `.`"#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a}\n  - {name: a, url: http://b}\n"), @r#"hecate.yaml:3:6: upstreams[1].name: "a" is the name of upstreams[0] too; names have to differ"#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: ftp://a}\n"), @"hecate.yaml:2:15: upstreams[0].url: the scheme ftp:// is not spoken here; write http:// or https://");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: 'http://user:secret@a'}\n"), @"hecate.yaml:2:15: upstreams[0].url: a URL must not hold a user name or password; they have keys of their own");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: 'http://a?x=1'}\n"), @"hecate.yaml:2:15: upstreams[0].url: a URL must end before the ? or # here");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: a:9090}\n"), @r#"hecate.yaml:2:15: upstreams[0].url: "a:9090" is not a URL; write http://host:port or https://host/path"#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: 'http://user:secret@'}\n"), @"hecate.yaml:2:15: upstreams[0].url: not a URL; write http://host:port or https://host/path");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, kind: thanso}\n"), @r#"hecate.yaml:2:30: upstreams[0].kind: "thanso" is not one of prometheus, thanos, mimir, victoriametrics; the closest is thanos"#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, role: warm}\n"), @r#"hecate.yaml:2:30: upstreams[0].role: "warm" is not one of hot, cold"#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, role: cold}\n"), @"hecate.yaml:1:1: upstreams: no upstream is hot; give the one with the newest data `role: hot`");
    assert_snapshot!(errors("upstreams:\n  - {name: h, url: http://h}\n  - {name: c, url: http://c, role: cold}\n"), @r#"hecate.yaml:3:30: upstreams[1].role: "c" is cold, but upstreams[0].retention is missing; it says from which age on the cold one is asked"#);
    assert_snapshot!(errors("upstreams:\n  - {name: h, url: http://h, retention: 15d}\n  - {name: c, url: http://c, role: cold, retention: 1d}\n"), @"hecate.yaml:3:42: upstreams[1].retention: only a hot upstream has it: what is older is asked of the cold one");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, retention: 1d}\n  - {name: b, url: http://b, kind: thanos, settle: 2m}\n"), @r#"
    hecate.yaml:3:6: upstreams[1].retention: "b" has none, "a" has 1d; upstreams that are hot stand in for each other and have the same retention
    hecate.yaml:3:30: upstreams[1].kind: "b" has thanos, "a" has prometheus; upstreams that are hot stand in for each other and have the same kind
    hecate.yaml:3:44: upstreams[1].settle: "b" has 2m, "a" has 1m; upstreams that are hot stand in for each other and have the same settle
    "#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, native_enforcement: true}\n"), @"hecate.yaml:2:30: upstreams[0].native_enforcement: this kind has none that a scope fits into; the queries themselves are enforced. Take it out");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, hedge: 1s}\n"), @"hecate.yaml:2:30: upstreams[0].hedge: there is no other upstream of this role that could be asked; take it out");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, retries: 100, timeout: 0s}\n"), @r#"
        hecate.yaml:2:30: upstreams[0].retries: "100" is out of range; from 0 to 10
        hecate.yaml:2:44: upstreams[0].timeout: "0s" is out of range; from 10ms to 1h
        "#);
}

#[test]
fn upstream_credentials() {
    assert_snapshot!(errors("upstreams:\n  - name: a\n    url: http://a\n    auth:\n      bearer_token: abc\n      basic: {user: u, password: p}\n"), @"hecate.yaml:6:7: upstreams[0].auth.basic: `bearer_token` is given too; a backend gets one credential");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {bearer_token: abc, bearer_token_file: token}}\n"), @"hecate.yaml:2:56: upstreams[0].auth.bearer_token_file: `bearer_token` is given too; a backend gets one credential");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {bearer_token_file: nowhere}}\n"), @"hecate.yaml:2:37: upstreams[0].auth.bearer_token_file: cannot read nowhere: No such file or directory (os error 2)");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {bearer_token_file: empty}}\n"), @"hecate.yaml:2:37: upstreams[0].auth.bearer_token_file: the file empty is empty");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {bearer_token: 'two secret words'}}\n"), @"hecate.yaml:2:37: upstreams[0].auth.bearer_token: a token is one word of ASCII letters, digits and signs");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {basic: {user: u}}}\n"), @"hecate.yaml:2:37: upstreams[0].auth.basic: `password_file` or `password` is missing");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {basic: {user: u, password: p, password_file: token}}}\n"), @"hecate.yaml:2:67: upstreams[0].auth.basic.password_file: `password` is given too; keep one");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {basic: {user: 'u:v', password_file: nowhere}}}\n"), @r#"
        hecate.yaml:2:45: upstreams[0].auth.basic.user: "u:v" has a `:` or a control character, which HTTP basic authentication cannot carry
        hecate.yaml:2:58: upstreams[0].auth.basic.password_file: cannot read nowhere: No such file or directory (os error 2)
        "#);
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {basic: {password: p}}}\n"), @"hecate.yaml:2:37: upstreams[0].auth.basic.user: missing; the user name");
    assert_snapshot!(errors("upstreams:\n  - name: a\n    url: http://a\n    auth:\n      headers:\n        Host: x\n        content-length: 5\n        Connection: close\n        Authorization: Bearer secret\n        bad name: x\n        X-Ok: \"secret\\nline\"\n        X-Scope-OrgID: a\n        x-scope-orgid: b\n"), @r"
        hecate.yaml:6:9: upstreams[0].auth.headers.Host: is set by Hecate for every request; take it out
        hecate.yaml:7:9: upstreams[0].auth.headers.content-length: is set by Hecate for every request; take it out
        hecate.yaml:8:9: upstreams[0].auth.headers.Connection: is set by Hecate for every request; take it out
        hecate.yaml:9:9: upstreams[0].auth.headers.Authorization: has keys of its own; write bearer_token_file or basic beside `headers`
        hecate.yaml:10:9: upstreams[0].auth.headers.bad name: not the name of an HTTP header
        hecate.yaml:11:9: upstreams[0].auth.headers.X-Ok: the value cannot stand in a header: no line breaks, no control characters, no spaces around it
        hecate.yaml:13:9: upstreams[0].auth.headers.x-scope-orgid: stands here twice; upper and lower case make no difference
        ");
    assert_snapshot!(errors("upstreams:\n  - {name: a, url: http://a, auth: {client_certificate: {cert: c.pem}, headers: [a]}}\n"), @r"
        hecate.yaml:2:37: upstreams[0].auth.client_certificate.key: missing; the private key, a PEM file
        hecate.yaml:2:72: upstreams[0].auth.headers: a list stands where `name: value` pairs are expected
        ");
}

#[test]
fn providers() {
    assert_snapshot!(errors("auth:\n  providers:\n    - {users_file: u}\n"), @"hecate.yaml:3:7: auth.providers[0].kind: missing; one of static, jwt, anonymous, none");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: statik}\n"), @r#"hecate.yaml:3:8: auth.providers[0].kind: "statik" is not one of static, jwt, anonymous, none; the closest is static"#);
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: static}\n"), @"hecate.yaml:3:7: auth.providers[0].users_file: missing; the file with users and hashed tokens, such as users.yaml");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: static, users_file: u, issuer: x}\n"), @"hecate.yaml:3:37: auth.providers[0].issuer: unknown key; known here: kind, users_file");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: jwt, issuer: , audience: }\n"), @r"
        hecate.yaml:3:19: auth.providers[0].issuer: missing; the `iss` of the tokens, such as https://login.example/realms/main
        hecate.yaml:3:29: auth.providers[0].audience: missing; what `aud` has to contain, a text or a list
        ");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: jwt, issuer: https://i, audience: []}\n"), @"hecate.yaml:3:38: auth.providers[0].audience: is empty; without an audience a token for any other service would be accepted");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: jwt, issuer: https://i, audience: a, algorithms: [RS256, HS256, none, XY]}\n"), @r#"
        hecate.yaml:3:71: auth.providers[0].algorithms[1]: HS256 signs with a shared secret; choose from RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        hecate.yaml:3:78: auth.providers[0].algorithms[2]: "none" is no signature at all; choose from RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        hecate.yaml:3:84: auth.providers[0].algorithms[3]: "XY" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        "#);
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: jwt, issuer: https://i, audience: a, algorithms: [], leeway: 1h, claims: {usr: sub}}\n"), @r#"
        hecate.yaml:3:51: auth.providers[0].algorithms: is empty; leave it out, or name some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        hecate.yaml:3:67: auth.providers[0].leeway: "1h" is out of range; from 0s to 10m
        hecate.yaml:3:88: auth.providers[0].claims.usr: unknown key; the closest is `user`
        "#);
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: anonymous, namespaces: []}\n"), @"hecate.yaml:3:25: auth.providers[0].namespaces: missing or empty; name the namespaces that everyone may read");
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: anonymous, namespaces: [Team-A, -a, 'a\"}', ok]}\n"), @r#"
        hecate.yaml:3:38: auth.providers[0].namespaces[0]: "Team-A" is not a namespace; up to 63 of a-z, 0-9 and -, which neither starts nor ends it
        hecate.yaml:3:46: auth.providers[0].namespaces[1]: "-a" is not a namespace; up to 63 of a-z, 0-9 and -, which neither starts nor ends it
        hecate.yaml:3:50: auth.providers[0].namespaces[2]: "a"}" is not a namespace; up to 63 of a-z, 0-9 and -, which neither starts nor ends it
        "#);
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: anonymous, namespaces: [a], permissions: [Metrics:qurey, banana]}\n"), @r#"
        hecate.yaml:3:56: auth.providers[0].permissions[0]: "Metrics:qurey" is not a permission; the closest is Metrics:query; known are Dashboard:create, Dashboard:read, Dashboard:update, Dashboard:delete, Dashboard:share, Template:read, Metrics:query, AuditLog:read and "*"
        hecate.yaml:3:71: auth.providers[0].permissions[1]: "banana" is not a permission; known are Dashboard:create, Dashboard:read, Dashboard:update, Dashboard:delete, Dashboard:share, Template:read, Metrics:query, AuditLog:read and "*"
        "#);
    assert_snapshot!(errors("auth:\n  providers:\n    - {kind: none}\n    - {kind: static, users_file: u}\n"), @"hecate.yaml:2:3: auth.providers: `kind: none` allows everything to everybody, so it has to stand alone");
    assert_snapshot!(errors("server: {listen: '0.0.0.0:7070'}\n"), @"hecate.yaml:1:10: server.listen: 0.0.0.0:7070 is not a loopback address, and nobody is asked who they are; configure auth.providers, or write `- {kind: none, force: true}` there");
    assert_snapshot!(errors("server: {listen: '0.0.0.0:7070'}\nauth: {providers: [{kind: none}]}\n"), @"hecate.yaml:1:10: server.listen: 0.0.0.0:7070 is not a loopback address, and nobody is asked who they are; configure auth.providers, or write `- {kind: none, force: true}` there");
}

#[test]
fn tenancy_telemetry() {
    assert_snapshot!(errors("tenancy: {conflict: maybe, default_label: 1abc}\n"), @r#"
        hecate.yaml:1:11: tenancy.conflict: "maybe" is not one of empty, error
        hecate.yaml:1:28: tenancy.default_label: "1abc" is not a label; letters, digits and `_`, not a digit first, not `__` first
        "#);
    assert_snapshot!(errors("tenancy: {default_label: __name__}\n"), @r#"hecate.yaml:1:11: tenancy.default_label: "__name__" is not a label; letters, digits and `_`, not a digit first, not `__` first"#);
    assert_snapshot!(errors("tenancy: {labels_file: nowhere}\n"), @"hecate.yaml:1:11: tenancy.labels_file: cannot read nowhere: No such file or directory (os error 2)");
    assert_snapshot!(errors("tenancy: {labels_file: labels.yaml, default_label: other}\n"), @r#"hecate.yaml:1:37: tenancy.default_label: "other", but labels.yaml says `default: project`; keep one"#);
    assert_snapshot!(errors("telemetry: {log: 'hecate=loud', format: xml, otlp_endpoint: 'grpc://x', slow_query: 0s}\n"), @r#"
        hecate.yaml:1:13: telemetry.log: "hecate=loud" is not a log filter; write info, or info,hecate::upstream=debug
        hecate.yaml:1:33: telemetry.format: "xml" is not one of text, json
        hecate.yaml:1:46: telemetry.otlp_endpoint: the scheme grpc:// is not spoken here; write http:// or https://
        hecate.yaml:1:73: telemetry.slow_query: "0s" is out of range; from 1ms to 1d
        "#);
}

#[test]
fn labels_file() {
    assert_snapshot!(label_errors("rules:\n  - {metrics: [a], label: x, scope: cluster}\n  - {metrics: [b]}\n  - {label: x}\n  - {metrics: [], label: x}\n"), @r#"
        labels.yaml:2:30: rules[0].scope: `label` is given too; a rule has exactly one of `label` and `scope`
        labels.yaml:3:5: rules[1]: `label` or `scope` is missing; write `label: NAME`, `scope: cluster` or `scope: shared`
        labels.yaml:4:5: rules[2].metrics: missing or empty; name the metrics, such as ["DCGM_*"]
        labels.yaml:5:6: rules[3].metrics: missing or empty; name the metrics, such as ["DCGM_*"]
        "#);
    assert_snapshot!(label_errors("rules:\n  - {metrics: ['a{b', 'a-b', 'a?'], label: x}\n"), @r#"
        labels.yaml:2:16: rules[0].metrics[0]: "a{b" is not a pattern; up to 256 letters, digits, `_`, `:`, `.`, and `*` for any characters
        labels.yaml:2:23: rules[0].metrics[1]: "a-b" is not a pattern; up to 256 letters, digits, `_`, `:`, `.`, and `*` for any characters
        labels.yaml:2:30: rules[0].metrics[2]: "a?" is not a pattern; up to 256 letters, digits, `_`, `:`, `.`, and `*` for any characters
        "#);
    assert_snapshot!(label_errors("rules:\n  - {metrics: [c], label: 'a-b'}\n  - {metrics: [d], scope: everyone}\ndefault: __x\n"), @r#"
        labels.yaml:2:20: rules[0].label: "a-b" is not a label; letters, digits and `_`, not a digit first, not `__` first
        labels.yaml:3:20: rules[1].scope: "everyone" is not one of cluster, shared
        labels.yaml:4:1: default: "__x" is not a label; letters, digits and `_`, not a digit first, not `__` first
        "#);
    assert_snapshot!(label_errors("rules:\n  - {metrics: [up, 'kube_*'], label: namespace}\n  - metrics: ['node_*', 'kube_node_*']\n    scope: cluster\n"), @r#"labels.yaml:3:25: rules[1].metrics[1]: line 3: "kube_node_*" can never decide: "kube_*" on line 2 comes first and covers it; move the narrower rule up"#);
    assert_snapshot!(label_errors("rules:\n  - {metrics: ['*'], scope: shared}\n  - {metrics: [up], label: a}\n"), @r#"labels.yaml:3:16: rules[1].metrics[0]: line 3: "up" can never decide: "*" on line 2 comes first and covers it; move the narrower rule up"#);
    assert_snapshot!(label_errors("rule: []\n"), @"labels.yaml:1:1: rule: unknown key; the closest is `rules`");
    assert_snapshot!(label_errors("- a\n"), @"labels.yaml:1:1: a list stands where keys with values are expected, one `key: value` a line");
    assert_snapshot!(label_errors("rules: {a: b}\n"), @"labels.yaml:1:1: rules: a mapping stands where a list is expected; write [a, b] or one `- item` a line");
    assert_snapshot!(label_errors("rules: ["), @"labels.yaml:2:1: not YAML: while parsing a node, did not find expected node content");
}

#[test]
fn environment() {
    assert_snapshot!(variable_errors(&["HECATE__SERVER__LISTN=127.0.0.1:1"]), @"HECATE__SERVER__LISTN: server.listn: unknown key; the closest is HECATE__SERVER__LISTEN");
    assert_snapshot!(variable_errors(&["HECATE__SERVER__LISTEN=nonsense"]), @r#"HECATE__SERVER__LISTEN: server.listen: "nonsense" is not an address to listen on; write 127.0.0.1:7070, 0.0.0.0:7070 or [::]:7070"#);
    assert_snapshot!(variable_errors(&["HECATE__UPSTREAMS__1__URL=http://a"]), @"HECATE__UPSTREAMS__1__URL: upstreams[1].name: missing; a short name, such as prometheus");
    assert_snapshot!(variable_errors(&["HECATE__UPSTREAMS__0__URL=nope", "HECATE__UPSTREAMS__0__TIMEOUT=10 parsecs"]), @r#"
        HECATE__UPSTREAMS__0__TIMEOUT: upstreams[0].timeout: "10 parsecs" is not a duration; write 15s, 2m or 1h30m
        HECATE__UPSTREAMS__0__URL: upstreams[0].url: "nope" is not a URL; write http://host:port or https://host/path
        "#);
    assert_snapshot!(variable_errors(&["HECATE__CACHE__REDIS__URL=redis://x/one"]), @r#"HECATE__CACHE__REDIS__URL: cache.redis.url: "one" is not the number of a database; end the URL with /0, /1 and so on, or without it"#);
    assert_snapshot!(variable_errors(&["HECATE__"]), @"HECATE__: not the name of a setting; write HECATE__SERVER__LISTEN or HECATE__UPSTREAMS__0__URL");
    assert_snapshot!(variable_errors(&["HECATE__SERVER____LISTEN=x"]), @"HECATE__SERVER____LISTEN: not the name of a setting; write HECATE__SERVER__LISTEN or HECATE__UPSTREAMS__0__URL");
    assert_snapshot!(variable_errors(&["HECATE__SERVER__CORS_ORIGINS=[https://a.example"]), @"HECATE__SERVER__CORS_ORIGINS: server.cors_origins: not YAML: while parsing a flow sequence, expected ',' or ']'");
    assert_snapshot!(variable_errors(&["HECATE__SERVER=5", "HECATE__SERVER__LISTEN=127.0.0.1:1"]), @r"
        HECATE__SERVER: server: a single value stands where keys with values are expected, one `key: value` a line
        HECATE__SERVER__LISTEN: server.listen: a single value stands above this key
        ");
    assert_snapshot!(variable_errors(&["HECATE__UPSTREAMS__NAME=x"]), @"HECATE__UPSTREAMS__NAME: upstreams.name: a list; its entries have numbers, from 0");
    assert_snapshot!(variable_errors(&["HECATE__AUTH__PROVIDERS__0__KIND=jwt"]), @r"
        HECATE__AUTH__PROVIDERS__0__KIND: auth.providers[0].audience: missing; what `aud` has to contain, a text or a list
        HECATE__AUTH__PROVIDERS__0__KIND: auth.providers[0].issuer: missing; the `iss` of the tokens, such as https://login.example/realms/main
        ");
    assert_snapshot!(variable_errors(&["HECATE__UPSTREAMS__0__AUTH__BASIC__USER=x"]), @"HECATE__UPSTREAMS__0__AUTH__BASIC__USER: upstreams[0].auth.basic: `password_file` or `password` is missing");
    assert_snapshot!(variable_errors(&["HECATE__LIMITS__DEPTH=many", "HECATE__BANANA=1"]), @r#"
        HECATE__BANANA: banana: unknown key; known here: server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry
        HECATE__LIMITS__DEPTH: limits.depth: "many" is not a whole number from 1 to 200
        "#);
}

#[test]
fn cache() {
    assert_snapshot!(errors("cache: {enabled: yes, memory: 1KiB, fresh_ttl: 0, self_check: 2}\n"), @r#"
        hecate.yaml:1:9: cache.enabled: "yes" is not true or false
        hecate.yaml:1:23: cache.memory: "1KiB" is out of range; from 1MiB to 1024GiB
        hecate.yaml:1:37: cache.fresh_ttl: "0" is out of range; from 1ms to 1h
        hecate.yaml:1:51: cache.self_check: "2" is not a share; write a number from 0 to 1, such as 0.05
        "#);
    assert_snapshot!(errors("cache:\n  redis:\n    url: redis://:s3cret@cache\n    budget: 2s\n    prefix: 'a{b}'\n    bugdet: 1s\n"), @r#"
        hecate.yaml:3:5: cache.redis.url: a URL must not hold a user name or password here; write `user` and `password_file` beside `url`
        hecate.yaml:4:5: cache.redis.budget: "2s" is out of range; from 1ms to 1s
        hecate.yaml:5:5: cache.redis.prefix: "a{b}" cannot stand in front of names; at most 64 letters, digits, - _ . :
        hecate.yaml:6:5: cache.redis.bugdet: unknown key; the closest is `budget`
        "#);
    assert_snapshot!(errors("cache:\n  redis:\n    url: redis://cache\n    user: hecate\n    ca_file: a.pem\n    sentinel: {password: x}\n"), @r"
        hecate.yaml:4:5: cache.redis.user: a user needs `password_file` or `password` beside it
        hecate.yaml:5:5: cache.redis.ca_file: is for encrypted connections; write rediss:// (or rediss-sentinel://, rediss-cluster://) in `url`
        hecate.yaml:6:5: cache.redis.sentinel: is for Sentinels; `url` names none (redis-sentinel://…)
        ");
    assert_snapshot!(errors("cache:\n  redis:\n    url: redis://cache\n    password: a\n    password_file: nowhere\n"), @r"
        hecate.yaml:5:5: cache.redis.password_file: cannot read nowhere: No such file or directory (os error 2)
        hecate.yaml:5:5: cache.redis.password_file: `password` is given too; keep one
        ");
}

#[test]
fn sign_in() {
    let check = |public_url: &str, rest: &str, expected: &[&str]| {
        let jwt = "{kind: jwt, issuer: https://a.example, audience: [x, y]}";
        let printed = errors(&format!("server: {{public_url: {public_url}}}\nauth:\n  providers: [{jwt}]\n  sign_in: {{{rest}}}\n"));
        let lines: Vec<&str> = printed.lines().filter_map(|line| line.split_once(": ")).map(|(_, line)| line).collect();
        assert!(
            lines.len() == expected.len() && lines.iter().zip(expected).all(|(line, part)| line.starts_with(part)),
            "{rest}: {printed}"
        );
    };
    let client = "kind: oidc, issuer: https://a.example, client_id: x";
    for (rest, expected) in [
        ("kind: openshift", "auth.sign_in.kind: \"openshift\" is not in this version; it has oidc, token"),
        ("kind: oidx", "auth.sign_in.kind: \"oidx\" is not one of oidc, token; the closest is oidc"),
        ("issuer: https://a.example", "auth.sign_in.kind: missing; one of oidc, token"),
        (client, "auth.sign_in.session_key_file: missing; a client without `client_secret_file` needs it: `openssl rand -base64 32`"),
        (&format!("{client}, session_key_file: token"), "auth.sign_in.session_key_file: the key in token is shorter than 32 bytes"),
        (&format!("{client}, client_secret_file: none"), "auth.sign_in.client_secret_file: cannot read none"),
        (&format!("{client}, client_secret_file: token, lifetime: 1s"), "auth.sign_in.lifetime: \"1s\" is out of range; from 1m to 30d"),
        (&format!("{client}, client_secret_file: token, scopes: [email]"), "auth.sign_in.scopes: `openid` is missing"),
        (&format!("{client}, client_secret_file: token, scopes: [openid, a b]"), "auth.sign_in.scopes[1]: \"a b\" is not one scope"),
        (
            "kind: oidc, issuer: https://a.example, client_id: z, client_secret_file: token",
            "auth.sign_in.client_id: the provider of this issuer takes tokens for x or y only; add \"z\" to its `audience`",
        ),
        (
            "kind: oidc, issuer: https://b.example, client_id: x, client_secret_file: token",
            "auth.sign_in.issuer: no provider of kind jwt has this issuer; add one to auth.providers",
        ),
        ("kind: token", "auth.sign_in.kind: \"token\" is for people of a provider of kind static, and auth.providers has none"),
    ] {
        check("https://h", rest, &[expected]);
    }
    check(
        "https://h",
        "kind: oidc, session_key_file: key",
        &["auth.sign_in.client_id: missing", "auth.sign_in.issuer: missing; the issuer that"],
    );
    let no_public_url = "server.public_url: missing; the issuer of auth.sign_in sends browsers back to it";
    check("", &format!("{client}, client_secret_file: token"), &[no_public_url]);
}
