//! The configuration: one struct per topic, read and validated once, then shared unchanged.
//!
//! `config.yaml` keys are a contract (docs/configuration.md). Everything has a default, so that `hecate` runs with
//! no file at all. This module knows nothing of the rooms that use it.

mod auth;
mod limits;
mod secret;
mod server;
mod telemetry;
mod tenancy;
mod upstreams;

pub use auth::{Anonymous, Auth, Claims, Jwt, Provider, StaticUsers};
pub use limits::Limits;
pub use secret::Secret;
pub use server::{Server, Tls};
pub use telemetry::{LogFormat, Telemetry};
pub use tenancy::{Conflict, LabelRule, Promql, RuleTarget, Tenancy, TenantLabels};
pub use upstreams::{Credentials, Role, Upstream, UpstreamAuth, UpstreamKind};

/// The whole configuration, valid by construction: `load` is the only way to get one that did not start as the default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Listeners, TLS, drain and the bounds of the edge.
    pub server: Server,
    /// Prometheus-like backends, at least one.
    pub upstreams: Vec<Upstream>,
    /// Who is asking.
    pub auth: Auth,
    /// Which label carries the tenant.
    pub tenancy: Tenancy,
    /// The dialect that every backend speaks.
    pub promql: Promql,
    /// What one query and one user may cost.
    pub limits: Limits,
    /// Logs and traces.
    pub telemetry: Telemetry,
}
