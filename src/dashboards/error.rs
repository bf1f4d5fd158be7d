//! Why the store does not do what it is asked to do.

use std::path::PathBuf;

use super::Problem;

/// A dashboard that somebody else has changed meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The version that is stored now.
    pub version: i64,
    /// Who stored it.
    pub updated_by: String,
    /// When, in milliseconds since 1970.
    pub updated_at: i64,
}

/// Why a call of the store failed. Whatever it is, nothing of the call is left behind.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none of that name.
    #[error("there is no {what} {name:?}{}", in_project(.project))]
    NotFound {
        /// What was looked for, such as `dashboard`.
        what: &'static str,
        /// Where.
        project: String,
        /// Under which name.
        name: String,
    },
    /// A dashboard of this name is there already.
    #[error("project {project:?} has a dashboard {name:?} already")]
    NameTaken {
        /// Where.
        project: String,
        /// Which name.
        name: String,
    },
    /// A template of this id is there already.
    #[error("there is a template {0:?} already")]
    TemplateTaken(String),
    /// Somebody else was faster.
    #[error("the dashboard was changed meanwhile: version {} was saved by {}", .0.version, .0.updated_by)]
    Conflict(Box<Conflict>),
    /// The document is not what Perses requires.
    #[error("the dashboard is not valid: {}", first_of(.0))]
    Invalid(Vec<Problem>),
    /// A page that no list of ours has.
    #[error("the cursor belongs to no list like this one: take it from the Link header of the page before, with the same parameters")]
    BadCursor,
    /// A link that leads nowhere: it never did, it is too old, or it was taken back.
    #[error("this link does not work, or no more: ask whoever gave it to you for a new one")]
    NoShare,
    /// A link that works from other networks.
    #[error("this link does not work from your network")]
    ShareElsewhere,
    /// More links to one dashboard than anybody needs.
    #[error("10 links to this dashboard were made within an hour, which is the most")]
    TooManyShares {
        /// When the next one can be made.
        retry_after: std::time::Duration,
    },
    /// Something of which there may be only so many.
    #[error("there are {limit} {what} already, which is the most: remove some first")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: i64,
    },
    /// The database does not answer, or not in time. `0` is for the log.
    #[error("the database of dashboards does not answer")]
    Away(String),
    /// The database answers with something that cannot be. `0` is for the log.
    #[error("the database of dashboards gave an answer that cannot be")]
    Broken(String),
}

fn in_project(project: &str) -> String {
    if project.is_empty() { String::new() } else { format!(" in project {project:?}") }
}

fn first_of(problems: &[Problem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        count => format!("{first}, and {} more", count - 1),
    }
}

impl StoreError {
    /// What happened inside, for the log only.
    pub fn detail(&self) -> Option<&str> {
        match self {
            StoreError::Away(detail) | StoreError::Broken(detail) => Some(detail),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::ColumnDecode { .. } | E::ColumnNotFound(_) | E::ColumnIndexOutOfBounds { .. } | E::Decode(_) | E::RowNotFound => {
                StoreError::Broken(error.to_string())
            }
            // A statement that the database refuses is our own mistake, unless it is about the server itself.
            E::Database(answer) if !is_about_the_server(answer.code().as_deref().unwrap_or_default()) => {
                StoreError::Broken(error.to_string())
            }
            _ => StoreError::Away(error.to_string()),
        }
    }
}

/// Connection, resources, operator: classes of PostgreSQL. SQLite: busy, locked, no memory, read-only, I/O, full, cannot open; extended codes
/// have the plain one in their last byte.
fn is_about_the_server(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "53", "57", "58", "28", "3D", "40", "25"].iter().any(|class| code.starts_with(class)) || code == "42501";
    }
    code.parse::<u32>().is_ok_and(|number| matches!(number & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14))
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// An address that names no database that is known here.
    #[error("{0:?} names no database: write sqlite:hecate.db, or postgres://user:password@host/database")]
    Address(String),
    /// An address that the driver cannot read; the text has no password in it.
    #[error("the address of the database cannot be read: {0}")]
    Driver(String),
    /// A file of templates that cannot be used.
    #[error("{path}: {reason}", path = .path.display())]
    Template {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A metric whose name is taken.
    #[error("a metric could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

#[cfg(test)]
mod tests {
    use super::is_about_the_server;

    #[test]
    fn the_server_and_the_statement_are_told_apart() {
        for code in ["08006", "53300", "57P01", "57014", "28P01", "3D000", "40001", "25006", "5", "261", "14", "13", "10", "1032"] {
            assert!(is_about_the_server(code), "{code}");
        }
        for code in ["23505", "42601", "42P01", "1", "19", "2067", "", "x"] {
            assert!(!is_about_the_server(code), "{code}");
        }
    }
}
