//! Bodies that work as they stand: for people who try them, and for tests that send them.

use serde_json::{Value, json};

/// The name in the path of all of them.
pub(super) const NAME: &str = "gpu-usage";
/// The project.
pub(super) const PROJECT: &str = "team-a";

/// A dashboard with one panel.
pub(super) fn dashboard() -> Value {
    let query = json!({"kind": "PrometheusTimeSeriesQuery", "spec": {"query": "avg(DCGM_FI_DEV_GPU_UTIL)"}});
    let panel = json!({
        "display": {"name": "GPU"},
        "plugin": {"kind": "TimeSeriesChart", "spec": {}},
        "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": query}}],
    });
    let item = json!({"x": 0, "y": 0, "width": 12, "height": 8, "content": {"$ref": "#/spec/panels/gpu"}});
    json!({
        "kind": "Dashboard",
        "metadata": {"name": NAME, "project": PROJECT, "tags": ["gpu"], "version": 0},
        "spec": {
            "display": {"name": "Use of GPUs"},
            "duration": "1h",
            "panels": {"gpu": {"kind": "Panel", "spec": panel}},
            "layouts": [{"kind": "Grid", "spec": {"items": [item]}}],
        },
    })
}

/// Another title and other tags.
pub(super) fn dashboard_patch() -> Value {
    json!({"metadata": {"state": "draft", "tags": ["gpu", "night"]}, "spec": {"display": {"name": "GPUs at night"}}})
}

/// A copy.
pub(super) fn clone() -> Value {
    json!({"name": "gpu-usage-copy", "title": "Use of GPUs, to play with"})
}

/// A dashboard of a built-in template.
pub(super) fn from_template() -> Value {
    json!({"template": "notebook", "name": "notebook-alice", "variables": {"name": "alice"}})
}

/// A link for an hour.
pub(super) fn share() -> Value {
    json!({"expires_in": "1h", "cidrs": ["127.0.0.0/8", "10.0.0.0/8"]})
}

/// A template with one panel.
pub(super) fn template() -> Value {
    let panel = json!({"id": "up", "title": "Up", "kind": "StatChart", "queries": [{"query": "sum(up{namespace=\"$namespace\"})"}]});
    json!({
        "id": TEMPLATE,
        "title": "Targets of a team",
        "description": "How many of its targets are up",
        "category": "custom",
        "scope": "namespace",
        "duration": "1h",
        "refresh_interval": "30s",
        "variables": [{"name": "namespace", "label": "Project", "from": "project"}],
        "rows": [{"title": "Targets", "panels": [panel]}],
    })
}

/// Its id.
pub(super) const TEMPLATE: &str = "team_targets";

/// Everything that a person may like.
pub(super) fn preferences() -> Value {
    json!({
        "theme": "dark",
        "time_zone": "Europe/Berlin",
        "default_range": "6h",
        "refresh": "30s",
        "home": "team-a/gpu-usage",
        "favourites": [{"project": PROJECT, "name": NAME}],
    })
}

/// Some of it.
pub(super) fn preferences_patch() -> Value {
    json!({"theme": "light", "home": null})
}

/// A query over a window.
pub(super) fn question() -> Value {
    json!({"query": "sum(rate(http_requests_total[5m]))", "start": "2026-11-27T11:00:00Z", "end": "2026-11-27T12:00:00Z", "step": "15s"})
}
