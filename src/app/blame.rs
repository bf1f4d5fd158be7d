//! Which key of the configuration is to blame for what a room could not build, and where it stands.

use std::path::Path;

use crate::cache::RemoteError;
use crate::config::{Config, ConfigError, ConfigErrors, Provider};
use crate::proxy::TlsError;
use crate::{dashboards, telemetry, tenancy, upstream};

/// An error of this key; the place is that of the nearest key above it that stands in the file.
pub(super) fn key(config: &Config, key: &str, message: impl Into<String>) -> ConfigError {
    let mut above = key;
    let place = loop {
        if let Some(place) = config.place_of(above) {
            break Some(place);
        }
        match above.rfind(['.', '[']) {
            Some(end) => above = &above[..end],
            None => break None,
        }
    };
    ConfigError::new(place, key, message)
}

/// An upstream that has no client.
pub(super) fn upstream(config: &Config, error: &upstream::SetUpError) -> ConfigError {
    use upstream::SetUpError as E;
    let (name, below) = match error {
        E::BadFile { upstream, file, .. } => {
            (upstream, if is_authority(config, upstream, file) { "auth.ca_file" } else { "auth.client_certificate" })
        }
        E::BadCredentials { upstream, .. } => (upstream, "auth"),
        E::BadHeader { upstream, .. } => (upstream, "auth.headers"),
        E::BadUrl { upstream, .. } => (upstream, "url"),
        E::Tls { upstream, .. } => (upstream, "auth"),
        E::NoUpstream | E::NameTwice(_) | E::Metrics(_) => return key(config, "upstreams", error.to_string()),
    };
    let index = config.upstreams.iter().position(|upstream| upstream.name == *name).unwrap_or_default();
    key(config, &format!("upstreams[{index}].{below}"), error.to_string())
}

fn is_authority(config: &Config, name: &str, file: &Path) -> bool {
    config.upstreams.iter().any(|upstream| upstream.name == name && upstream.auth.ca_file.as_deref() == Some(file))
}

/// A provider of identity that cannot be used.
pub(super) fn identity(config: &Config, error: &tenancy::SetUpError) -> ConfigError {
    use tenancy::SetUpError as E;
    let provider = |is_it: &dyn Fn(&Provider) -> bool, below: &str| {
        config.auth.providers.iter().position(is_it).map(|index| format!("auth.providers[{index}].{below}"))
    };
    let of_issuer = |issuer: &str, below| provider(&|p| matches!(p, Provider::Jwt(jwt) if jwt.issuer.as_str() == issuer), below);
    let blamed = match error {
        E::File(file) if config.auth.roles_file.as_ref() == Some(&file.file) => Some("auth.roles_file".to_owned()),
        E::File(file) => provider(&|p| matches!(p, Provider::Static(users) if users.users_file == file.file), "users_file"),
        E::Algorithm(_, issuer) => of_issuer(issuer, "algorithms"),
        E::NoAudience(issuer) => of_issuer(issuer, "audience"),
        E::Issuer(issuer, _) => of_issuer(issuer, "issuer"),
        E::Anonymous(_) => provider(&|p| matches!(p, Provider::Anonymous(_)), "namespaces"),
        E::NoProviderOf(_) => Some("auth.sign_in.issuer".to_owned()),
        E::OpenToTheWorld | E::Permission(_) | E::Random(_) => None,
    };
    let said = error.to_string();
    // What already begins with its key needs it once.
    let message = said.strip_prefix("auth.providers: ").unwrap_or(&said);
    key(config, blamed.as_deref().unwrap_or("auth.providers"), message)
}

/// A store of dashboards that cannot be made.
pub(super) fn store(config: &Config, error: &dashboards::SetUpError) -> ConfigError {
    let blamed = match error {
        dashboards::SetUpError::Template { .. } => "dashboards.templates_dir",
        _ => "dashboards.database",
    };
    key(config, blamed, error.to_string())
}

/// A shared cache that cannot be set up.
pub(super) fn redis(config: &Config, error: &RemoteError) -> ConfigError {
    let ca_file = config.cache.redis.as_ref().and_then(|redis| redis.ca_file.as_deref());
    let blamed = match error {
        RemoteError::File { file, .. } if ca_file == Some(file) => "cache.redis.ca_file",
        RemoteError::File { .. } => "cache.redis.client_certificate",
        RemoteError::Settings(_) | RemoteError::Metrics(_) => "cache.redis",
    };
    key(config, blamed, error.to_string())
}

/// A certificate that cannot be served.
pub(super) fn certificate(config: &Config, error: &TlsError) -> ConfigError {
    let cert = config.server.tls.as_ref().map(|tls| tls.cert.as_path());
    let blamed = match error {
        TlsError::Read { path, .. } if cert != Some(path) => "server.tls.key",
        TlsError::Read { .. } | TlsError::Empty { .. } => "server.tls.cert",
        TlsError::Mismatch { .. } => "server.tls",
    };
    let said = error.to_string();
    let message = said.strip_prefix("server.tls.cert: ").or(said.strip_prefix("server.tls: ")).unwrap_or(&said);
    key(config, blamed, message)
}

/// Logs or traces that cannot be started.
pub(super) fn telemetry(config: &Config, error: &telemetry::InitError) -> ConfigError {
    let blamed = match error {
        telemetry::InitError::Log(_) => "telemetry.log",
        telemetry::InitError::Export(_) => "telemetry.otlp_endpoint",
    };
    key(config, blamed, error.to_string())
}

/// Both, or everything that is wrong with either.
pub(super) fn both<A, B>(one: Result<A, ConfigErrors>, other: Result<B, ConfigErrors>) -> Result<(A, B), ConfigErrors> {
    match (one, other) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
        (Err(errors), Err(more)) => Err(errors.and(more)),
    }
}
