//! `hecate check`, `hecate migrate`, `hecate explain` and `hecate token new`: text in, text out.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::watch;

use super::arguments::Explain;
use super::{blame, serve};
use crate::cache::{ProbeError, probe};
use crate::config::{Config, ConfigErrors, Redis};
use crate::dashboards::StoreError;
use crate::promql::Window;
use crate::query::Explained;
use crate::telemetry::{Metrics, RegisterError, State, Tracer};
use crate::tenancy::{InvalidNamespace, Namespace, Scope, new_token as make_token};

/// How long a dependency may take to answer `hecate check`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration, or a part that cannot be built of it.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] crate::tenancy::SetUpError),
    /// A namespace that cannot exist.
    #[error(transparent)]
    Namespace(#[from] InvalidNamespace),
    /// A name that users.yaml would refuse.
    #[error("the name {0:?} cannot be used: it is empty, or has a colon or a control character")]
    Name(String),
    /// A duration that is none.
    #[error("{0}")]
    Duration(String),
    /// The metrics of the parts.
    #[error(transparent)]
    Metrics(#[from] RegisterError),
    /// The database of dashboards.
    #[error("{error}{}", .error.detail().map(|detail| format!(": {detail}")).unwrap_or_default())]
    Database {
        /// What went wrong.
        error: StoreError,
    },
}

/// Builds everything that a server would have, and asks every upstream and Redis. The text, and whether all is well.
///
/// # Errors
/// When a part cannot be built.
pub async fn check(config: &Config) -> Result<(String, bool), CommandError> {
    let metrics = Metrics::new()?;
    let (parts, (_door, store)) = blame::both(
        serve::parts(config, &metrics, &Tracer::disabled(), None),
        blame::both(serve::door(config), serve::store(config, &metrics)),
    )?;
    let (_running, stops) = watch::channel(false);
    let looks = parts.upstreams.spawn_health(&stops);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut checks = parts.engine.checks();
    // Unknown is what has not been asked yet.
    while checks.values().any(|check| check.status == State::Degraded) && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        checks = parts.engine.checks();
    }
    looks.iter().for_each(tokio::task::JoinHandle::abort);
    let mut text = String::from("the configuration is valid\n");
    for (name, check) in &checks {
        let said = match check.status {
            State::Healthy => "answers",
            State::Degraded | State::Unhealthy => "does not answer",
        };
        let detail = check.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let _ = writeln!(text, "{name} {said}{detail}");
    }
    let (said, database_is_well) = store.survey().await;
    let _ = writeln!(text, "database {said}");
    let well = database_is_well && checks.values().all(|check| check.status == State::Healthy);
    let redis_is_well = match config.cache.redis.as_ref().filter(|_| config.cache.enabled) {
        Some(settings) => check_redis(config, settings, &mut text).await?,
        None => true,
    };
    Ok((text, well && redis_is_well))
}

/// Whether the shared cache answers, as a line of the text.
async fn check_redis(config: &Config, settings: &Redis, text: &mut String) -> Result<bool, CommandError> {
    let probed = probe(settings, PATIENCE).await;
    let _ = match &probed {
        Ok(server) => writeln!(text, "redis answers ({server})"),
        Err(ProbeError::Settings(error)) => return Err(CommandError::Config(blame::redis(config, error).into())),
        Err(error) => writeln!(text, "redis does not answer ({error})"),
    };
    Ok(probed.is_ok())
}

/// Applies the migrations of the database of dashboards; the text says which.
///
/// # Errors
/// When the database cannot be used.
pub async fn migrate(config: &Config) -> Result<(String, bool), CommandError> {
    let store = serve::store(config, &Metrics::new()?)?;
    let applied = store.migrate().await.map_err(|error| CommandError::Database { error })?;
    let text = if applied.is_empty() {
        "the database is up to date\n".to_owned()
    } else {
        applied.iter().map(|name| format!("applied {name}\n")).collect()
    };
    Ok((text, true))
}

/// What would be sent for a query, as text for people, and whether it would be sent at all.
///
/// # Errors
/// When the arguments or the configuration cannot be used.
pub fn explain(config: &Config, asked: &Explain) -> Result<(String, bool), CommandError> {
    let metrics = Metrics::new()?;
    let engine = serve::parts(config, &metrics, &Tracer::disabled(), None)?.engine;
    let namespaces = asked.namespaces.iter().map(|name| Namespace::new(name)).collect::<Result<Vec<_>, _>>()?;
    let scope = if namespaces.is_empty() { Scope::ClusterWide } else { Scope::of(namespaces) };
    let millis = |text: &Option<String>| -> Result<i64, CommandError> {
        let Some(text) = text else { return Ok(0) };
        let duration = crate::http::parse_duration(text).map_err(CommandError::Duration)?;
        Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    };
    let window = Window { step_ms: millis(&asked.step)?, range_ms: millis(&asked.window)? };
    let told = engine.explain(&scope, &asked.query, window);
    Ok((for_people(&told), told.valid))
}

fn for_people(told: &Explained) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| lines.push(format!("{name:<11}{value}"));
    if let Some(query) = &told.canonical_query {
        line("canonical", query);
    }
    if let Some(query) = &told.enforced_query {
        line("enforced", query);
    }
    for selector in &told.selectors {
        let label =
            selector.tenant_label.as_deref().map_or("no tenant label is needed".to_owned(), |label| format!("tenant label {label}"));
        let back = selector.reads_back_ms.map(|ms| format!(", reads back {} s", ms / 1000)).unwrap_or_default();
        line("selector", &format!("{}: {label}, at least {} samples{back}", selector.text, selector.samples));
    }
    if let Some(estimate) = &told.estimate {
        line("estimate", &format!("at least {} series, {} samples, {} points each", estimate.series, estimate.samples, estimate.points));
    }
    if let Some(cacheable) = &told.cacheable {
        line("cacheable", &format!("{}: {}", if cacheable.yes { "yes" } else { "only as a whole" }, cacheable.reason));
    }
    for warning in &told.warnings {
        line("warning", warning);
    }
    for error in &told.errors {
        line("refused", &error.message);
        error.excerpt.iter().flat_map(|excerpt| excerpt.lines()).for_each(|excerpt| line("", excerpt));
    }
    lines.join("\n") + "\n"
}

/// A random token and the line of users.yaml that makes it known.
///
/// # Errors
/// When the name or a namespace cannot be, or the system gives no random numbers.
pub fn new_token(name: &str, namespaces: &[String]) -> Result<String, CommandError> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err(CommandError::Name(name.to_owned()));
    }
    let namespaces = namespaces.iter().map(|name| Namespace::new(name)).collect::<Result<Vec<_>, _>>()?;
    let made = make_token(name, &namespaces)?;
    Ok(format!("token, shown once: {}\nline for users.yaml, below `users:`:\n{}\n", made.token.expose(), made.line))
}
