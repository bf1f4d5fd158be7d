//! `info()` looks up series by itself: what its second argument says, and when a matcher more there changes nothing else.
//!
//! Upstream, the labels named by the second argument are the ones that get added, and a series without info series is dropped as soon
//! as one matcher there does not match the empty string. Our matcher names the tenant label and does not match the empty string. So it
//! is only added where the first argument has the tenant label already (labels it has are not touched), or the user names it as well,
//! and where a matcher of the user's drops such series anyway.

use super::ast::{Expr, MatchOp, Node, Selector, Type};
use super::names::{self, NAME, Name};
use super::operators::Family;
use super::parse::excludes_empty;

/// The metric that `info()` looks at when its second argument does not name one.
pub(super) const TARGET_INFO: &str = "target_info";

pub(super) fn bare_refusal() -> String {
    "info() without a second argument adds every label of target_info, and cannot be limited to your namespaces: \
     name the labels that you want, such as info(v, {version=~\".+\"})"
        .into()
}

pub(super) fn name_refusal() -> String {
    "in info(), the metric has to be named literally (or not at all, for target_info), such as info(v, {__name__=\"build_info\", version=~\".+\"})".into()
}

/// The metric that a second argument looks at; None when it is a pattern.
pub(super) fn metric_name(selector: &Selector) -> Result<Option<String>, String> {
    let mut names = selector.matchers.iter().filter(|m| m.label == NAME);
    match (names.next(), names.next()) {
        (None, _) => Ok(Some(TARGET_INFO.to_owned())),
        (Some(one), None) if one.op == MatchOp::Equal => Ok(Name::of(selector).literal().map(str::to_owned)),
        _ => Ok(None),
    }
}

/// Would a matcher for `label` in the second argument change only which info series are seen?
pub(super) fn check(base: &Expr, selector: &Selector, label: &str) -> Result<(), String> {
    let data = || selector.matchers.iter().filter(|m| m.label != NAME);
    if !data().any(|m| excludes_empty(m.op, &m.value)) {
        return Err(
            "in info(), at least one label has to be asked for with a matcher that excludes the empty value, such as {version=~\".+\"}: \
             series without such info would be lost otherwise"
                .into(),
        );
    }
    if data().any(|m| m.label == label.as_bytes()) || carries(base, label, CARRIES_DEPTH) {
        return Ok(());
    }
    Err(format!(
        "in info(), the first argument has to keep the label {label:?}, or the second one has to ask for it ({label}=~\".+\"): \
         it would be added to the answer otherwise"
    ))
}

/// How many levels of tree are looked at for a proof; deeper ones give none.
const CARRIES_DEPTH: usize = 100;

/// Has every series of the expression the label, provably? The expression's selectors are bound already.
fn carries(expr: &Expr, label: &str, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let carries = |inner: &Expr| carries(inner, label, depth);
    let has = |labels: &[String]| labels.iter().any(|l| l == label);
    match &expr.node {
        Node::Number(_) | Node::Str(_) => false,
        Node::Paren(inner) | Node::Unary { inner, .. } => carries(inner),
        Node::Subquery(s) => carries(&s.inner),
        Node::Selector(selector) => selector
            .matchers
            .iter()
            .any(|m| m.label == label.as_bytes() && names::listed(m).is_some_and(|values| !values.iter().any(String::is_empty))),
        Node::Aggregate(a) => {
            let kept = match &a.grouping {
                _ if a.name == "count_values" => false,
                None => matches!(a.name, "topk" | "bottomk" | "limitk" | "limit_ratio"),
                Some(_) if matches!(a.name, "topk" | "bottomk" | "limitk" | "limit_ratio") => true,
                Some(g) => has(&g.labels) != g.without,
            };
            kept && carries(&a.inner)
        }
        Node::Call { function, args } => {
            let relabels = matches!(function.name, "label_replace" | "label_join" | "vector") || function.is_absent();
            let mut vectors = args.iter().filter(|a| matches!(a.kind, Type::Vector | Type::Matrix));
            !relabels && vectors.next().is_some_and(carries)
        }
        Node::Binary(b) => {
            let operator = &b.operator;
            let (left, right) = (|| carries(&b.left), || carries(&b.right));
            match (b.left.kind, b.right.kind, operator.sign.text) {
                (Type::Vector, Type::Scalar, _) => left(),
                (Type::Scalar, Type::Vector, _) => right(),
                (_, _, "or") => left() && right(),
                (_, _, "and" | "unless") => left(),
                _ if operator.fill_left.is_some() || operator.fill_right.is_some() => false,
                _ => match operator.matching.as_ref() {
                    None => operator.sign.family != Family::Set && left(),
                    Some(m) => match &m.group {
                        None => has(&m.labels) == m.on && left(),
                        Some(group) if has(&group.include) => false,
                        Some(group) if group.left => left(),
                        Some(_) => right(),
                    },
                },
            }
        }
    }
}
