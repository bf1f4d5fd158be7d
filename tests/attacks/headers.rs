//! Headers: tenants, identities, forwarding, hop by hop, and messages that two servers would frame differently.

use crate::stage::{Attack, CANARY, Stage, request};

const Q: &str = "/api/v1/query?query=app_requests_total";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers() {
    let mut stage = Stage::set().await;
    stage.attack_all(believed_elsewhere()).await;
    stage.attack_all(hop_by_hop()).await;
    stage.attack_all(ours()).await;
    stage.attack_all(framing()).await;
    stage.attack_all(smuggled()).await;
    stage.end("headers", 100).await;
}

/// Headers that somebody else would obey: here they change nothing, and go nowhere.
fn believed_elsewhere() -> Vec<Attack> {
    let names = [
        "X-Scope-OrgID",
        "x-scope-orgid",
        "THANOS-TENANT",
        "X-Thanos-Tenant",
        "X-Tenant",
        "X-Tenant-ID",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X-Forwarded-Preferred-Username",
        "X-Forwarded-Access-Token",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "Forwarded",
        "X-Real-IP",
        "X-Remote-User",
        "X-Remote-Group",
        "Remote-User",
        "X-Auth-Request-User",
        "X-Auth-Request-Groups",
        "X-WEBAUTH-USER",
        "X-Grafana-User",
        "X-Grafana-Org-Id",
        "X-Grafana-Id",
        "Impersonate-User",
        "Impersonate-Group",
        "Impersonate-Extra-Scopes",
        "X-Prometheus-Remote-Write-Version",
        "X-Prometheus-API-Client",
        "X-Prometheus-Namespace",
        "X-Namespace",
        "AccountID",
        "ProjectID",
        "VictoriaMetrics-AccountID",
        "X-P-Signature",
        "X-Original-URL",
        "X-Original-Uri",
        "X-Rewrite-URL",
        "X-Original-Method",
        "Proxy-Authorization",
        "Cookie",
        "X-Api-Key",
        "X-Id-Token",
        "X-Amzn-Oidc-Data",
        "Cf-Access-Jwt-Assertion",
        "X-Hecate-User",
        "X-Hecate-Scope",
        "X-Cache-Bypass",
        "Range",
        "If-None-Match",
        "Accept",
        "User-Agent",
        "Referer",
        "Origin",
        "Accept-Language",
        "X-Sharding-Control",
        "Cache-Control",
        "Baggage",
        "tracestate",
        "X-B3-TraceId",
        "Date",
        "Via",
    ];
    let mut attacks: Vec<Attack> = names.iter().map(|name| request("GET", Q).header(&format!("{name}: {CANARY}")).right(&[200])).collect();
    // Nobody is anybody by these headers alone.
    for line in [
        "X-Forwarded-User: bob",
        "Impersonate-User: admin",
        "X-Remote-User: admin",
        "Cookie: token=token-bob",
        "Proxy-Authorization: Bearer token-bob",
        "X-Forwarded-Access-Token: token-bob",
    ] {
        attacks.push(request("GET", Q).authorization(None).header(line).right(&[401]));
    }
    for line in ["X-Scope-OrgID: a|b", "X-Scope-OrgID: b", "X-Original-URL: /api/v1/status/config", "X-Rewrite-URL: /api/v1/targets"] {
        attacks.push(request("GET", "/api/v1/query?query={job!=\"\"}").header(line).right(&[200]));
    }
    attacks
}

