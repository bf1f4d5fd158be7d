//! The rules of types, applied while the tree is built: each constructor gives a well-typed node or says what is wrong, where.

use super::ast::{Aggregate, Binary, Expr, Grouping, Node, Operator, Type};
use super::error::{ParseError, Result, Span};
use super::functions::{self, Function};
use super::operators::Family;

/// A call, its arguments counted and checked.
pub(super) fn call(function: &'static Function, args: Vec<Expr>, span: Span) -> Result<Expr> {
    let (least, most) = function.arity();
    let (name, count) = (function.name, args.len());
    if count < least || most.is_some_and(|most| count > most) {
        let expected = match most {
            Some(most) if most == least => format!("{least}"),
            Some(most) if count > most => format!("at most {most}"),
            _ => format!("at least {least}"),
        };
        return Err(ParseError::meaning(span, format!("expected {expected} argument(s) in call to {name:?}, got {count}")));
    }
    for (index, arg) in args.iter().enumerate() {
        if let Some(want) = function.arg(index) {
            expect(arg, want, || format!("call to function {name:?}"))?;
        }
    }
    if let ("info", Some(labels)) = (name, args.get(1)) {
        match &labels.node {
            Node::Selector(selector) if selector.name.is_none() => {}
            Node::Selector(_) => {
                return Err(ParseError::meaning(labels.span, "expected label selectors only, got vector selector instead"));
            }
            _ => return Err(ParseError::meaning(labels.span, "expected label selectors only")),
        }
    }
    Ok(Expr { node: Node::Call { function, args }, kind: function.returns, span })
}

/// An aggregation, its parameter checked.
pub(super) fn aggregate(name: &'static str, grouping: Option<Grouping>, mut args: Vec<Expr>, span: Span) -> Result<Expr> {
    let parameter = functions::aggregation_parameter(name);
    let want = 1 + usize::from(parameter.is_some());
    let count = args.len();
    let (Some(inner), true) = (args.pop(), count == want) else {
        let message = format!("wrong number of arguments for aggregate expression provided, expected {want}, got {count}");
        return Err(ParseError::meaning(span, message));
    };
    expect(&inner, Type::Vector, || "aggregation expression".into())?;
    let param = args.pop();
    if let (Some(param), Some(want)) = (&param, parameter) {
        expect(param, want, || "aggregation parameter".into())?;
    }
    Ok(Expr { node: Node::Aggregate(Box::new(Aggregate { name, param, inner, grouping })), kind: Type::Vector, span })
}

/// A sign before an operand; before a number it becomes part of it, as in Prometheus.
pub(super) fn unary(minus: bool, inner: Expr, sign: Span) -> Result<Expr> {
    let (kind, span) = (inner.kind, sign.to(inner.span));
    let node = match inner.node {
        Node::Number(value) => Node::Number(if minus { -value } else { value }),
        _ if !is_operand(kind) => {
            let message = format!("unary expression only allowed on expressions of type scalar or instant vector, got {:?}", kind.name());
            return Err(ParseError::meaning(span, message));
        }
        _ => Node::Unary { minus, inner: Box::new(inner) },
    };
    Ok(Expr { node, kind, span })
}

/// A binary operation.
pub(super) fn binary(operator: Operator, left: Expr, right: Expr) -> Result<Expr> {
    let set = operator.sign.family == Family::Set;
    if let Some(side) = [&left, &right].into_iter().find(|side| !is_operand(side.kind)) {
        return Err(ParseError::meaning(side.span, "binary expression must contain only scalar and instant vector types"));
    }
    let vectors = left.kind == Type::Vector && right.kind == Type::Vector;
    let fills = operator.fill_left.is_some() || operator.fill_right.is_some();
    let scalars = left.kind == Type::Scalar && right.kind == Type::Scalar;
    let problem = if scalars && operator.sign.family == Family::Comparison && !operator.returns_bool {
        Some("comparisons between scalars must use BOOL modifier".to_owned())
    } else if set && !vectors {
        Some(format!("set operator {:?} not allowed in binary scalar expression", operator.sign.text))
    } else if !vectors && operator.matching.as_ref().is_some_and(|m| !m.labels.is_empty()) {
        Some("vector matching only allowed between instant vectors".to_owned())
    } else if fills && !vectors {
        Some("filling in missing series only allowed between instant vectors".to_owned())
    } else if fills && set {
        Some("filling in missing series not allowed for set operators".to_owned())
    } else if set && operator.matching.as_ref().is_some_and(|m| m.group.is_some()) {
        Some(format!("no grouping allowed for {:?} operation", operator.sign.text))
    } else {
        None
    };
    if let Some(message) = problem {
        return Err(ParseError::meaning(operator.span, message));
    }
    let kind = if scalars { Type::Scalar } else { Type::Vector };
    let span = left.span.to(right.span);
    Ok(Expr { node: Node::Binary(Box::new(Binary { operator, left, right })), kind, span })
}

fn is_operand(kind: Type) -> bool {
    matches!(kind, Type::Scalar | Type::Vector)
}

fn expect(arg: &Expr, want: Type, context: impl FnOnce() -> String) -> Result<()> {
    if arg.kind == want {
        return Ok(());
    }
    let message = format!("expected type {} in {}, got {}", want.name(), context(), arg.kind.name());
    Err(ParseError::meaning(arg.span, message))
}
