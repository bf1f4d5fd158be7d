//! That the oracle can fail: whoever may see the marker sees it on every path, and alice sees what is hers.

use crate::stage::Stage;
use crate::world::MARKER;

const EVERYWHERE: [&str; 12] = [
    "/api/v1/query?query=app_requests_total",
    "/api/v1/query?query=ALERTS",
    "/api/v1/query?query={__name__=~\"DCGM_.*\"}",
    "/api/v1/query_range?query=app_requests_total&start=NOW&end=LATER&step=1",
    "/api/v1/series?match[]={path=~\".%2B\"}",
    "/api/v1/labels",
    "/api/v1/label/__name__/values",
    "/api/v1/query_exemplars?query=app_requests_total&start=0&end=9999999999",
    "/api/v1/metadata",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/federate?match[]={path=~\".%2B\"}",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_see_the_marker_sees_it() {
    let stage = Stage::set().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for target in EVERYWHERE {
        let target = target.replace("NOW", &now.to_string()).replace("LATER", &(now + 5).to_string());
        for token in ["token-bob", "token-both", "token-admin"] {
            let (status, text) = stage.answer(token, &target).await;
            assert!(status == 200 && text.contains(MARKER), "{token} {target}: {status} {text}");
        }
        let (status, text) = stage.answer("token-alice", &target).await;
        assert!(status == 200 && !text.contains(MARKER) && text.len() > 60, "{target}: {status} {text}");
    }
    let (status, text) = stage.answer("token-admin", "/api/v1/targets").await;
    assert!(status == 200 && text.contains(MARKER), "{status} {text}");
    for (target, own) in [
        ("/api/v1/query?query=a_only", "\"pod\":\"p\""),
        ("/api/v1/query?query=DCGM_FI_DEV_GPU_UTIL", "\"gpu\":\"0\""),
        ("/api/v1/query_exemplars?query=app_requests_total&start=0&end=9999999999", "trace-of-a"),
        ("/api/v1/metadata", "Requests as a tells them."),
        ("/api/v1/rules", "AOwn"),
        ("/api/v1/alerts", "path /a"),
        ("/federate?match[]=a_only", "a_only{"),
    ] {
        let (status, text) = stage.answer("token-alice", target).await;
        assert!(status == 200 && text.contains(own), "{target}: {status} {text}");
    }
    // A matcher that contradicts the scope leaves nothing: it is not replaced by the scope's.
    for text in ["app_requests_total{namespace=%22b%22}", "app_requests_total{namespace!=%22a%22}", "{namespace!~%22a%22,job=~%22.%2B%22}"]
    {
        let (status, answer) = stage.answer("token-alice", &format!("/api/v1/query?query={text}")).await;
        assert!(status == 200 && answer.contains("\"result\":[]"), "{text}: {status} {answer}");
    }
    stage.end("controls", 0).await;
}