fn hop_by_hop() -> Vec<Attack> {
    let connection = [
        "authorization",
        "Authorization, close",
        "close, authorization, x-hecate-namespaces",
        "host",
        "content-length",
        "x-request-id",
        "keep-alive, Upgrade",
        "close, close",
        "",
    ];
    let mut attacks: Vec<Attack> =
        connection.iter().map(|value| request("GET", Q).header(&format!("Connection: {value}")).right(&[200, 400, 401])).collect();
    let upgrades = ["websocket", "h2c", "TLS/1.0", "HTTP/2.0", CANARY];
    for value in upgrades {
        attacks.push(request("GET", Q).header("Connection: Upgrade").header(&format!("Upgrade: {value}")).right(&[200, 400]));
    }
    attacks.extend([
        request("GET", Q)
            .header("Connection: Upgrade, HTTP2-Settings")
            .header("Upgrade: h2c")
            .header("HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
            .right(&[200, 400]),
        request("POST", Q).header("Connection: Upgrade").header("Upgrade: websocket").header("Sec-WebSocket-Key: x").right(&[200, 400]),
        request("POST", "/api/v1/query")
            .header("Content-Type: application/x-www-form-urlencoded")
            .header("Expect: 100-continue")
            .body("query=a_only")
            .right(&[100, 200]),
        request("GET", Q).header("Expect: 200-maybe").right(&[200, 400, 417]),
        request("GET", Q).header("TE: trailers, deflate;q=0.5").right(&[200]),
        request("GET", Q).header("Keep-Alive: timeout=99999").right(&[200]),
        request("GET", Q).header("Proxy-Connection: keep-alive").right(&[200]),
        request("GET", Q).header("Max-Forwards: 0").right(&[200]),
    ]);
    attacks
}

/// The header by which callers narrow what they see.
fn ours() -> Vec<Attack> {
    let one = |value: &str, right: &[u16]| request("GET", Q).header(&format!("X-Hecate-Namespaces: {value}")).right(right);
    vec![
        one("a", &[200]),
        one("b", &[403]),
        one("a,b", &[403]),
        one("a, a", &[200]),
        one("*", &[400]),
        one(".*", &[400]),
        one("a|b", &[400]),
        one("", &[400]),
        one(",", &[400]),
        one("a,,b", &[400]),
        one("A", &[400]),
        one("\"a\"", &[400]),
        one("a\tb", &[400]),
        one("a\u{0}", &[400, 0]),
        one("ä", &[400]),
        one(&"a".repeat(64), &[400]),
        one(&"a,".repeat(20_000), &[200, 400]),
        request("GET", Q).header("X-Hecate-Namespaces: a").header("X-Hecate-Namespaces: b").right(&[403]),
        request("GET", &format!("{Q}&namespace=a")).header("X-Hecate-Namespaces: b").right(&[403]),
        request("GET", &format!("{Q}&namespace=b")).header("X-Hecate-Namespaces: a").right(&[403]),
        request("GET", "/ns/a/api/v1/query?query=odd").header("X-Hecate-Namespaces: b").right(&[403]),
        request("GET", Q).header("x-hecate-namespaces : b").right(&[0, 400]),
        request("GET", Q).header("X_Hecate_Namespaces: b").right(&[200]),
    ]
}

/// Heads that cannot be read, or can be read twice.
fn framing() -> Vec<Attack> {
    let raw =
        |name: &str, text: &str, right: &[u16]| Attack { name: name.to_owned(), bytes: text.as_bytes().to_vec(), right: right.to_vec() };
    let get = "GET /api/v1/query?query=app_requests_total HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    let with = |name: &str, lines: &str, right: &[u16]| raw(name, &format!("{get}{lines}\r\n"), right);
    vec![
        with("space before the colon", "Authorization : Bearer token-alice\r\n", &[0, 400]),
        with("tab before the colon", "Authorization\t: Bearer token-alice\r\n", &[0, 400]),
        with("folded", "X: y\r\n Authorization: Bearer token-bob\r\nAuthorization: Bearer token-alice\r\n", &[0, 400]),
        with("folded credentials", "Authorization: Bearer\r\n token-alice\r\n", &[0, 400]),
        with("folded with a tab", "Authorization: Bearer\r\n\ttoken-bob\r\n", &[0, 400]),
        with("NUL in a value", "Authorization: Bearer token-alice\0\r\n", &[0, 400]),
        with("NUL in a name", "Author\0ization: Bearer token-alice\r\n", &[0, 400]),
        with("bare CR in a value", "X: a\rAuthorization: Bearer token-bob\r\nAuthorization: Bearer token-alice\r\n", &[0, 400]),
        with("bare LF between lines", "X: a\nAuthorization: Bearer token-alice\n", &[0, 200, 400]),
        with("bare LF and two identities", "Authorization: Bearer token-alice\r\nX: a\nAuthorization: Bearer token-bob\r\n", &[0, 400]),
        with("no name", ": token-bob\r\nAuthorization: Bearer token-alice\r\n", &[0, 400]),
        with("no colon", "Authorization Bearer token-alice\r\n", &[0, 400]),
        with("a header that is UTF-8", "Authorizatioñ: Bearer token-bob\r\nAuthorization: Bearer token-alice\r\n", &[0, 400]),
        with("CRLF CRLF inside", "X: a\r\n\r\nAuthorization: Bearer token-bob\r\n", &[401]),
        raw("a leading space", &format!(" {get}Authorization: Bearer token-alice\r\n\r\n"), &[0, 400, 404]),
        raw("a leading empty line", &format!("\r\n\r\n{get}Authorization: Bearer token-alice\r\n\r\n"), &[0, 200, 400]),
        raw("HTTP/0.9", "GET /api/v1/query?query=app_requests_total\r\n\r\n", &[0, 400]),
        raw("HTTP/1.0", "GET /api/v1/query?query=app_requests_total HTTP/1.0\r\nAuthorization: Bearer token-alice\r\n\r\n", &[200]),
        raw(
            "HTTP/1.2",
            "GET /api/v1/query?query=app_requests_total HTTP/1.2\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n",
            &[0, 400],
        ),
        raw(
            "HTTP/3.0",
            "GET /api/v1/query?query=app_requests_total HTTP/3.0\r\nHost: h\r\nAuthorization: Bearer token-alice\r\n\r\n",
            &[0, 400],
        ),
        raw(
            "two spaces",
            "GET  /api/v1/query?query=odd  HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nConnection: close\r\n\r\n",
            &[0, 200, 400, 404],
        ),
        raw(
            "no host",
            "GET /api/v1/query?query=odd HTTP/1.1\r\nAuthorization: Bearer token-alice\r\nConnection: close\r\n\r\n",
            &[0, 200, 400],
        ),
        raw(
            "two hosts",
            "GET /api/v1/query?query=odd HTTP/1.1\r\nHost: a\r\nHost: b\r\nAuthorization: Bearer token-alice\r\nConnection: close\r\n\r\n",
            &[0, 400],
        ),
        raw(
            "a host with a path",
            "GET /api/v1/query?query=odd HTTP/1.1\r\nHost: a/api/v1/targets?\r\nAuthorization: Bearer token-alice\r\nConnection: close\r\n\r\n",
            &[0, 200, 400],
        ),
        raw("nothing but rubbish", "\u{16}\u{3}\u{1}\u{0}hello", &[0, 400]),
        raw("half a request", "GET /api/v1/query?query=odd HTTP/1.1\r\nHost: h\r\n", &[0, 400, 408]),
        raw(
            "half a body",
            "POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nquery=odd",
            &[0, 400, 408],
        ),
        with("very many headers", &"X: y\r\n".repeat(1_000), &[0, 400, 431]),
        with("a very long header", &format!("X: {}\r\n", "y".repeat(200_000)), &[0, 400, 431]),
        with("a long header", &format!("Authorization: Bearer token-alice\r\nX: {}\r\n", "y".repeat(65_600)), &[400, 431]),
    ]
}

/// Bodies whose length two servers would see differently, with another request behind them.
fn smuggled() -> Vec<Attack> {
    // Were this answered, it would be bob's answer.
    let inner =
        "GET /api/v1/query?query=app_requests_total HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nX-Smuggled: cnry7q\r\n\r\n";
    let outer = |lines: &str, body: &str| {
        format!("POST /api/v1/query HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nContent-Type: application/x-www-form-urlencoded\r\n{lines}\r\n{body}").into_bytes()
    };
    let form = "query=a_only";
    let chunked = format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len());
    let one = |name: &str, lines: &str, body: &str, right: &[u16]| Attack {
        name: name.to_owned(),
        bytes: outer(lines, body),
        right: right.to_vec(),
    };
    let length = form.len();
    vec![
        one("CL.TE", &format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", chunked.len() + inner.len()), &format!("{chunked}{inner}"), &[0, 200, 400]),
        one("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &format!("{chunked}{inner}"), &[0, 200, 400]),
        one("two lengths", &format!("Content-Length: {length}\r\nContent-Length: {}\r\n", length + inner.len()), &format!("{form}{inner}"), &[0, 400]),
        one("the same length twice", &format!("Content-Length: {length}\r\nContent-Length: {length}\r\nConnection: close\r\n"), form, &[0, 200, 400]),
        one("a list of lengths", &format!("Content-Length: {length}, {}\r\n", length + 5), &format!("{form}{inner}"), &[0, 400]),
        one("a signed length", &format!("Content-Length: +{length}\r\n"), form, &[0, 400]),
        one("a negative length", "Content-Length: -1\r\n", form, &[0, 400]),
        one("a hexadecimal length", "Content-Length: 0xc\r\n", form, &[0, 400]),
        one("a length with a space", "Content-Length: 1 2\r\n", form, &[0, 400]),
        one("a huge length", "Content-Length: 99999999999999999999999999\r\n", form, &[0, 400, 413]),
        one("a long length", "Content-Length: 9999999999\r\n", form, &[413]),
        one("xchunked", "Transfer-Encoding: xchunked\r\n", &chunked, &[0, 400]),
        one("chunked, then identity", "Transfer-Encoding: chunked, identity\r\n", &chunked, &[0, 400]),
        one("identity, then chunked", "Transfer-Encoding: identity, chunked\r\nConnection: close\r\n", &chunked, &[0, 400]),
        one("gzip, then chunked", "Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n", &chunked, &[0, 400]),
        one("two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &chunked, &[0, 400]),
        one("cow", "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n", &chunked, &[0, 400]),
        one("chunked twice", "Transfer-Encoding: chunked, chunked\r\nConnection: close\r\n", &chunked, &[0, 400]),
        one("a quoted encoding", "Transfer-Encoding: \"chunked\"\r\n", &chunked, &[0, 400]),
        one("a space before the colon", "Transfer-Encoding : chunked\r\n", &chunked, &[0, 400]),
        one("a vertical tab", "Transfer-Encoding: \u{b}chunked\r\n", &chunked, &[0, 400]),
        one("a folded encoding", "Transfer-Encoding:\r\n chunked\r\n", &chunked, &[0, 400]),
        one("upper case", "TRANSFER-ENCODING: CHUNKED\r\nConnection: close\r\n", &chunked, &[200]),
        one("chunk with an extension", "Transfer-Encoding: chunked\r\nConnection: close\r\n", &format!("{length:x};a=\"b\r\n{form}\r\n0\r\n\r\n"), &[0, 200, 400]),
        one("chunk with a bare LF", "Transfer-Encoding: chunked\r\nConnection: close\r\n", &format!("{length:x}\n{form}\n0\n\n"), &[0, 200, 400, 408]),
        one("chunk size with 0x", "Transfer-Encoding: chunked\r\nConnection: close\r\n", &format!("0x{length:x}\r\n{form}\r\n0\r\n\r\n"), &[0, 400]),
        one("chunk size that overflows", "Transfer-Encoding: chunked\r\nConnection: close\r\n", &format!("1000000000000000{length:x}\r\n{form}\r\n0\r\n\r\n"), &[0, 400, 413]),
        one("a negative chunk", "Transfer-Encoding: chunked\r\nConnection: close\r\n", &format!("-1\r\n{form}\r\n0\r\n\r\n"), &[0, 400]),
        one("credentials as a trailer", "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\nConnection: close\r\n", &format!("{length:x}\r\n{form}\r\n0\r\nAuthorization: Bearer token-bob\r\nX-Hecate-Namespaces: b\r\n\r\n"), &[0, 200, 400]),
        one("no end", "Transfer-Encoding: chunked\r\n", &format!("{length:x}\r\n{form}\r\n"), &[0, 400, 408]),
        one("pipelined", &format!("Content-Length: {length}\r\n"), &format!("{form}{inner}"), &[200]),
        Attack { name: "a GET with a request as its body".to_owned(), bytes: format!("GET /api/v1/query?query=a_only HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nContent-Length: {}\r\n\r\n{inner}", inner.len()).into_bytes(), right: vec![400] },
        Attack { name: "a GET with chunks".to_owned(), bytes: format!("GET /api/v1/query?query=a_only HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{inner}").into_bytes(), right: vec![400] },
        Attack { name: "HTTP/1.0 with chunks".to_owned(), bytes: format!("POST /api/v1/query HTTP/1.0\r\nAuthorization: Bearer token-alice\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}").into_bytes(), right: vec![0, 400] },
        Attack { name: "an upgrade with a request behind it".to_owned(), bytes: format!("GET /api/v1/query?query=a_only HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{inner}").into_bytes(), right: vec![200, 400] },
    ]
}
