//! What a template has to know before it shows anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::Problem;

/// Variables of one template.
const MOST: usize = 20;
/// Longest value, in characters.
const LONGEST: usize = 200;

/// One thing that has to be known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateVariable {
    /// Its name in queries, without `$`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// It is the project that the dashboard is for, and cannot be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// It has to be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is when it is not given; `$other` stands for a variable above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Where a value comes from that nobody gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The project of the dashboard.
    Project,
}

/// Why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// Without it nothing can be shown.
    #[error("the variable {0:?} is missing: the template needs it")]
    Missing(String),
    /// A name that the template does not ask for.
    #[error("the template has no variable {name:?}: it has {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// What is asked for.
        known: String,
    },
    /// A value that could be more than a value.
    #[error("the variable {0:?} is empty, longer than {LONGEST} characters, or has one of \" \\ {{ }} $ or a control character")]
    Value(String),
}

pub(super) fn problems(variables: &[TemplateVariable]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if variables.len() > MOST {
        problems.push(Problem::new("/variables", format!("there may be {MOST} at most")));
    }
    for (index, variable) in variables.iter().enumerate() {
        let name = &variable.name;
        let fits =
            !name.is_empty() && name.len() <= 75 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with("__");
        if !fits {
            problems.push(Problem::new(format!("/variables/{index}/name"), format!("{name:?} is not a name of a variable")));
        }
        if variables[..index].iter().any(|other| other.name == *name) {
            problems.push(Problem::new(format!("/variables/{index}/name"), format!("another variable is called {name:?} already")));
        }
        if variable.from.is_none() && !variable.required && variable.default.is_none() {
            problems.push(Problem::new(format!("/variables/{index}"), "it needs one of from, required and default"));
        }
    }
    problems
}

/// The value of each variable.
pub(super) fn fill(
    variables: &[TemplateVariable],
    project: &str,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, VariableError> {
    let askable = || variables.iter().filter(|variable| variable.from.is_none());
    if let Some(name) = given.keys().find(|name| askable().all(|variable| variable.name != **name)) {
        let known: Vec<&str> = askable().map(|variable| variable.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(VariableError::Unknown { name: name.chars().take(80).collect(), known });
    }
    let mut filled: BTreeMap<String, String> = BTreeMap::new();
    for variable in variables {
        let value = match (variable.from, given.get(&variable.name)) {
            (Some(Origin::Project), _) => project.to_owned(),
            (None, Some(value)) if is_plain(value) => value.clone(),
            (None, Some(_)) => return Err(VariableError::Value(variable.name.clone())),
            (None, None) => match &variable.default {
                // In a pattern a dot of a name is a dot.
                Some(default) => {
                    filled.iter().fold(default.clone(), |text, (name, value)| text.replace(&format!("${name}"), &value.replace('.', "[.]")))
                }
                None => return Err(VariableError::Missing(variable.name.clone())),
            },
        };
        filled.insert(variable.name.clone(), value);
    }
    Ok(filled)
}

/// Whether a value stays a value wherever it is put: between quotes, and in a pattern.
fn is_plain(value: &str) -> bool {
    let length = value.chars().count();
    (1..=LONGEST).contains(&length) && !value.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '{' | '}' | '$'))
}
