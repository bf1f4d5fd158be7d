//! Whether a question is one that a dashboard asks itself: one of its texts with values for the variables, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use super::filled::{Piece, own_values, pieces};
use super::queries::{label_lists, stored_queries};

/// Bytes that one value of a variable may have.
const MOST_VALUE: usize = 4096;

/// What somebody asks who has nothing but a dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// An expression.
    Expression(String),
    /// The series of some selectors.
    Series(Vec<String>),
    /// The names of labels of the series of some selectors, or of all.
    LabelNames(Vec<String>),
    /// The values of a label there.
    LabelValues(String, Vec<String>),
}

/// Whether the dashboard asks this.
pub fn stands_in(document: &Value, question: &Question) -> bool {
    let own = own_values(document);
    let fits = |template: &str, text: &str| is_filled_form_of(template, text, &own);
    let covers = |templates: &[String], texts: &[String]| match texts {
        // Without a selector it is about everything there is.
        [] => templates.is_empty(),
        texts => texts.iter().all(|text| templates.iter().any(|template| fits(template, text))),
    };
    match question {
        Question::Expression(text) => stored_queries(document).iter().any(|stored| !stored.is_selector && fits(&stored.text, text)),
        Question::Series(texts) => !texts.is_empty() && label_lists(document).iter().any(|list| covers(&list.matchers, texts)),
        Question::LabelNames(texts) => label_lists(document).iter().any(|list| list.label.is_none() && covers(&list.matchers, texts)),
        Question::LabelValues(label, texts) => label_lists(document)
            .iter()
            .any(|list| list.label.as_deref().is_some_and(|own| fits(own, label)) && covers(&list.matchers, texts)),
    }
}

/// Whether a text is this one with values in it. Between quotes a value is anything that does not end them. Elsewhere it is a number, a duration, one of
/// the document's own values, or, where labels are listed, the name of one: a name of a metric would make it another query.
/// In time proportional to the product of both lengths at worst.
fn is_filled_form_of(template: &str, text: &str, own: &BTreeMap<String, Vec<String>>) -> bool {
    let pieces = pieces(template);
    let (fixed, variables) = pieces.iter().fold((0, 0), |(fixed, variables), piece| match piece {
        Piece::Text(text) => (fixed + text.len(), variables),
        Piece::Variable(_) => (fixed, variables + 1),
    });
    if text.len() < fixed || text.len() > fixed + variables * MOST_VALUE {
        return false;
    }
    let bytes = text.as_bytes();
    // The places in the text at which the pieces so far can have ended.
    let mut ends = vec![false; bytes.len() + 1];
    ends[0] = true;
    let mut around = Around::default();
    for piece in pieces {
        let mut next = vec![false; bytes.len() + 1];
        let starts = ends.iter().enumerate().filter(|(_, can)| **can).map(|(at, _)| at);
        match piece {
            Piece::Text(literal) => {
                for at in starts.filter(|at| bytes[*at..].starts_with(literal.as_bytes())) {
                    next[at + literal.len()] = true;
                }
                around.pass(literal);
            }
            Piece::Variable(_) if around.quote.is_some() => run(&ends, &mut next, bytes, is_quoted),
            Piece::Variable(name) => {
                for at in starts {
                    number(bytes, at, &mut next);
                }
                own_ones(&ends, &mut next, bytes, own.get(name).map_or(&[], Vec::as_slice));
                if around.lists_labels {
                    run(&ends, &mut next, bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b',');
                }
            }
        }
        if !next.contains(&true) {
            return false;
        }
        ends = next;
    }
    ends[bytes.len()]
}

/// What a place in a text is surrounded by.
#[derive(Default)]
struct Around {
    /// The quote that is open.
    quote: Option<u8>,
    /// Between the parentheses of `by (…)` and its kin.
    lists_labels: bool,
}

