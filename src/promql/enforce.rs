//! Puts a caller's matchers on every selector. AND only: nothing of the user's is replaced or moved.

use std::sync::Arc;

use super::ast::{Expr, MatchOp, Matcher, Node, Selector};
use super::error::Span;
use super::info;
use super::names::{self, NAME, Name};
use super::rules::{MetricName, NameGuard, Refusal, Rule, TenantRules};

/// What a matcher of the user's on the tenant label gives when none of its values is in scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictMode {
    /// An empty answer, as from a Prometheus that holds only the caller's data.
    #[default]
    Empty,
    /// An error that says so.
    Error,
}

/// Why a selector cannot be bound to its rule.
#[derive(Debug)]
pub(super) enum Problem {
    Refused { refusal: Refusal, span: Span },
    Conflict { label: Arc<str>, values: Vec<String>, span: Span },
}

/// Binds every selector of the tree; the rules of the selectors in the order of the text.
pub(super) fn enforce(expr: &mut Expr, rules: &dyn TenantRules, mode: ConflictMode) -> Result<Vec<Rule>, Problem> {
    let mut enforcer = Enforcer { rules, mode, bound: Vec::new() };
    enforcer.expr(expr, false)?;
    Ok(enforcer.bound)
}

struct Enforcer<'r> {
    rules: &'r dyn TenantRules,
    mode: ConflictMode,
    bound: Vec<Rule>,
}

impl Enforcer<'_> {
    /// The match has no wildcard: a new kind of node does not compile before it has its place here.
    fn expr(&mut self, expr: &mut Expr, absent: bool) -> Result<(), Problem> {
        let span = expr.span;
        match &mut expr.node {
            Node::Number(_) | Node::Str(_) => Ok(()),
            Node::Paren(inner) | Node::Unary { inner, .. } => self.expr(inner, absent),
            Node::Binary(_) => self.operands(expr, absent),
            Node::Aggregate(a) => {
                if let Some(param) = &mut a.param {
                    self.expr(param, absent)?;
                }
                self.expr(&mut a.inner, absent)
            }
            Node::Call { function, args } if function.name == "info" => self.info(args, absent, span),
            Node::Call { function, args } => args.iter_mut().try_for_each(|arg| self.expr(arg, absent || function.is_absent())),
            Node::Selector(selector) => self.selector(selector, absent, span),
            Node::Subquery(s) => self.expr(&mut s.inner, absent),
        }
    }

    /// Goes down the left side in a loop, as the tree is built.
    #[inline(never)]
    fn operands(&mut self, mut expr: &mut Expr, absent: bool) -> Result<(), Problem> {
        let mut rights = Vec::new();
        while let Expr { node: Node::Binary(b), .. } = expr {
            rights.push(&mut b.right);
            expr = &mut b.left;
        }
        self.expr(expr, absent)?;
        rights.into_iter().rev().try_for_each(|right| self.expr(right, absent))
    }

    fn selector(&mut self, selector: &mut Selector, absent: bool, span: Span) -> Result<(), Problem> {
        let rule = self.rules.rule(Name::of(selector).as_metric_name()).map_err(|refusal| Problem::Refused { refusal, span })?;
        self.bind(selector, &rule, absent, span)?;
        self.bound.push(rule);
        Ok(())
    }

    fn bind(&self, selector: &mut Selector, rule: &Rule, absent: bool, span: Span) -> Result<(), Problem> {
        let names = match rule {
            Rule::Open(names) => names,
            Rule::Tenant { label, values, names } => {
                if self.mode == ConflictMode::Error
                    && let Some(values) = conflict(selector, label, values)
                {
                    return Err(Problem::Conflict { label: label.clone(), values, span });
                }
                if !selector.matchers.iter().any(|m| names::within(m, label, values)) {
                    // The result of `absent()` gets a label for the first equality matcher of each name, and loses it at any later
                    // matcher of that name: ours is no equality, and stands before the user's.
                    let at = if absent { 0 } else { selector.matchers.len() };
                    selector.matchers.insert(at, tenant_matcher(label, values, absent));
                }
                names
            }
        };
        for matcher in guards(names) {
            if !selector.matchers.contains(&matcher) {
                selector.matchers.push(matcher);
            }
        }
        Ok(())
    }

    /// `info()` selects series by itself, by its second argument.
    #[inline(never)]
    fn info(&mut self, args: &mut [Expr], absent: bool, span: Span) -> Result<(), Problem> {
        let refuse = |message: String, span: Span| Problem::Refused { refusal: Refusal { message }, span };
        let (base, labels) = match args {
            [base] => (base, None),
            [base, labels] => (base, Some(labels)),
            _ => return Err(refuse("info() takes one or two arguments".into(), span)),
        };
        self.expr(base, absent)?;
        let Some(labels) = labels else {
            let rule = self.rules.rule(MetricName::Literal(info::TARGET_INFO)).map_err(|refusal| Problem::Refused { refusal, span })?;
            return if rule == Rule::Open(NameGuard::default()) { Ok(()) } else { Err(refuse(info::bare_refusal(), span)) };
        };
        let labels_span = labels.span;
        let Node::Selector(selector) = &mut labels.node else {
            return Err(refuse("the second argument of info() has to be a selector".into(), labels_span));
        };
        let name = info::metric_name(selector).map_err(|message| refuse(message, labels_span))?;
        let rule = match name {
            Some(name) => self.rules.rule(MetricName::Literal(&name)),
            // A pattern of names is no danger to callers who may read everything.
            None => match self.rules.rule(Name::of(selector).as_metric_name()) {
                Ok(Rule::Open(names)) if names == NameGuard::default() => Ok(Rule::Open(names)),
                _ => return Err(refuse(info::name_refusal(), labels_span)),
            },
        }
        .map_err(|refusal| Problem::Refused { refusal, span: labels_span })?;
        // A guard alone would turn "target_info" into "every name but …".
        let (Rule::Open(guard) | Rule::Tenant { names: guard, .. }) = &rule;
        if *guard != NameGuard::default() && !selector.matchers.iter().any(|m| m.label == NAME) {
            return Err(refuse(info::name_refusal(), labels_span));
        }
        if let Rule::Tenant { label, .. } = &rule {
            info::check(base, selector, label).map_err(|message| refuse(message, labels_span))?;
        }
        self.bind(selector, &rule, absent, labels_span)?;
        self.bound.push(rule);
        Ok(())
    }
}

