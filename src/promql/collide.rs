//! May a query fail as a whole where its parts succeed?
//!
//! Upstream checks at the end of some functions, over the whole window, that no two series have the same labels. That can only happen
//! when the metric name is dropped from what may have several names, or when labels are rewritten.

use super::ast::{Expr, Node, Type};
use super::names::Name;

/// The metric names that an expression's series may have.
#[derive(Clone, Debug, PartialEq)]
enum Names {
    None,
    One(String),
    Many,
}

impl Names {
    fn or(self, other: Names) -> Names {
        match (self, other) {
            (a, b) if a == b => a,
            (Names::None, b) => b,
            (a, Names::None) => a,
            _ => Names::Many,
        }
    }
}

pub(super) fn may_collide(tree: &Expr) -> bool {
    let mut found = false;
    names(tree, &mut found);
    found
}

fn names(expr: &Expr, collides: &mut bool) -> Names {
    match &expr.node {
        Node::Number(_) | Node::Str(_) => Names::None,
        Node::Paren(inner) => names(inner, collides),
        Node::Unary { inner, .. } => {
            *collides |= names(inner, collides) == Names::Many;
            Names::None
        }
        Node::Subquery(s) => names(&s.inner, collides),
        Node::Selector(selector) => Name::of(selector).literal().map_or(Names::Many, |name| Names::One(name.to_owned())),
        Node::Aggregate(a) => {
            if let Some(param) = &a.param {
                names(param, collides);
            }
            let inner = names(&a.inner, collides);
            if matches!(a.name, "topk" | "bottomk" | "limitk" | "limit_ratio") { inner } else { Names::None }
        }
        Node::Call { function, args } => {
            let mut all = Names::None;
            for arg in args {
                let arg_names = names(arg, collides);
                if matches!(arg.kind, Type::Vector | Type::Matrix) {
                    all = all.or(arg_names);
                }
            }
            let relabels = matches!(function.name, "label_replace" | "label_join");
            *collides |= relabels || (!function.keeps_name() && all == Names::Many);
            match (relabels, function.keeps_name()) {
                (true, _) => Names::Many,
                (false, true) => all,
                (false, false) => Names::None,
            }
        }
        Node::Binary(_) => operands(expr, collides),
    }
}

/// Goes down the left side in a loop, as the tree is built.
#[inline(never)]
fn operands(expr: &Expr, collides: &mut bool) -> Names {
    let (mut spine, mut left) = (Vec::new(), expr);
    while let Node::Binary(b) = &left.node {
        spine.push(b);
        left = &b.left;
    }
    let mut so_far = names(left, collides);
    for b in spine.into_iter().rev() {
        let right = names(&b.right, collides);
        let filters = b.operator.sign.text == "and" || b.operator.sign.text == "unless";
        let compares = b.operator.sign.power == 3 && !b.operator.returns_bool;
        so_far = match b.operator.sign.text {
            "or" => so_far.or(right),
            _ if filters => so_far,
            _ if compares => so_far.or(right),
            _ => {
                *collides |= so_far == Names::Many || right == Names::Many;
                Names::None
            }
        };
    }
    so_far
}
