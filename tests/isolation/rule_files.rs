//! Rules of both tenants and of the platform.

/// What the mixed Prometheus evaluates.
pub const MIXED: &[(&str, &str)] = &[("a.yml", A), ("b.yml", B), ("shared.yml", SHARED_MIXED), ("z-platform.yml", PLATFORM)];
/// What the one of `a` does.
pub const ONLY_A: &[(&str, &str)] = &[("a.yml", A), ("shared.yml", SHARED_A), ("z-platform.yml", PLATFORM)];

/// The group of the platform: its rules are nobody's, its alerts are who they name.
pub const PLATFORM_GROUP: &str = "platform";

const A: &str = r#"
groups:
- name: team
  rules:
  - {record: "team:temperature:max", expr: 'max by (namespace) (live_temperature{namespace="a"})'}
  - {record: "team:requests:sum", expr: 'sum(live_requests_total{namespace="a"})', labels: {namespace: a}}
  - alert: Hot
    expr: 'live_temperature{namespace="a"} > 10'
    labels: {severity: page}
    annotations: {summary: "{{ $labels.pod }} of {{ $labels.namespace }} has {{ $value }}"}
  - {alert: Cold, expr: 'live_temperature{namespace="a"} < 0', labels: {severity: info}}
  - {alert: Unlabelled, expr: 'sum(live_temperature{namespace="a"}) > 0'}
  - {alert: Slow, expr: 'live_temperature{namespace=~"a"} > 10', for: 1h, keep_firing_for: 5m, labels: {namespace: a}}
- name: only-of-a
  rules:
  - {record: "gpu:util:max", expr: 'max by (exported_namespace) (DCGM_FI_DEV_GPU_UTIL{exported_namespace="a"})', labels: {namespace: a}}
"#;

const B: &str = r#"
groups:
- name: team
  rules:
  - {record: "team:temperature:max", expr: 'max by (namespace) (live_temperature{namespace="b"})'}
  - {record: "team:requests:sum", expr: 'sum(live_requests_total{namespace="b"})', labels: {namespace: b}}
  - alert: Hot
    expr: 'live_temperature{namespace="b"} > 10'
    labels: {severity: page}
    annotations: {summary: "{{ $labels.pod }} of {{ $labels.namespace }} has {{ $value }}"}
  - {alert: Unlabelled, expr: 'sum(live_temperature{namespace="b"}) > 0'}
  - {alert: CompareWithA, expr: 'live_temperature{namespace="b"} > on() group_left() max(live_temperature{namespace="a"})'}
  - {alert: Secret, expr: 'live_temperature{namespace="a"} > 0', labels: {namespace: b}}
- name: only-of-b
  rules:
  - {record: "secret:sum", expr: 'sum(live_only_b{namespace="b"})'}
  - {record: "all:sum", expr: 'sum(live_temperature)'}
  - {record: "either:sum", expr: 'sum(live_temperature{namespace=~"a|b"})'}
  - {record: "not_a:sum", expr: 'sum(live_temperature{namespace!="a"})'}
"#;

/// One group with rules of both; the one below is what `a` may see of it.
const SHARED_MIXED: &str = r#"
groups:
- name: shared
  rules:
  - {record: "shared:first", expr: 'sum(live_temperature{namespace="b"})', labels: {namespace: b}}
  - {record: "shared:second", expr: 'group by (pod) (live_temperature)', labels: {namespace: a}}
  - {record: "shared:third", expr: 'sum(live_temperature{namespace="b"})', labels: {namespace: aa}}
"#;

const SHARED_A: &str = r#"
groups:
- name: shared
  rules:
  - {record: "shared:second", expr: 'group by (pod) (live_temperature)', labels: {namespace: a}}
"#;

const PLATFORM: &str = r#"
groups:
- name: platform
  rules:
  - alert: PodSeen
    expr: 'kube_pod_info > 0'
    annotations: {summary: "{{ $labels.pod }} in {{ $labels.namespace }}"}
  - {record: "namespace:pods:count", expr: 'count by (namespace) (kube_pod_info)'}
"#;
