//! What a text may cost before anything looks at its meaning, and which dialect it is in.

use super::Features;

/// Bounds and dialect of one reading.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Words, numbers, strings and signs.
    pub tokens: usize,
    /// Nesting of parentheses, at most 60 whatever is set. Each may hold six levels of operators, so the tree is up to seven times as deep.
    pub depth: usize,
    /// Selectors in one expression, or in one request's `match[]`.
    pub selectors: usize,
    /// Unary and binary operators.
    pub operators: usize,
    /// Signs and `^`, which nest to the right: each makes the tree deeper, as a parenthesis does.
    pub right_operators: usize,
    /// Label matchers in the whole text.
    pub matchers: usize,
    /// Length of one regular expression, in bytes.
    pub regex_bytes: usize,
    /// What the backends have switched on.
    pub features: Features,
}

/// The nesting that every walk over the tree can take on a 2 MiB stack, also in a debug build.
const DEEPEST: usize = 60;
/// What printing may add: an offset that needs a parenthesis of its own.
const PRINTED: usize = 2;

impl Default for Options {
    fn default() -> Self {
        Options {
            bytes: 16 * 1024,
            tokens: 8000,
            depth: 40,
            selectors: 100,
            operators: 1000,
            right_operators: 100,
            matchers: 1000,
            regex_bytes: 4096,
            features: Features::default(),
        }
    }
}

impl Options {
    /// The depth in force: no setting goes beyond what the stack can take.
    pub(super) fn depth(&self) -> usize {
        self.depth.min(DEEPEST + PRINTED)
    }

    /// For a text that we printed ourselves from a tree within the bounds: only the stack is still of interest.
    pub(super) fn for_own_text(&self) -> Options {
        Options {
            bytes: usize::MAX,
            tokens: usize::MAX,
            depth: DEEPEST + PRINTED,
            selectors: usize::MAX,
            operators: usize::MAX,
            right_operators: usize::MAX,
            matchers: usize::MAX,
            regex_bytes: usize::MAX,
            features: self.features,
        }
    }
}
