//! Non-interference: whatever a tenant asks, the answer is the one of a Prometheus that holds nothing but their data.
//!
//! Tenants `a` and `b` (and the platform, and series that are nobody's) are in one Prometheus, "mixed"; the data of `a` alone is in
//! another, "only-a". For every expression of the corpus and every endpoint, Hecate as `a` in front of "mixed" has to answer what
//! "only-a" answers, and for cluster-wide scope what "mixed" answers. Values are compared, not statuses.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly anywhere")]
#![expect(clippy::disallowed_methods, reason = "answers of parts that the test starts are small")]
#![expect(clippy::print_stdout, reason = "what was compared is worth a line")]

#[path = "../support/mod.rs"]
mod support;

mod answer;
mod corpus;
mod endpoints;
mod expressions;
mod functions;
mod history;
mod house;
mod live;
mod metadata;
mod native;
mod rule_files;
mod rules;
mod warm;
