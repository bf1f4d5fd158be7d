//! `hecate explain`: what would be sent, what it costs, or why not.

use crate::Desk;

fn explain(arguments: &[&str]) -> String {
    let said =
        Desk::with(&[("tight.yaml", "limits: {samples: 100}\ntenancy: {conflict: error}\n")]).run(&[&["explain"], arguments].concat());
    assert_eq!(said.err, "", "{said:?}");
    format!("{}exit {}", said.out, said.code)
}

#[test]
fn an_instant_query_of_a_tenant() {
    insta::assert_snapshot!(explain(&["--namespace", "team-b", "--namespace", "team-a", "sum( rate(http_requests_total[5m]) )"]), @r#"
    canonical  sum(rate(http_requests_total[5m]))
    enforced   sum(rate(http_requests_total{namespace=~"team-a|team-b"}[5m]))
    selector   http_requests_total[5m]: tenant label namespace, at least 20 samples, reads back 300 s
    estimate   at least 1 series, 20 samples, 1 points each
    cacheable  yes: the value at a step depends on that step only
    exit 0
    "#);
}

#[test]
fn a_range_query_of_the_cluster() {
    insta::assert_snapshot!(explain(&["--window", "1h", "--step", "15s", "topk(3, up) / ignoring(x) group_left() (DCGM_FI_DEV_GPU_UTIL offset 1d)"]), @r#"
    canonical  topk(3, up) / ignoring (x) group_left () DCGM_FI_DEV_GPU_UTIL offset 1d
    enforced   topk(3, up) / ignoring (x) group_left () DCGM_FI_DEV_GPU_UTIL offset 1d
    selector   up: no tenant label is needed, at least 241 samples, reads back 300 s
    selector   DCGM_FI_DEV_GPU_UTIL offset 1d: no tenant label is needed, at least 241 samples, reads back 86700 s
    estimate   at least 2 series, 482 samples, 241 points each
    cacheable  yes: the value at a step depends on that step only
    exit 0
    "#);
}

#[test]
fn metrics_with_another_tenant_label_and_without_a_name() {
    insta::assert_snapshot!(explain(&["--namespace", "team-a", "DCGM_FI_DEV_GPU_UTIL + on() {job=\"x\"}"]), @r#"
    canonical  DCGM_FI_DEV_GPU_UTIL + on () {job="x"}
    enforced   DCGM_FI_DEV_GPU_UTIL{exported_namespace="team-a"} + on () {__name__!~"(?s:DCGM_.*|accelerator_.*|nvidia_gpu_.*|habanalabs_.*|training_operator_jobs_.*|data_science_pipelines_application_.*|istio_.*|notebook_.*|last_notebook_culling_timestamp_seconds|argo_workflows_.*|kuberay_.*|kueue_local_queue_.*|kueue_.*|node_.*|kube_node_.*|machine_.*|kube_persistentvolume_.*|cluster:.*)",job="x",namespace="team-a"}
    selector   DCGM_FI_DEV_GPU_UTIL: tenant label exported_namespace, at least 1 samples, reads back 300 s
    selector   {job="x"}: tenant label namespace, at least 1 samples, reads back 300 s
    estimate   at least 2 series, 2 samples, 1 points each
    cacheable  only as a whole: parts of a window could succeed where the whole fails: only the same window again has the same answer
    warning    {job="x"} names no metric: it reads only metrics whose tenant label is "namespace"
    exit 0
    "#);
}

#[test]
fn what_is_no_promql() {
    insta::assert_snapshot!(explain(&["--namespace", "team-a", "sum(\n  rate(up)\n)"]), @r#"
    refused    2:8: parse error: expected type range vector in call to function "rate", got instant vector
                   rate(up)
                        ^^
    exit 1
    "#);
}

#[test]
fn what_is_outside_the_scope() {
    insta::assert_snapshot!(explain(&["--namespace", "team-a", "1 + node_load1"]), @r#"
    canonical  1 + node_load1
    refused    1:5: the metric "node_load1" cannot be told apart by namespace: cluster-wide permission is needed to read it
                 1 + node_load1
                     ^^^^^^^^^^
    exit 1
    "#);
    insta::assert_snapshot!(explain(&["--config", "tight.yaml", "--namespace", "team-a", "up{namespace=\"team-b\"}"]), @r#"
    canonical  up{namespace="team-b"}
    refused    1:1: namespace="team-b" is outside of your scope
                 up{namespace="team-b"}
                 ^^^^^^^^^^^^^^^^^^^^^^
    exit 1
    "#);
}

#[test]
fn what_is_too_expensive() {
    insta::assert_snapshot!(explain(&["--config", "tight.yaml", "sum_over_time(up[1h]) + down"]), @r#"
    canonical  sum_over_time(up[1h]) + down
    enforced   sum_over_time(up[1h]) + down
    selector   up[1h]: no tenant label is needed, at least 240 samples, reads back 3600 s
    selector   down: no tenant label is needed, at least 1 samples, reads back 300 s
    estimate   at least 2 series, 241 samples, 1 points each
    cacheable  yes: the value at a step depends on that step only
    refused    the query is too expensive: the work would be at least 241 samples, the limit is 100 (limits.samples); the costly part is up[1h]
    exit 1
    "#);
}

#[test]
fn what_is_no_argument() {
    for (arguments, word) in [(&["--namespace", "Team", "up"][..], "lower-case"), (&["--window", "soon", "--step", "1s", "up"], "soon")] {
        let said = Desk::with(&[]).run(&[&["explain"], arguments].concat());
        assert!(said.code == 1 && said.out.is_empty() && said.err.contains(word), "{said:?}");
    }
}
