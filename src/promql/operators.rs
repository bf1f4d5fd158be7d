//! Binary operators: how tightly they bind and what they allow.

/// One binary operator.
#[derive(Debug)]
pub(super) struct Sign {
    /// As printed.
    pub(super) text: &'static str,
    /// Binds tighter when greater.
    pub(super) power: u8,
    pub(super) family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Set,
    Comparison,
    Arithmetic,
    /// `</` and `>/`: bind like comparisons, but take no `bool` and may stand between scalars.
    Trim,
}

/// Signs before an operand bind like `*`.
pub(super) const UNARY_POWER: u8 = 5;
/// `^`, the only operator that groups to the right.
pub(super) const RIGHT_POWER: u8 = 6;

const fn sign(text: &'static str, power: u8, family: Family) -> Sign {
    Sign { text, power, family }
}

static SIGNS: [Sign; 18] = [
    sign("or", 1, Family::Set),
    sign("and", 2, Family::Set),
    sign("unless", 2, Family::Set),
    sign("==", 3, Family::Comparison),
    sign("!=", 3, Family::Comparison),
    sign("<", 3, Family::Comparison),
    sign("<=", 3, Family::Comparison),
    sign(">", 3, Family::Comparison),
    sign(">=", 3, Family::Comparison),
    sign("</", 3, Family::Trim),
    sign(">/", 3, Family::Trim),
    sign("+", 4, Family::Arithmetic),
    sign("-", 4, Family::Arithmetic),
    sign("*", 5, Family::Arithmetic),
    sign("/", 5, Family::Arithmetic),
    sign("%", 5, Family::Arithmetic),
    sign("atan2", 5, Family::Arithmetic),
    sign("^", RIGHT_POWER, Family::Arithmetic),
];

/// The operator that is written so, words in any case.
pub(super) fn find(text: &str) -> Option<&'static Sign> {
    SIGNS.iter().find(|sign| sign.text.eq_ignore_ascii_case(text))
}

impl Sign {
    pub(super) fn groups_right(&self) -> bool {
        self.power == RIGHT_POWER
    }
}
