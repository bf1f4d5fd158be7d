//! The configuration: one struct per topic, read and validated once, then shared unchanged.
//!
//! `config.yaml` keys are a contract (docs/configuration.md). Everything has a default, so that `hecate` runs with
//! no file at all. This module knows nothing of the rooms that use it.
//!
//! The way of a file: `yaml` makes a tree that knows places, `environment` is laid over it, every topic reads its own keys
//! through `reader`, and what nobody asked for is unknown. All errors are found in one go.

mod auth;
mod cache;
mod dashboards;
mod environment;
mod error;
mod labels;
mod later;
mod limits;
mod load;
mod mask;
mod perses;
mod reader;
mod redis_url;
mod secret;
mod server;
mod sign_in;
mod stream;
mod telemetry;
mod tenancy;
#[cfg(test)]
mod tests;
mod upstream_auth;
mod upstreams;
mod values;
mod yaml;

pub use auth::{Anonymous, Auth, Claims, Jwt, Provider, StaticUsers};
pub use cache::{Cache, Redis};
pub use dashboards::Dashboards;
pub use environment::environment;
pub use error::{ConfigError, ConfigErrors, Place};
pub use limits::Limits;
pub use load::Origin;
pub use perses::Perses;
pub use redis_url::{HostPort, RedisServers};
pub use secret::Secret;
pub use server::{Server, Tls};
pub use sign_in::{OidcClient, SessionKey, SignIn, SignInKind};
pub use stream::Stream;
pub use telemetry::{LogFormat, Telemetry};
pub use tenancy::{Conflict, LabelRule, Promql, RuleTarget, Tenancy, TenantLabels};
pub use upstreams::{Credentials, Role, Upstream, UpstreamAuth, UpstreamKind};

/// The whole configuration, valid by construction: `load` is the only way to get one that did not start as the default.
#[derive(Clone, Debug)]
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
    /// What is remembered, and where.
    pub cache: Cache,
    /// Live streams.
    pub stream: Stream,
    /// A Perses server behind us.
    pub perses: Perses,
    /// Where dashboards are kept.
    pub dashboards: Dashboards,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Where the values stand, for errors that are found later.
    pub origin: Origin,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            server: Server::default(),
            upstreams: Upstream::shipped(),
            auth: Auth::default(),
            tenancy: Tenancy::default(),
            promql: Promql::default(),
            limits: Limits::default(),
            cache: Cache::default(),
            stream: Stream::default(),
            perses: Perses::default(),
            dashboards: Dashboards::default(),
            telemetry: Telemetry::default(),
            origin: Origin::default(),
        }
    }
}
