//! Canonical PromQL for Prometheus 3.16: one spelling for each tree.
//!
//! Parentheses are written where the tree needs them and nowhere else, blanks and case are fixed, matchers stand in the order of
//! their labels. Matchers of one label keep the order they had: `absent()` gives its result labels by it.

use std::fmt::Write;

use super::ast::{Aggregate, At, Binary, Edges, Expr, MatchOp, Matcher, Node, Operator, Selector, Subquery};
use super::durations::{Duration, write_nanos};
use super::error::{ParseError, Result};
use super::operators::{RIGHT_POWER, UNARY_POWER};
use super::window::Window;

/// With a window, duration expressions become the values they have in it; without one they stay as written.
pub(super) fn print(expr: &Expr, window: Option<Window>) -> Result<String> {
    let mut printer = Printer { out: String::with_capacity(512), window, error: None };
    printer.expr(expr);
    printer.finish()
}

/// A selector alone.
pub(super) fn print_selector(selector: &Selector) -> Result<String> {
    let mut printer = Printer { out: String::with_capacity(128), window: None, error: None };
    printer.selector(selector);
    printer.finish()
}

struct Printer {
    out: String,
    window: Option<Window>,
    /// The first duration without a value. Kept here, as results on the way would make every level of the walk take more stack.
    error: Option<ParseError>,
}

/// The node without the parentheses around it.
fn bare(mut expr: &Expr) -> &Expr {
    while let Node::Paren(inner) = &expr.node {
        expr = inner;
    }
    expr
}

/// Does it start with a sign?
fn is_signed(expr: &Expr) -> bool {
    matches!(expr.node, Node::Number(value) if value.is_sign_negative() && !value.is_nan())
}

/// The left side of an operator stays without parentheses when it binds tighter, or as tightly and to the left.
fn left_needs_parens(left: &Expr, power: u8) -> bool {
    match &left.node {
        Node::Binary(b) => b.operator.sign.power < power || power == RIGHT_POWER,
        Node::Unary { .. } => UNARY_POWER < power,
        _ => power == RIGHT_POWER && is_signed(left),
    }
}

fn right_needs_parens(right: &Expr, power: u8) -> bool {
    match &right.node {
        Node::Binary(b) => b.operator.sign.power < power || (b.operator.sign.power == power && power != RIGHT_POWER),
        _ => false,
    }
}

/// A sign would become part of a number, and takes only powers with it.
fn operand_of_sign_needs_parens(inner: &Expr) -> bool {
    match &inner.node {
        Node::Binary(b) => b.operator.sign.power <= UNARY_POWER,
        Node::Number(_) => true,
        _ => false,
    }
}

