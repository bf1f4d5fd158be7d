//! How a person likes to see things.

use serde::{Deserialize, Serialize};

use super::validate::pieces::{duration, is_name};

/// Longest text in here, in characters.
const LONGEST: usize = 64;

/// Everything is optional: what is missing is as the user interface has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// `light`, `dark` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// `browser`, `utc`, or a name such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How far back a dashboard looks when it does not say, such as `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_range: Option<String>,
    /// How often it is drawn anew, such as `30s`; `0s` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// The dashboard that is shown first, as `project/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
}

/// A preference that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {found:?}: {expected}")]
pub struct PreferencesError {
    key: &'static str,
    found: String,
    expected: &'static str,
}

impl Preferences {
    /// Whether every value means something.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PreferencesError> {
        let is_theme = |text: &str| matches!(text, "light" | "dark" | "system");
        let zone =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-'));
        let is_range = |text: &str| duration(text).is_some_and(|ms| ms > 0);
        let is_refresh = |text: &str| duration(text).is_some();
        let is_home = |text: &str| text.split_once('/').is_some_and(|(project, name)| is_name(project) && is_name(name));
        one("theme", self.theme.as_deref(), is_theme, "write light, dark or system")?;
        one("time_zone", self.time_zone.as_deref(), zone, "write browser, utc, or a name such as Europe/Berlin")?;
        one("default_range", self.default_range.as_deref(), is_range, "write a duration such as 1h")?;
        one("refresh", self.refresh.as_deref(), is_refresh, "write a duration such as 30s, or 0s for never")?;
        one("home", self.home.as_deref(), is_home, "write project/name")
    }
}

fn one(key: &'static str, value: Option<&str>, fits: impl Fn(&str) -> bool, expected: &'static str) -> Result<(), PreferencesError> {
    // The home may be a whole project and a whole name.
    let longest = if key == "home" { 160 } else { LONGEST };
    match value {
        Some(text) if text.chars().count() > longest || !fits(text) => {
            Err(PreferencesError { key, found: text.chars().take(longest).collect(), expected })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> String {
        match serde_json::from_str::<Preferences>(json) {
            Ok(preferences) => preferences.check().map_or_else(|error| error.to_string(), |()| "fine".to_owned()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn preferences_mean_something() {
        assert_eq!(check("{}"), "fine");
        assert_eq!(check(r#"{"theme":"dark","time_zone":"Europe/Berlin","default_range":"6h","refresh":"0s","home":"a/b.c"}"#), "fine");
        for (json, words) in [
            (r#"{"theme":"blue"}"#, "write light, dark or system"),
            (r#"{"time_zone":"a b"}"#, "Europe/Berlin"),
            (r#"{"default_range":"0s"}"#, "such as 1h"),
            (r#"{"refresh":"often"}"#, "0s for never"),
            (r#"{"home":"nowhere"}"#, "project/name"),
            (r#"{"colour":"blue"}"#, "unknown field `colour`, expected one of `theme`, `time_zone`"),
        ] {
            assert!(check(json).contains(words), "{json}: {}", check(json));
        }
    }
}