impl Around {
    /// Goes on behind a text.
    fn pass(&mut self, text: &str) {
        let mut escaped = false;
        // What stands outside of quotes since the last of them.
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            match (self.quote, byte) {
                _ if escaped => escaped = false,
                // Between backticks a backslash is one.
                (Some(b'"' | b'\''), b'\\') => escaped = true,
                (Some(open), byte) if open == byte => (self.quote, plain) = (None, at + 1),
                (None, b'"' | b'\'' | b'`') => (self.quote, self.lists_labels) = (Some(byte), false),
                _ => {}
            }
        }
        if self.quote.is_none() {
            self.pass_plain(&text[plain..]);
        }
    }

    fn pass_plain(&mut self, text: &str) {
        let is_list = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b' '));
        self.lists_labels = match text.rsplit_once('(') {
            Some((before, inside)) => {
                let word = before.trim_end().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                let opens = ["by", "without", "on", "ignoring", "group_left", "group_right"];
                is_list(inside) && opens.iter().any(|known| word.eq_ignore_ascii_case(known))
            }
            None => self.lists_labels && is_list(text),
        };
    }
}

/// From every place on as far as the bytes are of one kind.
fn run(ends: &[bool], next: &mut [bool], bytes: &[u8], is_of_it: impl Fn(u8) -> bool) {
    let mut open = false;
    for at in 0..=bytes.len() {
        open |= ends[at];
        next[at] |= open;
        open &= bytes.get(at).is_some_and(|byte| is_of_it(*byte));
    }
}

fn is_quoted(byte: u8) -> bool {
    !byte.is_ascii_control() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\')
}

/// A word that begins with a digit is never a name.
fn number(bytes: &[u8], at: usize, next: &mut [bool]) {
    let from = at + usize::from(bytes.get(at) == Some(&b'-'));
    if !bytes.get(from).is_some_and(u8::is_ascii_digit) {
        return;
    }
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
    next[from + 1..=from + length].fill(true);
}

