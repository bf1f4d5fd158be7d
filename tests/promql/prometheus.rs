//! The judge: a Prometheus with an empty data folder.

use crate::bare_prometheus::BarePrometheus;

/// With these features switched on.
pub(crate) fn start(features: Option<&str>) -> BarePrometheus {
    let flags: Vec<String> = features.map(|features| format!("--enable-feature={features}")).into_iter().collect();
    BarePrometheus::start(tempfile::tempdir().expect("a temporary folder"), "", &flags)
}
