//! What goes over the wire.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hecate::config::{Credentials, Secret};
use hecate::promql::EnforcedText;
use hecate::upstream::{ApiPath, Call, LabelName, ParamName, Params, SetUpError, Upstreams};
use prometheus::Registry;

use crate::stand_in::{OK, answering, backend, bound, query, settings, whole};

async fn seen(call: Call, change: impl FnOnce(&mut hecate::config::Upstream)) -> Result<String, hecate::upstream::UpstreamError> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let address = answering(move |_, request| {
        kept.lock().unwrap().push(request.to_owned());
        OK.to_owned()
    })
    .await;
    let mut settings = settings(&format!("http://{address}/select/0/prometheus/"));
    change(&mut settings);
    let (backend, _) = backend(settings);
    whole(&backend, call, Duration::from_secs(2)).await?;
    let request = requests.lock().unwrap().pop().unwrap();
    Ok(request.replace(&address.to_string(), "ADDRESS"))
}

#[tokio::test]
async fn a_short_query_is_a_get_with_nothing_that_was_not_asked_for() {
    let mut call = query("up{namespace=\"a\"}");
    call.request_id = Some("id-1".into());
    call.trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    let request = seen(call, |settings| {
        settings.auth.credentials = Some(Credentials::Bearer(Secret::new("t0k")));
        settings.auth.headers = vec![("X-Scope-OrgID".into(), Secret::new("tenant"))];
    })
    .await
    .unwrap();
    let mut lines: Vec<_> = request.trim_end().lines().collect();
    assert_eq!(lines.remove(0), "GET /select/0/prometheus/api/v1/query?query=up%7Bnamespace%3D%22a%22%7D HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "accept-encoding: identity",
        "accept: application/json",
        "authorization: Bearer t0k",
        "host: ADDRESS",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        concat!("user-agent: hecate/", env!("CARGO_PKG_VERSION")),
        "x-request-id: id-1",
        "x-scope-orgid: tenant",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn texts_cannot_add_headers() {
    let mut call = query("up");
    call.request_id = Some("a\r\nX-Scope-OrgID: other".into());
    call.trace = Some("b\n\nGET /".into());
    let request = seen(call, |_| {}).await.unwrap();
    assert!(!request.contains("other") && !request.contains("x-request-id") && !request.contains("traceparent"), "{request}");
}

fn alternation() -> EnforcedText {
    let names: Vec<_> = (1000..5000).map(|number| format!("team-with-a-long-name-{number}")).collect();
    bound("up", "namespace", &names)
}

#[tokio::test]
async fn a_large_alternation_goes_as_a_form() {
    for path in [ApiPath::Query, ApiPath::QueryRange, ApiPath::Series, ApiPath::Labels, ApiPath::QueryExemplars] {
        let template = path.template();
        let call = Call::new(path, Params::new().query(&alternation()).scalar(ParamName::TIME, "1.5").unwrap(), 1000);
        let request = seen(call, |_| {}).await.unwrap();
        assert!(request.starts_with(&format!("POST /select/0/prometheus{template} HTTP/1.1\r\n")), "{}", &request[..200]);
        assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
        assert!(request.ends_with("team-with-a-long-name-4999%22%7D&time=1.5"));
    }
}

#[tokio::test]
async fn what_fits_no_url_is_a_clear_error() {
    for path in [ApiPath::LabelValues(LabelName::new("pod").unwrap()), ApiPath::Federate] {
        let error = seen(Call::new(path, Params::new().matcher(&alternation()), 1000), |_| {}).await.unwrap_err();
        assert_eq!(error.kind(), "too_long");
        assert!(error.to_string().contains("fewer namespaces"), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    let new = |settings: &[hecate::config::Upstream]| Upstreams::new(settings, &Registry::new()).err();
    let good = settings("http://127.0.0.1:1");
    assert!(matches!(new(&[]), Some(SetUpError::NoUpstream)));
    assert!(matches!(new(&[good.clone(), good.clone()]), Some(SetUpError::NameTwice(name)) if name == "main"));
    for url in ["ftp://a/", "http://u:p@a/", "http://a/?x=1"] {
        assert!(matches!(new(&[settings(url)]), Some(SetUpError::BadUrl { .. })), "{url}");
    }
    for (name, value) in [("Host", "x"), ("a b", "x"), ("X-Ok", "a\nb"), ("Content-Length", "1")] {
        let mut bad = good.clone();
        bad.auth.headers = vec![(name.into(), Secret::new(value))];
        assert!(matches!(new(&[bad]), Some(SetUpError::BadHeader { .. })), "{name}");
    }
}

#[tokio::test]
async fn upstreams_are_found_by_name_and_role() {
    let mut cold = settings("http://127.0.0.1:1");
    cold.name = "old".into();
    cold.role = hecate::config::Role::Cold;
    let upstreams = Upstreams::new(&[cold, settings("http://127.0.0.1:2")], &Registry::new()).unwrap();
    assert_eq!(upstreams.default_hot().name(), "main");
    assert_eq!(upstreams.get("old").unwrap().name(), "old");
    assert!(upstreams.get("other").is_none());
    assert_eq!(upstreams.all().len(), 2);
}
