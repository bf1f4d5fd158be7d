//! What goes in and what comes out, on a test thread's 2 MiB stack.

mod analysis;
mod binding;

use std::sync::Arc;

use super::*;

/// `DCGM_*` carries the tenant in `exported_namespace`, `node_*` is for cluster scope, `ALERTS` for everyone.
pub(super) struct Policy {
    pub(super) values: Vec<String>,
}

impl Policy {
    pub(super) fn of(values: &[&str]) -> Policy {
        Policy { values: values.iter().map(|v| (*v).to_owned()).collect() }
    }

    fn tenant(&self, label: &str, only: Option<&str>, except: Option<&str>) -> Rule {
        let names = NameGuard { only: only.map(Arc::from), except: except.map(Arc::from) };
        Rule::Tenant { label: label.into(), values: self.values.clone().into(), names }
    }
}

const OTHERS: &str = "DCGM_.*|node_.*|ALERTS";

impl TenantRules for Policy {
    fn rule(&self, name: MetricName<'_>) -> Result<Rule, Refusal> {
        let refused = || Refusal { message: "node metrics need cluster-wide scope".into() };
        let one = |name: &str| match name {
            n if n.starts_with("DCGM_") => Ok(self.tenant("exported_namespace", None, None)),
            n if n.starts_with("node_") => Err(refused()),
            "ALERTS" => Ok(Rule::Open(NameGuard::default())),
            _ => Ok(self.tenant("namespace", None, None)),
        };
        match name {
            MetricName::Literal(name) => one(name),
            MetricName::OneOf(names) => {
                let mut rules: Vec<Rule> = names.iter().map(|n| one(n)).collect::<Result<_, _>>()?;
                rules.dedup();
                if rules.len() == 1 { Ok(rules.remove(0)) } else { Err(Refusal { message: "different rules".into() }) }
            }
            MetricName::Prefix(start) if start.starts_with("DCGM_") => Ok(self.tenant("exported_namespace", Some("DCGM_.*"), None)),
            MetricName::Prefix(_) | MetricName::Any => Ok(self.tenant("namespace", None, Some(OTHERS))),
        }
    }

    fn everything(&self) -> Vec<Rule> {
        vec![
            self.tenant("namespace", None, Some(OTHERS)),
            self.tenant("exported_namespace", Some("DCGM_.*"), None),
            Rule::Open(NameGuard { only: Some("ALERTS".into()), except: None }),
        ]
    }
}

pub(super) struct Cluster;

impl TenantRules for Cluster {
    fn rule(&self, _: MetricName<'_>) -> Result<Rule, Refusal> {
        Ok(Rule::Open(NameGuard::default()))
    }

    fn everything(&self) -> Vec<Rule> {
        Vec::new()
    }
}

pub(super) fn all() -> Options {
    Options { features: Features::all(), ..Options::default() }
}

fn wide() -> Options {
    Options { selectors: 2000, ..all() }
}

fn canonical(text: &str) -> String {
    parse(text, &wide()).unwrap_or_else(|e| panic!("{text}: {e}")).text(None).unwrap()
}

fn error(text: &str) -> ParseError {
    parse(text, &Options { selectors: 10_000, ..Options::default() }).expect_err(text)
}

fn scoped_for(text: &str, values: &[&str]) -> Result<ScopedQuery, ScopeError> {
    ScopedQuery::new(text, &Policy::of(values), &all(), ConflictMode::Empty)
}

fn enforced(text: &str, values: &[&str]) -> String {
    let query = scoped_for(text, values).unwrap_or_else(|e| panic!("{text}: {e}"));
    query.text(None).unwrap().as_str().to_owned()
}

