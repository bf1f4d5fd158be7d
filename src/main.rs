//! `hecate`: arguments → configuration → telemetry → app → run.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use hecate::app::arguments::{ConfigFile, Token};
use hecate::app::{App, Arguments, Command, Failure, start_telemetry};
use hecate::config::{self, Config};
use hecate::telemetry::Metrics;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Arguments::parse(), Instant::now()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            say(&mut std::io::stderr(), &failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Whether all went well.
fn run(arguments: Arguments, started: Instant) -> Result<bool, Failure> {
    let load = |file: ConfigFile| Config::load(file.config.as_deref(), config::environment());
    let (text, well) = match arguments.command {
        None => return serve(&load(arguments.file)?, started),
        Some(Command::Serve(file)) => return serve(&load(file)?, started),
        Some(Command::Check(file)) => {
            let config = load(file)?;
            runtime(&config)?.block_on(hecate::app::check(&config))?
        }
        Some(Command::Migrate(file)) => {
            let config = load(file)?;
            runtime(&config)?.block_on(hecate::app::migrate(&config))?
        }
        Some(Command::Explain(asked)) => hecate::app::explain(&load(asked.file.clone())?, &asked)?,
        Some(Command::Openapi) => (hecate::http::openapi(), true),
        Some(Command::Token(Token::New { name, namespaces })) => (hecate::app::new_token(&name, &namespaces)?, true),
    };
    say(&mut std::io::stdout(), &text);
    Ok(well)
}

fn serve(config: &Config, started: Instant) -> Result<bool, Failure> {
    let metrics = Metrics::new().map_err(Failure::other)?;
    let mut telemetry = start_telemetry(config, &metrics)?;
    let runtime = runtime(config)?;
    let _inside = runtime.enter();
    let app = App::build(config, &metrics, &telemetry.tracer(), started)?;
    let (public, admin) = app.addresses();
    let scheme = if app.is_tls() { "https" } else { "http" };
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate()).map_err(Failure::other)?, signal(SignalKind::interrupt()).map_err(Failure::other)?);
    let line = format!("hecate {} serves {scheme}://{public} (admin http://{admin})\n", env!("CARGO_PKG_VERSION"));
    let serving = || say(&mut std::io::stdout(), &line);
    runtime.block_on(app.run(serving, async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    }))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry.flush(Duration::from_secs(2));
    Ok(true)
}

fn runtime(config: &Config) -> Result<Runtime, Failure> {
    Builder::new_multi_thread().worker_threads(config.server.threads).enable_all().build().map_err(Failure::other)
}

/// A closed pipe is no reason to fail.
fn say(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
