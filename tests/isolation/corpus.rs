//! The corpus: expressions in files, one a line, with what is expected of them where that is not "the same, and something".
//!
//! * `@empty E`: nothing on both sides, by design of the entry.
//! * `@error E`: Prometheus refuses it while it runs; so does Hecate, with the same status and type.
//! * `@refused TEXT | E`: tenants get 403 and a message with the text; cluster-wide scope gets what Prometheus says.
//! * `@for X Y Z | E`: one entry for each word, which stands where E has `$`.
//! * `⏎`: a new line.
//! * `,$OWN` in a selector: Hecate is asked without it, the Prometheus of `a` with the matchers that a selector without a
//!   literal name is bound to by design.

/// What a selector without a literal name is bound to, with the policy that Hecate ships.
const OWN: &str = r#",namespace=~"a",__name__!~"(DCGM_|accelerator_|nvidia_gpu_|habanalabs_|training_operator_jobs_|data_science_pipelines_application_|istio_|notebook_|argo_workflows_|kuberay_|kueue_|node_|kube_node_|machine_|kube_persistentvolume_|cluster:).*|last_notebook_culling_timestamp_seconds""#;

/// When an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// In the history of the blocks.
    History,
    /// At the end of what is scraped.
    Live,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Same,
    Empty,
    Error,
    Refused(String),
}

#[derive(Clone, Debug)]
pub struct Entry {
    /// File and line.
    pub place: String,
    pub era: Era,
    pub expect: Expect,
    text: String,
}

impl Entry {
    /// For Hecate, and for the mixed Prometheus.
    pub fn text(&self) -> String {
        self.text.replace(",$OWN", "").replace("$OWN", "")
    }

    /// For the Prometheus of `a`.
    pub fn text_for_only_a(&self) -> String {
        self.text.replace(",$OWN", OWN).replace("$OWN", &OWN[1..])
    }

    /// Whether the order of a vector is part of the answer.
    pub fn is_ordered(&self) -> bool {
        self.text.starts_with("sort")
    }

    /// A text in quotes, which has a value at one moment only.
    pub fn is_string(&self) -> bool {
        self.text.starts_with(['"', '\''])
    }
}

const FILES: &[(&str, Era, &str)] = &[
    ("functions", Era::History, include_str!("corpus/functions.promql")),
    ("aggregations", Era::History, include_str!("corpus/aggregations.promql")),
    ("selectors", Era::History, include_str!("corpus/selectors.promql")),
    ("operators", Era::History, include_str!("corpus/operators.promql")),
    ("times", Era::History, include_str!("corpus/times.promql")),
    ("policy", Era::History, include_str!("corpus/policy.promql")),
    ("hostile", Era::History, include_str!("corpus/hostile.promql")),
    ("live", Era::Live, include_str!("corpus/live.promql")),
];

/// All entries.
pub fn entries() -> Vec<Entry> {
    FILES.iter().flat_map(|(file, era, text)| entries_of(file, *era, text)).collect()
}

/// The entries of a file, given by its name and text.
pub fn entries_of(file: &str, era: Era, text: &str) -> Vec<Entry> {
    text.lines().enumerate().flat_map(|(i, line)| read(&format!("{file}.promql:{}", i + 1), era, line)).collect()
}

fn read(place: &str, era: Era, line: &str) -> Vec<Entry> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Vec::new();
    }
    if let Some(rest) = line.strip_prefix("@for ") {
        let (words, template) = rest.split_once(" | ").unwrap();
        return words.split_whitespace().flat_map(|word| read(place, era, &template.replace('$', word))).collect();
    }
    let (expect, text) = if let Some(text) = line.strip_prefix("@empty ") {
        (Expect::Empty, text)
    } else if let Some(text) = line.strip_prefix("@error ") {
        (Expect::Error, text)
    } else if let Some(rest) = line.strip_prefix("@refused ") {
        let (message, text) = rest.split_once(" | ").unwrap();
        (Expect::Refused(message.to_owned()), text)
    } else {
        assert!(!line.starts_with('@'), "{place}: unknown mark");
        (Expect::Same, line)
    };
    vec![Entry { place: place.to_owned(), era, expect, text: text.replace('⏎', "\n") }]
}
