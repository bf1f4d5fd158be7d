//! The walk over every selector. The match has no wildcard: a new kind of node does not compile before it has its place here.

use super::ast::{Expr, Node, Selector, Subquery};
use super::error::Span;

/// A selector of the tree.
pub(super) struct Found<'e> {
    pub(super) selector: &'e Selector,
    pub(super) span: Span,
    /// Enclosing subqueries, the outermost first.
    pub(super) path: Vec<&'e Subquery>,
}

/// Every selector, in the order of the text.
pub(super) fn selectors(expr: &Expr) -> Vec<Found<'_>> {
    let mut out = Vec::new();
    let mut path = Vec::new();
    collect(expr, &mut path, &mut out);
    out
}

fn collect<'e>(expr: &'e Expr, path: &mut Vec<&'e Subquery>, out: &mut Vec<Found<'e>>) {
    match &expr.node {
        Node::Number(_) | Node::Str(_) => {}
        Node::Paren(inner) | Node::Unary { inner, .. } => collect(inner, path, out),
        Node::Binary(_) => {
            // Down the left side in a loop: `a + b + …` is a list to its writer, and a thousand levels to the tree.
            let (mut rights, mut left) = (Vec::new(), expr);
            while let Node::Binary(b) = &left.node {
                rights.push(&b.right);
                left = &b.left;
            }
            collect(left, path, out);
            rights.into_iter().rev().for_each(|right| collect(right, path, out));
        }
        Node::Aggregate(a) => {
            a.param.iter().for_each(|param| collect(param, path, out));
            collect(&a.inner, path, out);
        }
        Node::Call { args, .. } => args.iter().for_each(|arg| collect(arg, path, out)),
        Node::Selector(selector) => out.push(Found { selector, span: expr.span, path: path.clone() }),
        Node::Subquery(s) => {
            path.push(s);
            collect(&s.inner, path, out);
            path.pop();
        }
    }
}
