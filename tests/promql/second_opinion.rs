//! What enforcement prints, read by a parser that shares no line with ours: every selector that promql-parser finds in an
//! enforced text has to carry the tenant matcher. It knows the language of Prometheus 3.8, so it has an opinion on most texts only;
//! how many is part of the test, so that an upgrade of the crate shows.

use std::sync::Arc;

use hecate::promql::{ConflictMode, Features, MetricName, NameGuard, Options, Refusal, Rule, ScopeError, ScopedQuery, TenantRules};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};

use crate::corpus;

const TENANT: &str = "team-a";

struct OneTenant;

impl TenantRules for OneTenant {
    fn rule(&self, _: MetricName<'_>) -> Result<Rule, Refusal> {
        Ok(Rule::Tenant { label: "namespace".into(), values: Arc::from([TENANT.to_owned()]), names: NameGuard::default() })
    }

    fn everything(&self) -> Vec<Rule> {
        self.rule(MetricName::Any).into_iter().collect()
    }
}

/// Every selector, also those in the parameters of aggregations, which the crate's own walk leaves out.
fn selectors<'e>(expr: &'e Expr, found: &mut Vec<&'e VectorSelector>) {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Paren(inner) => selectors(&inner.expr, found),
        Expr::Unary(inner) => selectors(&inner.expr, found),
        Expr::Binary(both) => {
            selectors(&both.lhs, found);
            selectors(&both.rhs, found);
        }
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                selectors(param, found);
            }
            selectors(&aggregate.expr, found);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|arg| selectors(arg, found)),
        Expr::VectorSelector(selector) => found.push(selector),
        Expr::MatrixSelector(selector) => found.push(&selector.vs),
        Expr::Subquery(subquery) => selectors(&subquery.expr, found),
        Expr::Extension(_) => panic!("the crate made a node of its own"),
    }
}

fn is_bound(selector: &VectorSelector) -> bool {
    selector.matchers.or_matchers.is_empty()
        && selector.matchers.matchers.iter().any(|matcher| {
            matcher.name == "namespace"
                && match &matcher.op {
                    MatchOp::Equal => matcher.value == TENANT,
                    MatchOp::Re(pattern) => pattern.as_str().contains(TENANT) && !pattern.is_match("team-b"),
                    MatchOp::NotEqual | MatchOp::NotRe(_) => false,
                }
        })
}

#[test]
fn another_parser_finds_the_matcher_on_every_selector() {
    let options = Options { features: Features::all(), ..Options::default() };
    let (mut enforced, mut read, mut seen, mut missing) = (0, 0, 0, Vec::new());
    for text in corpus::read().iter().flat_map(|(_, texts)| texts) {
        let query = match ScopedQuery::new(text, &OneTenant, &options, ConflictMode::Empty) {
            Ok(query) => query,
            Err(ScopeError::Internal(bug)) => panic!("{text}: {bug}"),
            Err(_) => continue,
        };
        enforced += 1;
        let printed = query.text(None).expect("it was printed before");
        let Ok(tree) = promql_parser::parser::parse(printed.as_str()) else { continue };
        read += 1;
        let mut found = Vec::new();
        selectors(&tree, &mut found);
        seen += found.len();
        if found.len() != query.selectors().len() || !found.iter().all(|selector| is_bound(selector)) {
            missing.push(format!("{text}\n  {}", printed.as_str()));
        }
    }
    assert!(missing.is_empty(), "{} texts have a selector without its matcher:\n{}", missing.len(), missing.join("\n"));
    insta::assert_snapshot!(format!("{enforced} enforced, {read} read again, {seen} selectors"), @"2462 enforced, 2110 read again, 2409 selectors");
}
