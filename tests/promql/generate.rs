//! Random expressions from the grammar of Prometheus 3.16, most of them valid.

use crate::rng::Rng;

const WORDS: [&str; 31] = [
    "foo",
    "up",
    "a:b:c",
    "sum",
    "min",
    "and",
    "or",
    "unless",
    "by",
    "without",
    "offset",
    "start",
    "end",
    "step",
    "range",
    "anchored",
    "smoothed",
    "max_of",
    "min_of",
    "group",
    "quantile",
    "limitk",
    "fill",
    "fill_left",
    "Foo",
    "SUM",
    "e1",
    "x_1",
    "infx",
    "up",
    "größe.x",
];
const LABELS: [&str; 20] = [
    "a",
    "b",
    "job",
    "sum",
    "by",
    "on",
    "bool",
    "offset",
    "anchored",
    "step",
    "group_left",
    "or",
    "INSTANCE",
    "\"a.b\"",
    "'x y'",
    "`q\\w`",
    "\"1\"",
    "\"without\"",
    "\"inf\"",
    "a:b",
];
const STRINGS: [&str; 18] = [
    "\"x\"",
    "'y'",
    "`z`",
    "\"a\\\"b\"",
    "'\\''",
    "`\\d+\\.x`",
    "\"\\x41\\101\\u00e9\\U0001F600\"",
    "\"\\xff\\xfe\"",
    "\"ü€\"",
    "\"\"",
    "\"a\\nb\"",
    "`a\nb`",
    "\"#\"",
    "\"}\"",
    "`\"`",
    "\"\\\\\"",
    "\"\\x00\"",
    "\"\u{7f}\"",
];
const REGEXES: [&str; 15] = [
    "\".+\"",
    "\"a|b\"",
    "`\\d+\\.x`",
    "'[^/]*'",
    "\".*\"",
    "\"\\\\Qa.b\\\\E\"",
    "\"(?i)x\"",
    "\"a{2,3}\"",
    "`[[:alpha:]]+`",
    "\"a{\"",
    "`\\pL+`",
    "\"\"",
    "`(?P<n>x)`",
    "`[a-z&&b]`",
    "`\\x{41}`",
];
const OPERATORS: [&str; 19] =
    ["+", "-", "*", "/", "%", "^", "==", "!=", "<", "<=", ">", ">=", "</", ">/", "and", "or", "unless", "atan2", "AND"];

pub(crate) fn texts(seed: u64, count: usize) -> Vec<String> {
    let mut g = Generator { rng: Rng::new(seed) };
    let mut one = || match g.rng.below(5) {
        0..=2 => g.vector(0, false),
        3 => g.scalar(0),
        _ => g.matrix(0),
    };
    (0..count).map(|_| one()).filter(|text| text.len() < 8000).collect()
}

struct Generator {
    rng: Rng,
}

impl Generator {
    fn pick(&mut self, list: &[&str]) -> String {
        self.rng.pick(list).to_owned()
    }

    fn space(&mut self) -> String {
        if self.rng.percent(10) { self.pick(&[" ", " ", "", "  ", "\n", " # c '\" [\n"]) } else { " ".into() }
    }

    fn literal(&mut self) -> String {
        self.pick(&["5m", "1h30m", "300", "90s", "1d", "2w", "1y", "5ms", "1.5", "0x10", "017", "1_000", ".5", "1e3", "100", "1m", "30"])
    }

    fn duration(&mut self, depth: usize) -> String {
        let kind = self.rng.below(if depth < 3 { 11 } else { 3 });
        match kind {
            0 | 1 => self.literal(),
            2 => self.pick(&["step()", "range()", "STEP( )", "Range()"]),
            3 => format!("({})", self.duration(depth + 1)),
            4 => format!("{}{}", self.pick(&["+", "-"]), self.duration(depth + 1)),
            5 => format!("{}({}, {})", self.pick(&["min_of", "max_of", "MAX_OF"]), self.duration(depth + 1), self.duration(depth + 1)),
            _ => {
                let operator = self.pick(&["+", "-", "*", "/", "%", "^", "+"]);
                format!("{}{}{operator}{}{}", self.duration(depth + 1), self.space(), self.space(), self.duration(depth + 1))
            }
        }
    }

