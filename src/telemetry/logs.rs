//! Which log lines there are and how they look.

use std::sync::OnceLock;

use prometheus::IntCounter;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{self, LogFormat};

use super::{Metrics, writer};

/// Libraries that say too much at `info`; a directive for the same name in `telemetry.log` wins, a longer one too.
const QUIET: &[&str] = &["pingora", "h2", "hyper", "reqwest", "rustls", "opentelemetry"];

/// The logs could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `telemetry.log` holds something that is no directive.
    #[error(
        "telemetry.log: `{directive}` is no log directive ({reason}); expected a level (error, warn, info, debug, trace, off) or target=level, separated by commas, such as `info,hecate::upstream=debug`"
    )]
    Directive {
        /// The piece that is wrong.
        directive: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The thread that writes could not be started.
    #[error("logs cannot be started: no thread: {0}")]
    Thread(#[source] std::io::Error),
    /// Somebody else, or an earlier call, has set up logging in this process.
    #[error("logs cannot be started: logging is already set up in this process")]
    AlreadyRunning,
}

/// Where lines go that are written without the logging library, as the access log's are: one for each request.
#[derive(Clone)]
pub(super) struct Lines {
    pub(super) output: writer::LineWriter,
    pub(super) format: LogFormat,
}

/// As with the subscriber, there is one for the process.
static LINES: OnceLock<Lines> = OnceLock::new();

/// None until logging is set up.
pub(super) fn lines() -> Option<&'static Lines> {
    LINES.get()
}

/// Sets up logging for the whole process, to standard error.
pub(super) fn start(settings: &config::Telemetry, metrics: &Metrics) -> Result<writer::Worker, LogError> {
    let dropped: IntCounter = metrics.log_lines_dropped().clone();
    let filter = filter(&settings.log)?;
    let (lines, worker) = writer::start(std::io::stderr(), dropped).map_err(LogError::Thread)?;
    // This also installs the bridge from `log`, which Pingora speaks.
    subscriber(filter, settings.format, lines.clone()).try_init().map_err(|_| LogError::AlreadyRunning)?;
    LINES.get_or_init(|| Lines { output: lines, format: settings.format });
    Ok(worker)
}

/// The subscriber, with its output going anywhere.
fn subscriber<W>(filter: EnvFilter, format: LogFormat, output: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let plain = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(output);
    let layer = match format {
        LogFormat::Text => plain.boxed(),
        LogFormat::Json => plain.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer)
}

/// Reads `telemetry.log`, piece by piece so that an error can name the piece.
fn filter(directives: &str) -> Result<EnvFilter, LogError> {
    let mut filter = EnvFilter::builder().with_regex(false).with_default_directive(LevelFilter::INFO.into()).parse_lossy("");
    let quiet = QUIET.iter().map(|target| format!("{target}=warn"));
    let given = directives.split(',').map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty());
    for piece in quiet.chain(given) {
        // EnvFilter takes a bare word for a target at `trace`: a misspelt level would turn the logs off.
        if !piece.contains('=') && piece.parse::<LevelFilter>().is_err() {
            return Err(LogError::Directive { directive: piece, reason: "no such level".into() });
        }
        let parsed = piece.parse().map_err(|error: tracing_subscriber::filter::ParseError| LogError::Directive {
            directive: piece.clone(),
            reason: error.to_string(),
        })?;
        filter = filter.add_directive(parsed);
    }
    Ok(filter)
}

#[cfg(test)]
#[path = "logs_tests.rs"]
pub(super) mod tests;
