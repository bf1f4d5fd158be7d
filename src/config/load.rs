//! From a file and the environment to a [`Config`], or to everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrors, Place, Source};
use super::reader::{Findings, Map};
use super::yaml::{self, Node, Value};
use super::{Auth, Cache, Config, Dashboards, Limits, Perses, Promql, Server, SignIn, Stream, Telemetry, Tenancy, Upstream, environment};

/// Where the values of a configuration stand.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    places: BTreeMap<String, Place>,
    /// `tenancy.labels_file`; without it the shipped map holds.
    pub(super) labels_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file, lays the environment (`HECATE__SERVER__LISTEN=…`, see [`environment`](super::environment())) over it and checks everything.
    /// Without a file, and for every key that is not given, the defaults hold. Blocks for a few small files: call it before serving.
    ///
    /// # Errors
    /// All at once, by place.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigErrors> {
        let (config, errors, _) = match file {
            None => read(&Source::file(Path::new("")), "", env),
            Some(path) => match yaml::read_bounded(path) {
                Ok(text) => read(&Source::file(path), &text, env),
                Err(error) => {
                    let error = ConfigError::new(Some(Place::whole(&Source::file(path))), "", format!("cannot read the file: {error}"));
                    (None, vec![error], BTreeSet::new())
                }
            },
        };
        finish(config, errors)
    }

    /// Where a key such as `promql.features[0]` stands; `None` when its default holds.
    pub fn place_of(&self, key: &str) -> Option<Place> {
        self.origin.places.get(key).cloned()
    }
}

fn finish(config: Option<Config>, errors: Vec<ConfigError>) -> Result<Config, ConfigErrors> {
    match (config, ConfigErrors::collect(errors)) {
        (_, Some(errors)) => Err(errors),
        (Some(config), None) => Ok(config),
        (None, None) => Ok(Config::default()),
    }
}

/// The configuration as far as it could be read, all errors, and every key that was asked for.
pub(super) fn read(
    source: &std::sync::Arc<Source>,
    text: &str,
    env: impl Iterator<Item = (String, String)>,
) -> (Option<Config>, Vec<ConfigError>, BTreeSet<String>) {
    let mut errors = Vec::new();
    let mut root = match yaml::parse(source, text, &mut errors) {
        Ok(root) => root,
        Err(error) => {
            errors.push(error);
            return (None, errors, BTreeSet::new());
        }
    };
    if !matches!(root.value, Value::Map(_) | Value::Null) {
        let message = format!("{} stands where sections such as `server:` are expected", super::reader::describe(&root.value));
        errors.push(ConfigError::new(Some(root.place), "", message));
        return (None, errors, BTreeSet::new());
    }
    environment::overlay(&mut root, env, &mut errors);
    let (config, asked) = decode(&root, &mut errors);
    (config, errors, asked)
}

fn decode(root: &Node, errors: &mut Vec<ConfigError>) -> (Option<Config>, BTreeSet<String>) {
    let findings = Findings::default();
    let config = findings.root(root, |map| {
        let server = map.section("server", Server::read)?;
        let upstreams = Upstream::read_all(map);
        let auth = map.section("auth", Auth::read)?;
        let tenancy = map.section("tenancy", |below| Tenancy::read(below, errors));
        let promql = map.section("promql", Promql::read)?;
        let limits = map.section("limits", Limits::read)?;
        let cache = map.section("cache", Cache::read)?;
        let stream = map.section("stream", Stream::read)?;
        let perses = map.section("perses", Perses::read)?;
        let dashboards = map.section("dashboards", Dashboards::read)?;
        let telemetry = map.section("telemetry", Telemetry::read)?;
        refuse_open_door(map, &server, &auth);
        if auth.sign_in.as_ref().is_some_and(SignIn::needs_public_url) && server.public_url.is_none() {
            let message = "missing; the issuer of auth.sign_in sends browsers back to it, such as https://hecate.example";
            map.findings().error_at("server.public_url", message);
        }
        let (tenancy, labels_file) = tenancy?;
        let origin = Origin { places: BTreeMap::new(), labels_file };
        Some(Config { server, upstreams, auth, tenancy, promql, limits, cache, stream, perses, dashboards, telemetry, origin })
    });
    let (found, places, asked) = findings.into_parts();
    errors.extend(found);
    let config = config.flatten().map(|config| Config { origin: Origin { places, ..config.origin }, ..config });
    (config, asked)
}

/// Everything allowed to everybody is fine on a laptop only, unless it is meant.
fn refuse_open_door(map: &Map<'_>, server: &Server, auth: &Auth) {
    if server.listen.ip().is_loopback() || !auth.is_open_by_accident() || has_refused_providers(map, auth) {
        return;
    }
    let message = format!(
        "{} is not a loopback address, and nobody is asked who they are; configure auth.providers, or write `- {{kind: none, force: true}}` there",
        server.listen
    );
    map.findings().error_at("server.listen", message);
}

/// Providers that could not be read have errors of their own; they are no open door.
fn has_refused_providers(map: &Map<'_>, auth: &Auth) -> bool {
    auth.providers.is_empty() && map.findings().place_of("auth.providers[0]").is_some()
}
