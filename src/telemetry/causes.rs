//! Errors for the log, whole.

use std::error::Error;

/// The error with its causes: most say only the outermost thing of themselves, and the interesting part is below.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told() {
        assert_eq!(with_causes(&Outer(std::io::Error::other("inside"))), "outside: inside");
        assert_eq!(with_causes(&std::io::Error::other("alone")), "alone");
    }
}