/// What the user asked for, when a matcher lists values of the label and none of them is allowed.
fn conflict(selector: &Selector, label: &str, allowed: &[String]) -> Option<Vec<String>> {
    let lists = selector.matchers.iter().filter(|m| m.label == label.as_bytes()).filter_map(names::listed);
    lists.into_iter().find(|values| !values.iter().any(|v| allowed.contains(v)))
}

/// One alternation. A single value is an equality, unless an equality would show up in the answer.
fn tenant_matcher(label: &str, values: &[String], as_regex: bool) -> Matcher {
    let label = label.as_bytes().to_vec();
    match values {
        [one] if !as_regex => Matcher { label, op: MatchOp::Equal, value: one.clone().into_bytes() },
        _ => Matcher { label, op: MatchOp::Regex, value: names::alternation(values).into_bytes() },
    }
}

fn guards(names: &NameGuard) -> impl Iterator<Item = Matcher> {
    let guard = |op: MatchOp, pattern: &Option<Arc<str>>| {
        pattern.as_ref().map(|p| Matcher { label: NAME.to_vec(), op, value: p.as_bytes().to_vec() })
    };
    guard(MatchOp::Regex, &names.only).into_iter().chain(guard(MatchOp::NotRegex, &names.except))
}

/// Does the selector carry what its rule asks for? Asked of the text that goes upstream, after reading it again.
pub(super) fn holds(selector: &Selector, rule: &Rule) -> bool {
    let (names, bound) = match rule {
        Rule::Open(names) => (names, true),
        Rule::Tenant { label, values, names } => (
            names,
            !values.is_empty() && !values.iter().any(String::is_empty) && selector.matchers.iter().any(|m| names::within(m, label, values)),
        ),
    };
    bound && guards(names).all(|guard| selector.matchers.contains(&guard))
}

/// A selector that holds nothing but what the rule asks for.
pub(super) fn selector_for(rule: &Rule) -> Selector {
    let mut matchers = Vec::new();
    let names = match rule {
        Rule::Open(names) => names,
        Rule::Tenant { label, values, names } => {
            matchers.push(tenant_matcher(label, values, false));
            names
        }
    };
    matchers.extend(guards(names));
    if !matchers.iter().any(|m| super::parse::excludes_empty(m.op, &m.value)) {
        matchers.push(Matcher { label: NAME.to_vec(), op: MatchOp::NotEqual, value: Vec::new() });
    }
    Selector { name: None, matchers, range: None, offset: None, at: None, edges: None }
}
