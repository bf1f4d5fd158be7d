//! What is wrong with a configuration, and where.

use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where values come from: one file, or one environment variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// As the person named it.
    pub(super) name: String,
    /// Relative paths are relative to this folder.
    pub(super) base: PathBuf,
    /// A variable has no lines.
    pub(super) is_variable: bool,
}

impl Source {
    /// A file, named as it was given; relative paths in it start at its folder.
    pub(super) fn file(path: &Path) -> Arc<Source> {
        let base = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Arc::new(Source { name: path.display().to_string(), base, is_variable: false })
    }

    /// An environment variable; relative paths in it start at the working directory.
    pub(super) fn variable(name: &str) -> Arc<Source> {
        Arc::new(Source { name: name.to_owned(), base: PathBuf::new(), is_variable: true })
    }
}

/// Where a value stands: file, line and column, or the environment variable that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) source: Arc<Source>,
    /// From 1; 0 when the whole file is meant.
    pub(super) line: usize,
    /// From 1, in characters.
    pub(super) column: usize,
}

impl Place {
    /// The file as such, before any line of it.
    pub(super) fn whole(source: &Arc<Source>) -> Place {
        Place { source: Arc::clone(source), line: 0, column: 0 }
    }

    /// The line in its file, from 1; 0 for an environment variable or a whole file.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The variable, when the value came from the environment.
    pub fn variable(&self) -> Option<&str> {
        self.source.is_variable.then_some(self.source.name.as_str())
    }

    /// A relative path that was written here, as seen from the working directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.source.base.join(path)
    }

    fn sort_key(&self) -> (bool, &str, usize, usize) {
        (self.source.is_variable, &self.source.name, self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.name)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One thing that is wrong: where, which key, what was found and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    place: Option<Place>,
    key: String,
    message: String,
}

impl ConfigError {
    /// For checks that only another room can do. Take the place from [`Config::place_of`](super::Config::place_of);
    /// `None` when the key stands nowhere. The message says what was found and what would be right.
    pub fn new(place: Option<Place>, key: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError { place, key: key.into(), message: message.into() }
    }

    /// Where it stands, when it stands anywhere.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The full path of the key, such as `upstreams[0].timeout`; empty when the file as a whole is meant.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong and what would be right.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn by_place(&self, other: &ConfigError) -> Ordering {
        match (&self.place, &other.place) {
            (Some(left), Some(right)) => left.sort_key().cmp(&right.sort_key()),
            // What stands nowhere comes last.
            (left, right) => left.is_none().cmp(&right.is_none()),
        }
        .then_with(|| self.key.cmp(&other.key))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a file there is nothing to name.
        if let Some(place) = self.place.as_ref().filter(|place| !place.source.name.is_empty()) {
            write!(f, "{place}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration, by place; never empty.
///
/// Prints one line for each error and a last line that counts them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Sorts the errors by place; `None` when there are none.
    pub fn collect(mut errors: Vec<ConfigError>) -> Option<ConfigErrors> {
        if errors.is_empty() {
            return None;
        }
        errors.sort_by(ConfigError::by_place);
        errors.dedup();
        Some(ConfigErrors(errors))
    }

    /// These and those, by place.
    #[must_use]
    pub fn and(self, others: ConfigErrors) -> ConfigErrors {
        let mut errors: Vec<ConfigError> = self.0.into_iter().chain(others.0).collect();
        errors.sort_by(ConfigError::by_place);
        errors.dedup();
        ConfigErrors(errors)
    }

    /// The errors, by place.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        ConfigErrors(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{error}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 error in the configuration"),
            count => write!(f, "{count} errors in the configuration"),
        }
    }
}
