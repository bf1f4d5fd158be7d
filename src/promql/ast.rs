//! The tree. It can say all that Prometheus 3.16 can, and every node knows its place in the user's text.

use super::durations::Duration;
use super::error::Span;
use super::functions::Function;

/// An expression with its type: types are checked while the tree is built, so a tree is well-typed.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) node: Node,
    pub(super) kind: Type,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    String,
    Vector,
    Matrix,
}

impl Type {
    /// As Prometheus' documentation calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Scalar => "scalar",
            Type::String => "string",
            Type::Vector => "instant vector",
            Type::Matrix => "range vector",
        }
    }
}

/// A new kind of node does not compile until every walk says what it does with it.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Number(f64),
    /// Bytes, as `"\xff"` is a valid string.
    Str(Vec<u8>),
    Paren(Box<Expr>),
    Unary {
        minus: bool,
        inner: Box<Expr>,
    },
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call {
        function: &'static Function,
        args: Vec<Expr>,
    },
    Selector(Box<Selector>),
    Subquery(Box<Subquery>),
}

#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) operator: Operator,
    pub(super) left: Expr,
    pub(super) right: Expr,
}

#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) sign: &'static super::operators::Sign,
    pub(super) returns_bool: bool,
    pub(super) matching: Option<Matching>,
    pub(super) fill_left: Option<f64>,
    pub(super) fill_right: Option<f64>,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
pub(super) struct Matching {
    /// `on`, else `ignoring`.
    pub(super) on: bool,
    pub(super) labels: Vec<String>,
    pub(super) group: Option<Group>,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) left: bool,
    pub(super) include: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) name: &'static str,
    pub(super) param: Option<Expr>,
    pub(super) inner: Expr,
    /// `by` or `without`, when one was written.
    pub(super) grouping: Option<Grouping>,
}

#[derive(Clone, Debug)]
pub(super) struct Grouping {
    pub(super) without: bool,
    pub(super) labels: Vec<String>,
}

/// An instant selector, or a range selector when it has a range.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    /// The name before the braces.
    pub(super) name: Option<String>,
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: Option<Duration>,
    pub(super) offset: Option<Duration>,
    pub(super) at: Option<At>,
    pub(super) edges: Option<Edges>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edges {
    Anchored,
    Smoothed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matcher {
    pub(super) label: Vec<u8>,
    pub(super) op: MatchOp,
    pub(super) value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Start,
    End,
    Millis(i64),
}

#[derive(Clone, Debug)]
pub(super) struct Subquery {
    pub(super) inner: Expr,
    pub(super) range: Duration,
    pub(super) step: Option<Duration>,
    pub(super) offset: Option<Duration>,
    pub(super) at: Option<At>,
}