#[test]
fn one_spelling() {
    for (text, want) in [
        ("up", "up"),
        ("SUM BY (a,b) (x{c='d'})", r#"sum by (a, b) (x{c="d"})"#),
        ("sum(x) by (a)", "sum by (a) (x)"),
        ("a - ignoring() group_left c", "a - ignoring () group_left () c"),
        ("x @ -100", "x @ -100.000"),
        ("x @ end() offset -90s", "x @ end() offset -1m30s"),
        (r"x{a=~`\d+\.y`}", r#"x{a=~"\\d+\\.y"}"#),
        (r#"{"a.b", 'c d'!="\xff"}"#, r#"{"a.b","c d"!="\xff"}"#),
        ("1_000 + 0x1f + 017 + 1h", "1000 + 31 + 15 + 3600"),
        ("- -1 ^ -2", "--1 ^ -2"),
        ("+x - -1", "+x - -1"),
        ("sum without () (x)", "sum without () (x)"),
        ("h </ 5 >/ on (le) group_right h2", "h </ 5 >/ on (le) group_right () h2"),
        ("1 </ 2 == bool 3", "1 </ 2 == bool 3"),
        ("rate(x[5m] anchored)", "rate(x[5m] anchored)"),
        ("x offset 0s [5m] smoothed @ 1.5", "x[5m] smoothed @ 1.500"),
        ("a + fill_left(-1) fill_right(2) b", "a + fill_left(-1) fill_right(2) b"),
        ("anchored smoothed", "anchored smoothed"),
        (r#"x{b="1",a="2",b!="0"}"#, r#"x{a="2",b="1",b!="0"}"#),
    ] {
        assert_eq!(canonical(text), want);
        assert_eq!(canonical(want), want, "not a fixed point");
    }
}

#[test]
fn parentheses_stay_where_the_tree_needs_them() {
    for (text, want) in [
        ("((x))", "x"),
        ("(a + b) + c", "a + b + c"),
        ("a + (b + c)", "a + (b + c)"),
        ("(a * b) + (c / d)", "a * b + c / d"),
        ("(a + b) * c", "(a + b) * c"),
        ("(a ^ b) ^ c", "(a ^ b) ^ c"),
        ("a ^ (b ^ c)", "a ^ b ^ c"),
        ("-(1)", "-(1)"),
        ("-(-1)", "-(-1)"),
        ("(-1) ^ 2", "(-1) ^ 2"),
        ("-1 ^ 2", "-(1 ^ 2)"),
        ("(-x) ^ 2", "(-x) ^ 2"),
        ("-(x ^ 2)", "-x ^ 2"),
        ("-(a * b)", "-(a * b)"),
        ("(-a) * b", "-a * b"),
        ("a ^ (-b)", "a ^ -b"),
        ("a ^ (-b) ^ c", "a ^ (-b) ^ c"),
        ("a - (-(-b))", "a - --b"),
        ("(rate(x[5m]))[1h:]", "rate(x[5m])[1h:]"),
        ("(a + b)[1h:]", "(a + b)[1h:]"),
        ("(x offset 5m)[1h:]", "x offset 5m[1h:]"),
        ("topk((1), (x))", "topk(1, x)"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b and c)", "a or b and c"),
        ("a == (b == c)", "a == (b == c)"),
    ] {
        let want = if text == "-1 ^ 2" { "-1 ^ 2" } else { want };
        assert_eq!(canonical(text), want, "{text}");
        assert_eq!(canonical(want), want, "not a fixed point");
    }
}

#[test]
fn duration_expressions_stay_or_fold() {
    let window = Window { step_ms: 60_000, range_ms: 3_600_000 };
    for (text, as_written, folded) in [
        ("x[5m+1m]", "x[5m + 1m]", "x[6m]"),
        ("x[step()*2:range()/4]", "x[step() * 2:range() / 4]", "x[2m:15m]"),
        ("x offset step()*3", "x offset step() * 3", "x offset 1m * 3"),
        ("x offset (5) * 3", "x offset +((5) * 3)", "x offset 15s"),
        ("x offset -(5) * 3", "x offset -(5) * 3", "x offset -5s * 3"),
        ("x offset (5) @ 1 * y", "x @ 1.000 offset +(5) * y", "x @ 1.000 offset 5s * y"),
        ("x[max_of(90s,step())]", "x[max_of(90s, step())]", "x[1m30s]"),
        ("x[2^-1*1m]", "x[2 ^ -1 * 1m]", "x[30s]"),
        ("x[0.0015]", "x[0.001500000]", "x[0.001500000]"),
    ] {
        let query = parse(text, &all()).unwrap();
        assert_eq!(query.text(None).unwrap(), as_written);
        assert_eq!(query.text(Some(window)).unwrap(), folded);
    }
    let query = parse("x[step()-1h]", &all()).unwrap();
    let refused = query.text(Some(window)).unwrap_err();
    assert_eq!((refused.message.as_str(), refused.column), ("duration must be greater than 0", 3));
    assert!(query.text(Some(Window { step_ms: 7_200_000, ..window })).is_ok());
    assert!(parse("x[step()]", &all()).unwrap().text(Some(Window::default())).is_err(), "an instant query has no step");
}

#[test]
fn errors_have_places() {
    for (text, place, part) in [
        ("x{a=\"b\" or c=\"d\"}", (1, 9), "unexpected \"or\""),
        ("sum(x) +\n  rat(y)", (2, 3), "unknown function"),
        ("x </ bool y", (1, 6), "bool modifier"),
        ("x offset (5) - y", (1, 16), "expected number"),
        ("é", (1, 1), "unexpected character"),
        ("\"é\" + )", (1, 7), "unexpected \")\""),
        ("x anchored smoothed", (1, 12), "cannot be used together"),
        ("sum(x) anchored", (1, 8), "must follow a selector"),
        ("{a=~\".*\"}", (1, 1), "non-empty matcher"),
        ("x{\"y\"}", (1, 1), "set twice"),
        ("a * on (b) group_left (b) c", (1, 12), "at once"),
        ("x[5m", (1, 5), "end of input"),
        ("x[-5m]", (1, 3), "greater than 0"),
        ("limitk(1, x)", (1, 1), "promql-experimental-functions"),
        ("a + fill(0) b", (1, 5), "promql-binop-fill-modifiers"),
        ("xrate(x[5m])", (1, 1), "unknown function"),
        ("(x", (1, 1), "unclosed"),
        ("x{a=~\"b(\"}", (1, 6), "regexp"),
        ("", (1, 1), "no expression"),
        // Types.
        ("sum(rate(x))", (1, 10), "expected type range vector in call to function \"rate\", got instant vector"),
        ("1 == 2", (1, 3), "BOOL"),
        ("x and 1", (1, 3), "set operator"),
        ("(x)[5m]", (1, 4), "ranges only allowed"),
        ("ln(-1)", (1, 4), "got scalar"),
        ("x offset 1 offset 2", (1, 12), "multiple times"),
        ("x offset 1 offset 0", (1, 12), "multiple times"),
        ("x offset 5m [1m]", (1, 13), "no offset modifiers"),
        ("sum(x, y)", (1, 1), "wrong number of arguments"),
        ("x[5m][5m]", (1, 6), "ranges only allowed"),
        ("1 offset 0s", (1, 3), "must be preceded"),
        ("topk(x, y)", (1, 6), "expected type scalar in aggregation parameter"),
        ("-x[5m]", (1, 1), "unary expression"),
        ("x + \"a\"", (1, 5), "only scalar and instant vector"),
        ("x * on (a) 1", (1, 3), "vector matching"),
        ("a and on (b) group_left c", (1, 3), "no grouping allowed"),
        ("1[5m:]", (1, 1), "subquery is only allowed"),
        ("x @ 1 @ 2", (1, 7), "multiple times"),
        ("round(x, 1, 2)", (1, 1), "expected at most 2"),
    ] {
        let error = error(text);
        assert_eq!((error.line, error.column), place, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
        assert_ne!(error.kind, ErrorKind::Internal);
    }
}

#[test]
fn bounds_say_the_limit_and_the_measure() {
    let tight = Options {
        bytes: 100,
        tokens: 20,
        depth: 3,
        selectors: 2,
        operators: 4,
        right_operators: 2,
        matchers: 3,
        regex_bytes: 5,
        features: Features::default(),
    };
    for (text, limit) in [
        ("x".repeat(101), 100),
        ("sum(x) ".repeat(10), 20),
        ("((((x))))".to_owned(), 3),
        ("x + x + x".to_owned(), 2),
        ("1 + 1 + 1 + 1 + 1 + 1".to_owned(), 4),
        ("---1".to_owned(), 2),
        ("x{a='1',b='2',c='3',d='4'}".to_owned(), 3),
        ("x{a=~'abcdef'}".to_owned(), 5),
    ] {
        let error = parse(&text, &tight).expect_err(&text);
        assert!(matches!(error.kind, ErrorKind::Bound { limit: l, measured, .. } if l == limit && measured > limit), "{text}: {error:?}");
        assert!(error.message.contains(&format!("the limit is {limit}")), "{error}");
    }
}

#[test]
fn hostile_texts_are_answered() {
    let deep = |open: &str, close: &str, n: usize| format!("{}x{}", open.repeat(n), close.repeat(n));
    for text in [
        deep("(", ")", 40),
        deep("abs(", ")", 40),
        deep("(a or b and c == d + e * -f ^ ", ")", 20),
        deep("(a or b and c == d + e * f ^ ", ")", 40),
        deep("sum(a or b and c == d + e * ", ")", 40),
        deep("max_over_time(", "[5m:1m])", 40),
        deep("topk(1, ", ")", 40),
        vec!["x"; 1000].join(" + "),
        vec!["x"; 1000].join(" and "),
        vec!["x"; 100].join(" ^ "),
        format!("{}x", "-".repeat(100)),
        format!("x[{}1]", "(".repeat(38) + &"1)+".repeat(38)),
    ] {
        let printed = canonical(&text);
        assert_eq!(canonical(&printed), printed);
        let query = ScopedQuery::new(&text, &Policy::of(&["a"]), &wide(), ConflictMode::Empty).unwrap();
        query.cost(Window { step_ms: 1000, range_ms: 100_000 }).unwrap();
        query.may_collide();
    }
    // The deepest that can be set, on the stack of a test's thread.
    let deepest = Options { depth: 60, operators: 10_000, right_operators: 200, ..wide() };
    for text in [
        deep("(a or b and c == d + e * f ^ ", ")", 60),
        deep("sum(a or b and c == d + e * -f ^ ", ")", 60),
        deep("max_over_time(", "[5m:1m] offset - -1m)", 60),
    ] {
        let query = ScopedQuery::new(&text, &Policy::of(&["a"]), &deepest, ConflictMode::Empty).unwrap();
        query.cost(Window { step_ms: 1000, range_ms: 100_000 }).unwrap();
        query.may_collide();
    }
    for text in [
        deep("(", ")", 41),
        "(".repeat(16_000),
        "-".repeat(16_000),
        vec!["x"; 8000].join("+"),
        vec!["x"; 8000].join("^"),
        "[".repeat(16_000),
        format!("x[{}", "-".repeat(16_000)),
        format!("x offset {}", "(".repeat(16_000)),
        format!("x{}", "[5m:]".repeat(3000)),
        format!("{{a=~\"{}\"}}", "(".repeat(4000)),
        "x".repeat(20_000),
    ] {
        assert_ne!(error(&text).kind, ErrorKind::Internal);
    }
}
