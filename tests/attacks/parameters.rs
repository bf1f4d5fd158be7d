//! Parameters: repeats, URL against body, encodings, content types, bodies, backends' own parameters.

use crate::stage::{Attack, Stage, get_is, post, request};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters() {
    let mut stage = Stage::set().await;
    stage.attack_all(repeats()).await;
    stage.attack_all(encodings()).await;
    stage.attack_all(bodies()).await;
    stage.attack_all(control()).await;
    stage.attack_all(values()).await;
    stage.attack_all(selectors()).await;
    stage.attack_all(rules()).await;
    stage.end("parameters", 120).await;
}

fn repeats() -> Vec<Attack> {
    let q = "/api/v1/query";
    vec![
        get_is(&format!("{q}?query=a_only&query=odd"), &[400]),
        get_is(&format!("{q}?query=&query=odd"), &[400]),
        get_is(q, &[400]),
        post(q, "x=1").right(&[400]),
        post("/api/v1/query_exemplars", "x=1").right(&[400]),
        post("/api/v1/format_query", "").right(&[400]),
        get_is(&format!("{q}?query=a_only&query=a_only"), &[200]),
        get_is(&format!("{q}?query=a_only&%71uery=odd"), &[400]),
        get_is(&format!("{q}?query=a_only&Query=odd{{namespace%3D%22b%22}}"), &[200]),
        get_is(&format!("{q}?query[]=odd&query=a_only"), &[200]),
        get_is(&format!("{q}?query[0]=odd"), &[400]),
        get_is(&format!("{q}?query%00=odd"), &[400]),
        get_is(&format!("{q}?query =odd"), &[400]),
        get_is(&format!("{q}?%20query=odd"), &[400]),
        get_is(&format!("{q}?query=a_only&time=1&time=2"), &[400]),
        post(&format!("{q}?query=a_only"), "query=odd").right(&[400]),
        post(&format!("{q}?query=a_only"), "query=a_only").right(&[200]),
        post(&format!("{q}?query=odd"), "").right(&[200]),
        post(&format!("{q}?time=1"), "query=a_only&time=2").right(&[400]),
        post(&format!("{q}?namespace=b"), "query=a_only").right(&[403]),
        post(q, "query=a_only&namespace=b").right(&[403]),
        post(&format!("{q}?namespace=a"), "query=a_only&namespace=b").right(&[403]),
        post(&format!("{q}?namespace=a"), "query=a_only&namespace=a").right(&[200]),
        post("/api/v1/series?match[]=a_only", "match[]=odd").right(&[200]),
        post("/api/v1/labels?match[]=a_only", "match[]=%7Bnamespace%3D%22b%22%7D").right(&[200]),
        get_is("/api/v1/label/path/values?match[]=app_requests_total&match[]=odd&match[]=ALERTS", &[200]),
    ]
}

