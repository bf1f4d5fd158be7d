//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An edge proxy in front of Prometheus: every caller sees their own namespaces and nothing else.
#[derive(Debug, Parser)]
#[command(name = "hecate", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Where the configuration is, for `serve`.
    #[command(flatten)]
    pub file: ConfigFile,
}

/// Which configuration.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFile {
    /// The configuration file; without one everything has its default. Every key can also be set from the environment, as
    /// `HECATE__SERVER__LISTEN=0.0.0.0:7070`.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the proxy
    Serve(ConfigFile),
    /// Validates the configuration and says whether each dependency answers
    Check(ConfigFile),
    /// Applies the migrations of the database of dashboards; also done at every start
    Migrate(ConfigFile),
    /// Says what would be sent upstream for a query, what it costs, and whether it can be cached; needs no server
    Explain(Explain),
    /// Prints the description of the HTTP API (OpenAPI 3.1), as it is served at /api/openapi.json
    Openapi,
    /// Makes tokens for the static provider
    #[command(subcommand)]
    Token(Token),
}

/// `hecate explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The configuration whose policy and limits hold.
    #[command(flatten)]
    pub file: ConfigFile,
    /// A namespace of the caller; may be repeated. Without any the caller is cluster-wide.
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,
    /// The window of a range query, such as 1h; without it an instant query is meant.
    #[arg(long, value_name = "DURATION", requires = "step")]
    pub window: Option<String>,
    /// The step of a range query, such as 15s.
    #[arg(long, value_name = "DURATION", requires = "window")]
    pub step: Option<String>,
    /// The PromQL expression.
    pub query: String,
}

/// `hecate token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Prints a random token and the line of users.yaml that makes it known
    New {
        /// The user's name.
        name: String,
        /// A namespace that the user may see; may be repeated. Without any the user is cluster-wide.
        #[arg(long = "namespace", value_name = "NAMESPACE")]
        namespaces: Vec<String>,
    },
}
