//! What an answer shows of the series that its selectors find.

use super::ast::{Expr, Node, Selector, Type};
use super::print::print_selector;
use super::walk;

/// Functions whose answer has other series than their argument.
const OTHER_SERIES: &[&str] =
    &["absent", "absent_over_time", "histogram_quantile", "histogram_quantiles", "scalar", "vector", "label_replace", "label_join", "info"];

/// Every selector without its range and modifiers, in the order of the text; one that cannot be printed is empty.
pub(super) fn selector_texts(tree: &Expr) -> Vec<String> {
    walk::selectors(tree).iter().map(|found| print_selector(&bare(found.selector)).unwrap_or_default()).collect()
}

/// Does the answer have one series for each series of the only selector?
pub(super) fn shows_series(tree: &Expr) -> bool {
    match &tree.node {
        Node::Selector(_) => true,
        Node::Paren(inner) | Node::Unary { inner, .. } => shows_series(inner),
        Node::Subquery(subquery) => shows_series(&subquery.inner),
        Node::Call { function, args } => {
            let mut sets = args.iter().filter(|arg| matches!(arg.kind, Type::Vector | Type::Matrix));
            let only = sets.next().filter(|_| sets.next().is_none());
            only.is_some_and(|only| !OTHER_SERIES.contains(&function.name) && shows_series(only))
        }
        Node::Number(_) | Node::Str(_) | Node::Aggregate(_) | Node::Binary(_) => false,
    }
}

fn bare(selector: &Selector) -> Selector {
    Selector { range: None, offset: None, at: None, edges: None, ..selector.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, query};
    use super::*;

    #[test]
    fn what_an_answer_shows() {
        let check = |text: &str, shows: bool, selectors: &[&str]| {
            let query = query::parse(text, &Options::default()).unwrap();
            assert_eq!(shows_series(query.tree()), shows, "{text}");
            assert_eq!(selector_texts(query.tree()), selectors, "{text}");
        };
        check("up", true, &["up"]);
        check("-(rate(up{a=\"b\"}[5m] offset 1h))", true, &["up{a=\"b\"}"]);
        check("max_over_time(rate(up[1m])[1h:1m])", true, &["up"]);
        check("clamp_max(up, 3)", true, &["up"]);
        check("sum(up)", false, &["up"]);
        check("up / down @ end()", false, &["up", "down"]);
        check("histogram_quantile(0.9, rate(x_bucket[5m]))", false, &["x_bucket"]);
        check("absent(up)", false, &["up"]);
        check("1", false, &[]);
    }
}