fn encodings() -> Vec<Attack> {
    let q = "/api/v1/query";
    vec![
        get_is(&format!("{q}?query=%25%36%31_only"), &[400]),
        get_is(&format!("{q}?query=app_requests_total%257Bnamespace%253D%2522b%2522%257D"), &[400]),
        get_is(&format!("{q}?%2571uery=a_only"), &[400]),
        get_is(&format!("{q}?query=a_only%"), &[400]),
        get_is(&format!("{q}?query=a_only%2"), &[400]),
        get_is(&format!("{q}?query=a_only%zz"), &[400]),
        get_is(&format!("{q}?query=%u0061_only"), &[400]),
        get_is(&format!("{q}?query=%c0%af"), &[400]),
        get_is(&format!("{q}?query=odd%7Bs%3D%22%c0%80%22%7D"), &[400]),
        get_is(&format!("{q}?query=odd%7Bs%3D%22%ed%a0%80%22%7D"), &[400]),
        get_is(&format!("{q}?query=odd%7Bs%3D%22%f8%88%80%80%80%22%7D"), &[400]),
        get_is(&format!("{q}?query=odd%7Bs%3D%22%ff%22%7D"), &[400]),
        get_is(&format!("{q}?query=odd%7Bs%3D%22%00%22%7D"), &[200, 400]),
        get_is(&format!("{q}?query=a_only%00"), &[400]),
        get_is(&format!("{q}?query=a_only%0d%0aX-Scope-OrgID:%20b"), &[400]),
        get_is(&format!("{q}?query=a_only;query=odd"), &[400]),
        get_is(&format!("{q}?query=a_only&a=1;query=odd"), &[400]),
        get_is(&format!("{q}?query=a_only%26query=odd"), &[400]),
        get_is(&format!("{q}?query=a_only%23&x=odd"), &[200]),
        get_is(&format!("{q}?query=a_only#&query=odd"), &[200, 400]),
        get_is(&format!("{q}?&&&query=a_only&&"), &[200]),
        get_is(&format!("{q}??query=a_only"), &[400]),
        get_is(&format!("{q}?query=a_only?namespace=b"), &[400]),
        get_is(&format!("{q}?query={{__name__%3D%22a_only%22}}"), &[200]),
        get_is(&format!("{q}?query=a%5fonly"), &[200]),
        get_is(&format!("{q}?query=sum+(a_only)"), &[200]),
        get_is(&format!("{q}?query=sum%2B(a_only)"), &[200]),
        get_is(&format!("{q}?query=a_only&namespace=%62"), &[403]),
        get_is(&format!("{q}?query=a_only&n%61mespace=b"), &[403]),
        get_is(&format!("{q}?query=a_only&namespace=a,b"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=a%7Cb"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=.*"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace="), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=A"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=a%00"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=a%22%7D%20or%20odd%7Bx%3D%22"), &[400]),
        get_is(&format!("{q}?query=a_only&namespace=%EF%BD%81"), &[400]),
        raw_byte(b"/api/v1/query?query=odd{s=\"\xff\"}"),
        raw_byte(b"/api/v1/query?query=odd{s=\"\xc0\x80\"}"),
        raw_byte(b"/api/v1/label/\xff/values"),
        raw_byte(b"/api/v1/quer\xff"),
    ]
}

/// A target with bytes that are not UTF-8.
fn raw_byte(target: &[u8]) -> Attack {
    let bytes = [b"GET ", target, b" HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-alice\r\nConnection: close\r\n\r\n"].concat();
    Attack { name: String::from_utf8_lossy(target).into_owned(), bytes, right: vec![400, 0] }
}