impl Printer {
    fn finish(self) -> Result<String> {
        match self.error {
            None => Ok(self.out),
            Some(error) => Err(error),
        }
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn wrapped(&mut self, expr: &Expr, parens: bool) {
        if parens {
            self.put("(");
        }
        self.expr(expr);
        if parens {
            self.put(")");
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.node {
            Node::Number(value) => number(*value, &mut self.out),
            Node::Str(bytes) => quoted(bytes, &mut self.out),
            Node::Paren(inner) => self.expr(inner),
            Node::Unary { minus, inner } => {
                self.put(if *minus { "-" } else { "+" });
                let inner = bare(inner);
                self.wrapped(inner, operand_of_sign_needs_parens(inner));
            }
            Node::Binary(b) => self.binary(b),
            Node::Aggregate(a) => self.aggregate(a),
            Node::Call { function, args } => self.call(function.name, args),
            Node::Selector(selector) => self.selector(selector),
            Node::Subquery(s) => self.subquery(s),
        }
    }

    #[inline(never)]
    fn aggregate(&mut self, a: &Aggregate) {
        self.put(a.name);
        if let Some(grouping) = a.grouping.as_ref().filter(|g| g.without || !g.labels.is_empty()) {
            self.put(if grouping.without { " without " } else { " by " });
            self.labels(&grouping.labels);
            self.put(" ");
        }
        self.put("(");
        if let Some(param) = &a.param {
            self.expr(param);
            self.put(", ");
        }
        self.expr(&a.inner);
        self.put(")");
    }

    #[inline(never)]
    fn call(&mut self, function: &str, args: &[Expr]) {
        self.put(function);
        self.put("(");
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            self.expr(arg);
        }
        self.put(")");
    }

    #[inline(never)]
    fn subquery(&mut self, s: &Subquery) {
        let inner = bare(&s.inner);
        self.wrapped(inner, matches!(inner.node, Node::Unary { .. } | Node::Binary(_)));
        self.put("[");
        self.duration(&s.range);
        self.put(":");
        if let Some(step) = &s.step {
            self.duration(step);
        }
        self.put("]");
        self.modifiers(s.at, s.offset.as_ref());
    }

    /// Goes down the left side in a loop, as long as it needs no parentheses.
    #[inline(never)]
    fn binary(&mut self, top: &Binary) {
        let mut spine = vec![top];
        let mut left = bare(&top.left);
        let mut power = top.operator.sign.power;
        while let Node::Binary(b) = &left.node
            && !left_needs_parens(left, power)
        {
            spine.push(b);
            power = b.operator.sign.power;
            left = bare(&b.left);
        }
        self.wrapped(left, left_needs_parens(left, power));
        for b in spine.into_iter().rev() {
            self.operator(&b.operator);
            let right = bare(&b.right);
            self.wrapped(right, right_needs_parens(right, b.operator.sign.power));
        }
    }

    #[inline(never)]
    fn operator(&mut self, operator: &Operator) {
        let _ = write!(self.out, " {} ", operator.sign.text);
        if operator.returns_bool {
            self.put("bool ");
        }
        if let Some(matching) = &operator.matching {
            self.put(if matching.on { "on " } else { "ignoring " });
            self.labels(&matching.labels);
            self.put(" ");
            if let Some(group) = &matching.group {
                self.put(if group.left { "group_left " } else { "group_right " });
                self.labels(&group.include);
                self.put(" ");
            }
        }
        for (name, value) in [("fill_left", operator.fill_left), ("fill_right", operator.fill_right)] {
            if let Some(value) = value {
                let _ = write!(self.out, "{name}(");
                number(value, &mut self.out);
                self.put(") ");
            }
        }
    }

    fn labels(&mut self, labels: &[String]) {
        self.put("(");
        for (i, label) in labels.iter().enumerate() {
            if i > 0 {
                self.put(", ");
            }
            name_or_quoted(label.as_bytes(), &mut self.out);
        }
        self.put(")");
    }

    fn selector(&mut self, selector: &Selector) {
        if let Some(name) = &selector.name {
            self.put(name);
        }
        if selector.name.is_none() || !selector.matchers.is_empty() {
            self.put("{");
            let mut ordered: Vec<&Matcher> = selector.matchers.iter().collect();
            ordered.sort_by(|a, b| a.label.cmp(&b.label));
            for (i, matcher) in ordered.into_iter().enumerate() {
                if i > 0 {
                    self.put(",");
                }
                matcher_text(matcher, &mut self.out);
            }
            self.put("}");
        }
        if let Some(range) = &selector.range {
            self.put("[");
            self.duration(range);
            self.put("]");
        }
        match selector.edges {
            None => {}
            Some(Edges::Anchored) => self.put(" anchored"),
            Some(Edges::Smoothed) => self.put(" smoothed"),
        }
        self.modifiers(selector.at, selector.offset.as_ref())
    }

    fn modifiers(&mut self, at: Option<At>, offset: Option<&Duration>) {
        match at {
            None => {}
            Some(At::Start) => self.put(" @ start()"),
            Some(At::End) => self.put(" @ end()"),
            Some(At::Millis(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                let _ = write!(self.out, " @ {sign}{}.{:03}", ms / 1000, ms % 1000);
            }
        }
        if let Some(offset) = offset {
            self.put(" offset ");
            match (offset.is_literal(), self.window) {
                (false, None) => offset.write_offset(&mut self.out),
                (_, window) => self.value(offset, window.unwrap_or_default()),
            }
        }
    }

    fn duration(&mut self, duration: &Duration) {
        match (duration.is_literal(), self.window) {
            (false, None) => duration.write(&mut self.out),
            (_, window) => self.value(duration, window.unwrap_or_default()),
        }
    }

    fn value(&mut self, duration: &Duration, window: Window) {
        match duration.eval(window) {
            Ok(nanos) => write_nanos(nanos, &mut self.out),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

fn number(value: f64, out: &mut String) {
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}", if value > 0.0 { "Inf" } else { "-Inf" })
    } else if value != 0.0 && !(1e-7..1e21).contains(&value.abs()) {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    };
}

fn matcher_text(matcher: &Matcher, out: &mut String) {
    if matcher.label == b"__name__" && matcher.op == MatchOp::Equal {
        return quoted(&matcher.value, out);
    }
    name_or_quoted(&matcher.label, out);
    out.push_str(match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    });
    quoted(&matcher.value, out);
}

/// Words that no label position reads as a label.
fn reserved(lower: &str) -> bool {
    matches!(lower, "without" | "inf" | "nan")
}

fn name_or_quoted(label: &[u8], out: &mut String) {
    let plain = label.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_') && label.first().is_some_and(|b| !b.is_ascii_digit());
    match std::str::from_utf8(label) {
        Ok(text) if plain && !reserved(&text.to_ascii_lowercase()) => out.push_str(text),
        _ => quoted(label, out),
    }
}

/// A double-quoted string with exactly these bytes, valid UTF-8 or not.
fn quoted(bytes: &[u8], out: &mut String) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '\u{FFFD}' => out.push_str("\\ufffd"),
                c if c.is_control() => {
                    let _ = write!(out, "\\u{:04x}", c as u32);
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
}
