//! The dialect's switches, by the names that Prometheus' `--enable-feature` has for them.

/// What the backends have switched on. All off by default, as in Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    pub(super) experimental_functions: bool,
    pub(super) fill_modifiers: bool,
    pub(super) unquoted_names: bool,
}

pub(super) const EXPERIMENTAL_FUNCTIONS: &str = "promql-experimental-functions";
pub(super) const FILL_MODIFIERS: &str = "promql-binop-fill-modifiers";
pub(super) const UNQUOTED_NAMES: &str = "promql-unquoted-utf8-names";

/// Every `promql-` name of Prometheus 3.16. The others are always on there, or change nothing about the language.
const KNOWN: [&str; 7] = [
    EXPERIMENTAL_FUNCTIONS,
    FILL_MODIFIERS,
    UNQUOTED_NAMES,
    "promql-duration-expr",
    "promql-extended-range-selectors",
    "promql-delayed-name-removal",
    "promql-per-step-stats",
];

/// A name in the configuration that is no feature of the language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown PromQL feature {name:?}; the known ones are {}", KNOWN.join(", "))]
pub struct UnknownFeature {
    /// As written.
    pub name: String,
}

impl Features {
    /// Everything that Prometheus 3.16 can switch on.
    pub fn all() -> Features {
        Features { experimental_functions: true, fill_modifiers: true, unquoted_names: true }
    }

    /// From the names that the backends are started with.
    ///
    /// # Errors
    /// At the first name that is not known; the error lists the known ones.
    pub fn from_names(names: &[String]) -> Result<Features, UnknownFeature> {
        let mut features = Features::default();
        for name in names {
            match name.as_str() {
                EXPERIMENTAL_FUNCTIONS => features.experimental_functions = true,
                FILL_MODIFIERS => features.fill_modifiers = true,
                UNQUOTED_NAMES => features.unquoted_names = true,
                known if KNOWN.contains(&known) => {}
                _ => return Err(UnknownFeature { name: name.clone() }),
            }
        }
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_switch_features_on() {
        let names = ["promql-experimental-functions", "promql-duration-expr"].map(str::to_owned);
        let want = Features { experimental_functions: true, ..Features::default() };
        assert_eq!(Features::from_names(&names), Ok(want));
        assert_eq!(Features::from_names(&KNOWN.map(str::to_owned)), Ok(Features::all()));
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = Features::from_names(&["promql-experimental".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("\"promql-experimental\"") && error.contains("promql-binop-fill-modifiers"), "{error}");
    }
}