/// One of the known values, or several with `,` or `|` between them.
fn own_ones(ends: &[bool], next: &mut [bool], bytes: &[u8], known: &[String]) {
    let mut begins = ends.to_vec();
    for at in 0..bytes.len() {
        if !begins[at] {
            continue;
        }
        for value in known.iter().filter(|value| bytes[at..].starts_with(value.as_bytes())) {
            let end = at + value.len();
            next[end] = true;
            if matches!(bytes.get(end), Some(b',' | b'|')) {
                begins[end + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::filled;
    use super::*;

    fn fits(template: &str, text: &str) -> bool {
        let own = [("n".to_owned(), vec!["one".to_owned(), "two".to_owned()])].into();
        is_filled_form_of(template, text, &own)
    }

    #[test]
    fn a_filled_form_is_recognised_and_nothing_else() {
        let template = "sum(rate(x{ns=\"$ns\",pod=~\"${pods:regex}\"}[$__rate_interval]))";
        for text in [
            "sum(rate(x{ns=\"a\",pod=~\"b-[0-9]+|c\"}[5m]))",
            "sum(rate(x{ns=\"\",pod=~\"\"}[1h30m]))",
            "sum(rate(x{ns=\"a\",pod=~\"b-(c|d)-.* e\"}[5m]))",
        ] {
            assert!(fits(template, text), "{text}");
        }
        for text in [
            "",
            "sum(rate(y{ns=\"a\",pod=~\"b\"}[5m]))",
            "sum(rate(x{ns=\"a\"} or secret{a=\"\",pod=~\"b\"}[5m]))",
            "sum(rate(x{ns=\"a\",pod=~\"b\"}[5m])) + 1",
            "sum(rate(x{ns=\"a\",pod=~\"b\"}[5m] offset 1d))",
            "sum(rate(x{ns=\"a\\\",pod=~\"b\"}[5m]))",
        ] {
            assert!(!fits(template, text), "{text}");
        }
        assert!(fits("up", "up") && !fits("up", "up2") && fits("\"$a$b\"", "\"xy\""));
        assert!(!fits("x{a=\"$a\"}", &format!("x{{a=\"{}\"}}", "y".repeat(MOST_VALUE + 1))));
    }

    #[test]
    fn outside_of_quotes_no_other_metric_can_be_named() {
        for (template, good, bad) in [
            ("topk($k, up)", "topk(5, up)", "topk(count(secret), up)"),
            ("up > $threshold", "up > -1.5e3", "up > secret"),
            ("up > $threshold", "up > 0x1f", "up > 5*secret"),
            ("rate($n[5m])", "rate(one[5m])", "rate(three[5m])"),
            ("up + $n", "up + two", "up + onetwo"),
            ("up offset $o", "up offset 1d", "up offset 1d or secret"),
        ] {
            assert!(fits(template, good), "{good}");
            assert!(!fits(template, bad), "{bad}");
        }
    }

    #[test]
    fn labels_can_be_listed_where_labels_are() {
        assert!(fits("sum by ($labels) (x)", "sum by (pod,node) (x)"));
        assert!(fits("sum BY(a, ${b:csv}, $c)(x)", "sum BY(a, b, c)(x)"));
        assert!(fits("a * on ($l) group_left($r) b", "a * on (x) group_left(y) b"));
        assert!(fits("sum by ($n) (x)", "sum by (one|two) (x)"), "its own values go anywhere");
        assert!(!fits("sum by ($labels) (x)", "sum by (pod) (secret) or (x)"));
        assert!(!fits("sum by (a) (x + $y)", "sum by (a) (x + secret)"));
        assert!(!fits("label_replace(x, \"by (\", $y)", "label_replace(x, \"by (\", secret)"));
        assert!(!fits("ruby($y)", "ruby(secret)"));
    }

    #[test]
    fn variables_ask_for_their_own_labels() {
        let list = |kind: &str, spec: Value| json!({"kind": "ListVariable", "spec": {"name": "v", "plugin": {"kind": kind, "spec": spec}}});
        let document = json!({"spec": {"variables": [
            list("PrometheusLabelValuesVariable", json!({"labelName": "job", "matchers": ["up{a=\"$v\"}"]})),
            list("PrometheusLabelValuesVariable", json!({"labelName": "zone"})),
            list("PrometheusLabelNamesVariable", json!({"matchers": ["down"]})),
            list("PrometheusPromQLVariable", json!({"expr": "group(x)", "labelName": "y"})),
        ]}});
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let values = |label: &str, matches: &[&str]| Question::LabelValues(label.to_owned(), texts(matches));
        for (question, expected) in [
            (values("job", &["up{a=\"x\"}"]), true),
            (values("job", &["up{a=\"x\"}", "up"]), false),
            (values("job", &[]), false),
            (values("pod", &["up{a=\"x\"}"]), false),
            (values("zone", &[]), true),
            (values("zone", &["up{a=\"x\"}"]), false),
            (Question::LabelNames(texts(&["down"])), true),
            (Question::LabelNames(texts(&[])), false),
            (Question::Series(texts(&["down"])), true),
            (Question::Series(texts(&[])), false),
            (Question::Series(texts(&["secret"])), false),
            (Question::Expression("group(x)".to_owned()), true),
            (Question::Expression("down".to_owned()), false),
        ] {
            assert_eq!(stands_in(&document, &question), expected, "{question:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_filled_in_is_recognised(template in "[a-c$\\{\\}\"]{0,12}", value in "[a-z0-9.|-]{1,5}") {
            let names = ["a", "b", "c", "aa", "ab"];
            let values = names.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            let mut own: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), vec![value.clone()])).collect();
            // What nobody knows is filled in as x.
            for piece in pieces(&template) {
                if let Piece::Variable(name) = piece {
                    own.entry(name.to_owned()).or_insert_with(|| vec!["x".to_owned()]);
                }
            }
            prop_assert!(is_filled_form_of(&template, &filled(&template, &values), &own));
        }
    }
}