    fn positive(&mut self) -> String {
        if self.rng.percent(60) { self.literal() } else { self.duration(0) }
    }

    fn offset(&mut self) -> String {
        match self.rng.below(5) {
            0 => self.literal(),
            1 => format!("{}{}{}", self.pick(&["+", "-"]), self.space(), self.literal()),
            2 => {
                let pick = format!("max_of({},{})", self.duration(2), self.duration(2));
                format!("{}{}", self.pick(&["", "-", "+"]), self.pick(&["step()", "range()", &pick]))
            }
            3 => format!("{}({})", self.pick(&["", "-", "+", "- "]), self.duration(1)),
            _ => self.duration(0),
        }
    }

    fn labels(&mut self) -> String {
        let count = self.rng.below(4);
        format!("({})", (0..count).map(|_| self.pick(&LABELS)).collect::<Vec<_>>().join(", "))
    }

    fn braces(&mut self) -> String {
        let count = self.rng.below(4);
        let matchers: Vec<String> = (0..count).map(|_| self.matcher()).collect();
        let comma = if count > 0 && self.rng.percent(10) { "," } else { "" };
        format!("{{{}{comma}}}", matchers.join(","))
    }

    fn matcher(&mut self) -> String {
        let label = self.pick(&LABELS[..19]);
        match self.rng.below(8) {
            0 => "\"quoted.name\"".into(),
            1..=4 => format!("{label}{}{}{}", self.space(), self.pick(&["=", "!="]), self.pick(&STRINGS)),
            _ => format!("{label}{}{}", self.pick(&["=~", "!~"]), self.pick(&REGEXES)),
        }
    }

    fn modifiers(&mut self, edges: bool) -> String {
        let mut out = Vec::new();
        if self.rng.percent(25) {
            out.push(format!("offset {}", self.offset()));
        }
        if self.rng.percent(20) {
            out.push(format!("@ {}", self.pick(&["5", "-5.25", "+1e3", "start()", "end()", "1h", "START( )", "0", "1603774568"])));
        }
        if edges && self.rng.percent(15) {
            out.push(self.pick(&["anchored", "smoothed", "ANCHORED"]));
        }
        if self.rng.percent(50) {
            out.reverse();
        }
        out.iter().map(|m| format!(" {m}")).collect()
    }

    fn instant(&mut self) -> String {
        match self.rng.below(5) {
            0 => self.pick(&WORDS),
            1 => format!("{}{}", self.pick(&WORDS), self.braces()),
            2 => format!("{}{}{}", self.pick(&WORDS), self.space(), self.braces()),
            3 => format!("{{{}=\"v\"}}", self.pick(&LABELS[..3])),
            _ => self.braces(),
        }
    }

    fn matrix(&mut self, depth: usize) -> String {
        if self.rng.percent(30) {
            let step = if self.rng.percent(70) { self.positive() } else { String::new() };
            return format!("{}[{}:{step}]{}", self.vector(depth + 1, true), self.positive(), self.modifiers(false));
        }
        let early = if self.rng.percent(5) { " anchored" } else { "" };
        format!("{}{early}[{}{}{}]{}", self.instant(), self.space(), self.positive(), self.space(), self.modifiers(true))
    }

    fn scalar(&mut self, depth: usize) -> String {
        match self.rng.below(if depth < 3 { 7 } else { 1 }) {
            0..=2 => self.pick(&[
                "1",
                "0.5",
                "-1",
                "1_000",
                "0x1f",
                "Inf",
                "NaN",
                "1e-7",
                "1e300",
                "5m",
                "017",
                "- -2",
                "+3",
                "1.",
                "-0",
                "1e21",
                "123456789012345680",
            ]),
            3 => format!("scalar({})", self.vector(depth + 1, false)),
            4 => self.pick(&["time()", "pi()"]),
            5 => format!("({})", self.scalar(depth + 1)),
            _ => {
                let operator = self.pick(&["+", "-", "*", "/", "%", "^", "atan2", "</", ">/", "== bool", "< bool"]);
                format!("{}{}{operator} {}", self.scalar(depth + 1), self.space(), self.scalar(depth + 1))
            }
        }
    }

