//! The demo's cluster, drawn as functions of time: three teams, their models, jobs, notebooks and pipelines.
//!
//! `demo_data history` writes the past, `demo_data serve` continues the same curves as an exporter. Both take `--anchor`, the moment
//! that incidents are placed around; with the same anchor both compute the same values, so there is no seam between them.
//!
//! # Layout
//! * `curve`: shapes over time
//! * `series`: families of series and their values
//! * `pods`, `scenario`: what runs on the demo's cluster
//! * `families`: the metrics, one file for each exporter
//! * `history`, `serve`: the two ways out

mod curve;
mod families;
mod history;
mod pods;
mod scenario;
mod series;
mod serve;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

/// Metrics of a make-believe cluster for Hecate's demo and tests.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the past as OpenMetrics text
    History {
        /// How far back, from the end
        #[arg(long, default_value_t = 26.0)]
        hours: f64,
        /// Seconds between samples, such as 15s
        #[arg(long, default_value = "15s", value_parser = seconds)]
        step: u64,
        /// First moment, unix seconds; instead of --hours
        #[arg(long)]
        from: Option<u64>,
        /// The end, unix seconds; now by default
        #[arg(long)]
        to: Option<u64>,
        /// The moment that incidents are placed around, unix seconds; the end by default
        #[arg(long)]
        anchor: Option<u64>,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// Serve the present on /metrics
    Serve {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:9101")]
        listen: SocketAddr,
        /// The moment that incidents are placed around, unix seconds; now by default
        #[arg(long)]
        anchor: Option<u64>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell when stderr is gone too.
            let _ = writeln!(io::stderr(), "demo_data: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::History { hours, step, from, to, anchor, out } => {
            let to = to.unwrap_or_else(now);
            let from = from.unwrap_or_else(|| to.saturating_sub((hours * 3_600.0) as u64));
            let window = history::Window { from, to, step };
            let mut families = families::all(anchor.unwrap_or(to) as f64, from as f64, to as f64, true);
            let mut file = BufWriter::with_capacity(1 << 20, File::create(out)?);
            let samples = history::write(&mut families, window, &mut file)?;
            file.flush()?;
            writeln!(io::stderr(), "demo_data: {samples} samples")
        }
        Command::Serve { listen, anchor } => serve::serve(listen, anchor.unwrap_or_else(now) as f64),
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is no positive number of seconds such as 15s")),
        Ok(step) => Ok(step),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