fn bodies() -> Vec<Attack> {
    let q = "/api/v1/query";
    let kinds = [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencodedx",
        "application/x-www-form-urlencoded, text/plain",
        "application/x-protobuf",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=ibm037",
        "application/x-www-form-urlencoded;charset=\"UTF-7\"",
        "",
    ];
    let mut attacks: Vec<Attack> =
        kinds.iter().map(|kind| request("POST", q).header(&format!("Content-Type: {kind}")).body("query=a_only").right(&[415])).collect();
    let zipped = "query=a_only";
    attacks.extend([
        request("POST", q).body("query=a_only").right(&[415]),
        request("POST", q).header(FORM).header("Content-Type: application/json").body("query=a_only").right(&[415]),
        post(q, zipped).header("Content-Encoding: gzip").right(&[415]),
        post(q, zipped).header("Content-Encoding: deflate, br").right(&[415]),
        post(q, zipped).header("Content-Encoding: identity").right(&[200]),
        request("POST", q).header("Content-Type: application/x-www-form-urlencoded; charset=UTF-8").body("query=a_only").right(&[200]),
        request("POST", q).header("Content-Type: APPLICATION/X-WWW-FORM-URLENCODED").body("query=a_only").right(&[200]),
        request("POST", q)
            .header("Content-Type: multipart/form-data; boundary=x")
            .body("--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nodd\r\n--x--\r\n")
            .right(&[415]),
        post(q, b"query=odd{s=\"\xff\"}").right(&[400]),
        post(q, "q\0uery=odd").right(&[400]),
        post(q, "query=a_only\r\n").right(&[200, 400]),
        post(q, "_charset_=utf-16&query=a_only").right(&[200]),
        post(q, "\u{feff}query=odd").right(&[400]),
        post(q, [b"\xff\xfe".as_slice(), &b"query=odd".iter().flat_map(|b| [*b, 0]).collect::<Vec<_>>()].concat()).right(&[400]),
        request("GET", &format!("{q}?query=a_only")).header(FORM).body("query=odd").right(&[400]),
        request("GET", q).header(FORM).body("query=odd").right(&[400]),
        request("HEAD", &format!("{q}?query=a_only")).header(FORM).body("query=odd").right(&[400]),
        request("OPTIONS", q).header(FORM).body("query=odd").right(&[400]),
        request("GET", &format!("{q}?query=a_only")).header("Content-Length: 0").right(&[200]),
        request("DELETE", q).header(FORM).body("query=odd").right(&[405]),
        request("PUT", q).header(FORM).body("query=odd").right(&[405]),
        request("PATCH", "/api/v1/series").header(FORM).body("match[]=odd").right(&[405]),
        request("POST", "/api/v1/label/path/values").header(FORM).body("match[]=odd").right(&[405]),
        request("POST", "/federate").header(FORM).body("match[]=odd").right(&[405]),
        request("POST", "/api/v1/rules").header(FORM).body("type=alert").right(&[405]),
        request("POST", "/api/v1/metadata").header(FORM).body("metric=odd").right(&[405]),
        request("GET", "/api/v1/metrics/validate").header("X-HTTP-Method-Override: POST").right(&[405]),
        request("GET", &format!("{q}?query=a_only&_method=POST")).header("X-HTTP-Method: DELETE").right(&[200]),
        request("POST", "/federate?match[]=odd").header("X-Method-Override: GET").right(&[405]),
        request("TRACE", &format!("{q}?query=a_only")).right(&[405]),
        request("CONNECT", "victim:9090").right(&[400, 405]),
        request("PROPFIND", &format!("{q}?query=a_only")).right(&[405]),
        request("get", &format!("{q}?query=a_only")).right(&[405]),
        request("PRI", "*").right(&[0, 400, 405]),
        request("GET /x", &format!("{q}?query=a_only")).right(&[0, 400, 404]),
    ]);
    let validate = |body: &str| request("POST", "/api/v1/metrics/validate").header("Content-Type: application/json").body(body);
    attacks.extend([
        validate(r#"{"query":"odd","query":"a_only"}"#).right(&[400]),
        validate(r#"{"query":"odd","namespaces":["b"]}"#).right(&[403]),
        validate(r#"{"query":"odd","namespaces":["a","b"]}"#).right(&[403]),
        validate(r#"{"query":"odd","scope":"cluster"}"#).right(&[400]),
        validate(r#"{"query":["odd"]}"#).right(&[400]),
        validate(r#"{"query":"odd","start":-9.2e15,"end":9.2e15,"step":"0.0000001"}"#).right(&[200, 400, 422]),
        validate(&("[".repeat(20_000))).right(&[400]),
        validate(r#"{"query":"odd{namespace=\"b\"}"}"#).right(&[200]),
        validate("query=odd").right(&[400]),
        validate("").right(&[400]),
    ]);
    attacks
}

/// Parameters by which backends choose tenants, stores and filters: refused, or at least never sent on.
fn control() -> Vec<Attack> {
    let refused = [
        "extra_filters[]=%7Bnamespace%3D%22b%22%7D",
        "extra_filters%5B%5D=x",
        "extra_filters=x",
        "extra_label=namespace%3Db",
        "EXTRA_LABEL=namespace%3Db",
        "storeMatch[]=%7B%7D",
        "storeMatch=x",
        "replicaLabels[]=namespace",
        "tenant=b",
        "tenant_id=b",
        "X-Scope-OrgID=b",
        "AccountID=0",
        "ProjectID=0",
        "match=odd",
        "engine=thanos",
        "analyze=true",
        "trace=1",
        "nocache=1",
        "shard=1",
    ];
    let dropped = [
        "dedup=false",
        "partial_response=true",
        "max_source_resolution=1h",
        "round_digits=1",
        "latency_offset=0",
        "keep_name=1",
        "db=b",
        "user=bob",
        "access_token=token-bob",
        "authorization=Bearer%20token-bob",
        "apikey=x",
        "deny_partial_response=1",
        "extra_label[]=namespace%3Db",
        "explain=1",
        "debug=1",
        "cnry7q=cnry7q",
        "a[b][c]=cnry7q",
    ];
    let q = "/api/v1/query?query=a_only&";
    let mut attacks: Vec<Attack> = refused.iter().map(|param| get_is(&format!("{q}{param}"), &[400])).collect();
    attacks.extend(dropped.iter().map(|param| get_is(&format!("{q}{param}"), &[200])));
    attacks.extend(refused.iter().take(6).map(|param| post("/api/v1/series", format!("match[]=a_only&{param}")).right(&[400])));
    attacks
}

/// Values that are numbers and times elsewhere.
fn values() -> Vec<Attack> {
    let odd = [
        ("time", "NaN"),
        ("time", "Inf"),
        ("time", "1e400"),
        ("time", "-9e15"),
        ("time", "0x10"),
        ("time", "now"),
        ("time", "1%0a2"),
        ("timeout", "-1"),
        ("timeout", "1000y"),
        ("timeout", "0"),
        ("timeout", "9e9"),
        ("lookback_delta", "-1"),
        ("lookback_delta", "9e9"),
        ("limit", "-1"),
        ("limit", "18446744073709551616"),
        ("limit", "1;2"),
        ("limit", "%2B1"),
        ("stats", "all%0d%0aX: y"),
        ("stats", "cnry7q"),
    ];
    let mut attacks: Vec<Attack> =
        odd.iter().map(|(name, value)| get_is(&format!("/api/v1/query?query=a_only&{name}={value}"), &[200, 400, 422, 503])).collect();
    for (start, end, step) in [
        ("1", "2", "0"),
        ("1", "2", "-1"),
        ("2", "1", "1"),
        ("1", "2", "0.0000001"),
        ("1", "2", "0.0001"),
        ("-9e12", "9e12", "1"),
        ("0", "9e12", "9e9"),
        ("1", "2", "1y"),
        ("1", "2", "NaN"),
        ("", "", ""),
        ("1", "2", "1e-300"),
    ] {
        attacks.push(get_is(&format!("/api/v1/query_range?query=a_only&start={start}&end={end}&step={step}"), &[200, 400, 422]));
        attacks
            .push(post("/api/v1/query_range", format!("query=rate(odd[5m:])&start={start}&end={end}&step={step}")).right(&[200, 400, 422]));
    }
    let form = |text: String| post("/api/v1/query", text).right(&[200, 400, 413]);
    attacks.extend([
        form("a=1&".repeat(5_000) + "query=odd"),
        form("query=a_only&x=".to_owned() + &"a".repeat(900_000)),
        form("query=a_only&x=".to_owned() + &"a".repeat(1_100_000)),
        form("a".repeat(900_000) + "=1&query=a_only"),
        form("&".repeat(900_000) + "query=a_only"),
        form("%41".repeat(300_000)),
        get_is(&format!("/api/v1/query?query=a_only&x={}", "a".repeat(40_000)), &[414]),
        get_is(&format!("/api/v1/query?{}query=a_only", "a=1&".repeat(3_000)), &[400]),
        get_is(&format!("/api/v1/series?{}", "match[]=odd&".repeat(500)), &[400, 422]),
        get_is(&format!("/api/v1/query?query=a_only&{}", "namespace=a&".repeat(1_000)), &[200]),
    ]);
    attacks
}

/// Everything with `match[]`.
fn selectors() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for path in ["/api/v1/series", "/api/v1/labels", "/api/v1/label/namespace/values", "/api/v1/label/__name__/values", "/federate"] {
        attacks.extend([
            get_is(path, &[200, 400]),
            get_is(&format!("{path}?match[]="), &[400]),
            get_is(&format!("{path}?match[]={{}}"), &[400]),
            get_is(&format!("{path}?match[]={{namespace=\"b\"}}"), &[200]),
            get_is(&format!("{path}?match[]=a_only&match[]={{namespace=~\"b|a\"}}"), &[200]),
            get_is(&format!("{path}?match%5b%5d={{__name__=~\".%2B\"}}"), &[200]),
            get_is(&format!("{path}?match={{namespace=\"b\"}}"), &[400]),
            get_is(&format!("{path}?match[0]={{namespace=\"b\"}}&match[]=a_only"), &[200]),
            get_is(&format!("{path}?match[]=odd%20or%20a_only"), &[400]),
            get_is(&format!("{path}?match[]=odd[5m]"), &[400]),
            get_is(&format!("{path}?match[]=odd&namespace=b"), &[403]),
            get_is(&format!("{path}?match[]={{namespace=\"b\"}}&limit=1&start=-9e12&end=9e12"), &[200, 400]),
        ]);
    }
    attacks
}

/// What chooses rules, alerts and metadata.
fn rules() -> Vec<Attack> {
    [
        "/api/v1/rules?type=alert",
        "/api/v1/rules?type=record",
        "/api/v1/rules?match[]={namespace=\"b\"}",
        "/api/v1/rules?match[]={namespace=~\".*\",x!=\"1\"}",
        "/api/v1/rules?rule_name[]=Everyone&rule_name[]=BLabel&rule_name[]=Either",
        "/api/v1/rules?rule_group[]=mixed",
        "/api/v1/rules?file[]=mixed.yml&file[]=../../etc/passwd",
        "/api/v1/rules?exclude_alerts=true",
        "/api/v1/rules?exclude_alerts=cnry7q",
        "/api/v1/rules?group_limit=1",
        "/api/v1/rules?group_limit=1&group_next_token=0000000000000000000000000000000000000000",
        "/api/v1/rules?group_limit=1&group_next_token=cnry7q",
        "/api/v1/rules?group_limit=18446744073709551615&group_next_token=x",
        "/api/v1/rules?group_limit=-1",
        "/api/v1/rules?namespace=b",
        "/api/v1/alerts?namespace=b",
        "/api/v1/alerts?match[]={namespace=\"b\"}",
        "/ns/b/api/v1/rules",
        "/api/v1/metadata?metric=suffix_trick",
        "/api/v1/metadata?metric=node_secret",
        "/api/v1/metadata?metric=app_requests",
        "/api/v1/metadata?limit=-1&limit_per_metric=-1",
        "/api/v1/metadata?metric=odd%00",
        "/api/v1/metadata?limit_per_metric=1&limit=100000",
        "/api/v1/query_exemplars?query={namespace=\"b\"}&start=0&end=9999999999",
        "/api/v1/query_exemplars?query={__name__=~\".%2B\"}&start=-9e12&end=9e12",
        "/api/v1/query_exemplars?query=app_requests_total%20or%20app_requests_total{namespace=\"b\"}&start=0&end=9999999999",
        "/api/v1/query_exemplars?query=a_only%20%2B%20on()%20app_requests_total{namespace!=\"a\"}&start=0&end=9999999999",
    ]
    .iter()
    .map(|target| get_is(target, &[200, 400, 403]))
    .collect()
}