    fn matching(&mut self, set: bool) -> String {
        if self.rng.percent(50) {
            return String::new();
        }
        let mut out = format!("{}{}", self.pick(&[" on ", " ignoring ", " ON"]), self.labels());
        if !set && self.rng.percent(50) {
            let labels = self.labels();
            out += &format!("{}{}", self.pick(&[" group_left", " group_right"]), self.pick(&["", &labels]));
        }
        if !set && self.rng.percent(8) {
            out += &self.pick(&[" fill(0)", " fill_left(-1)", " fill_left(1) fill_right(2)", " fill_right (1e3)"]);
        }
        out
    }

    fn vector(&mut self, depth: usize, atom: bool) -> String {
        let next = depth + 1;
        match self.rng.below(if depth < 4 { 15 } else { 4 }) {
            0..=3 => format!("{}{}", self.instant(), self.modifiers(true)),
            4 => format!("({})", self.vector(next, false)),
            5 | 6 => {
                let name = self.pick(&["sum", "min", "count", "AVG", "group", "stddev"]);
                let grouping = format!("{} {}", self.pick(&["by", "without", "BY"]), self.labels());
                let inner = self.vector(next, false);
                self.pick(&[&format!("{name}({inner})"), &format!("{name} {grouping} ({inner})"), &format!("{name}({inner}) {grouping}")])
            }
            7 => {
                let (scalar, inner, string) = (self.scalar(next), self.vector(next, false), self.pick(&STRINGS));
                self.pick(&[
                    &format!("topk({scalar}, {inner})"),
                    &format!("quantile by (x) ({scalar}, {inner})"),
                    &format!("count_values({string}, {inner})"),
                    &format!("limitk({scalar}, {inner})"),
                ])
            }
            8 => {
                let function = self.pick(&["rate", "increase", "sum_over_time", "resets", "absent_over_time", "mad_over_time"]);
                format!("{function}({})", self.matrix(depth))
            }
            9 => {
                let (scalar, inner, string) = (self.scalar(next), self.vector(next, false), self.pick(&STRINGS));
                let braces = self.braces();
                self.pick(&[
                    &format!("abs({inner})"),
                    &format!("clamp({inner}, {scalar}, {scalar})"),
                    &format!("vector({scalar})"),
                    &format!("round({inner})"),
                    "hour()",
                    &format!("label_replace({inner}, \"a\", {string}, 'b', `(\\d+)\"`)"),
                    &format!("histogram_quantile({scalar}, {inner})"),
                    &format!("absent({inner})"),
                    &format!("info({inner}, {braces})"),
                ])
            }
            _ if atom => format!("({})", self.vector(next, false)),
            10 => format!("{}{}", self.pick(&["-", "+", "- -", "-+"]), self.vector(next, false)),
            _ => {
                let operator = self.pick(&OPERATORS);
                let set = matches!(operator.to_ascii_lowercase().as_str(), "and" | "or" | "unless");
                let side = self.rng.below(4);
                if set || side > 1 {
                    let (left, matching, right) = (self.vector(next, false), self.matching(set), self.vector(next, false));
                    return format!("{left}{}{operator}{matching} {right}", self.space());
                }
                let compares = matches!(operator.as_str(), "==" | "!=" | "<" | "<=" | ">" | ">=");
                let returns = if compares && self.rng.percent(30) { " bool" } else { "" };
                let (vector, scalar) = (self.vector(next, false), self.scalar(next));
                if side == 1 { format!("{vector} {operator}{returns} {scalar}") } else { format!("{scalar} {operator}{returns} {vector}") }
            }
        }
    }
}
