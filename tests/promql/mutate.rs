//! Many near-valid expressions from a corpus: tokens deleted, inserted, replaced, spliced, wrapped.

use crate::rng::Rng;

const EXTRA: [&str; 68] = [
    "anchored",
    "smoothed",
    "offset 5m",
    "offset -(1m+step())",
    "offset (5)",
    "@ 5",
    "@ -1.5",
    "@ start()",
    "@ end()",
    "[5m]",
    "[5m:1m]",
    "[5m:]",
    "[step()]",
    "[range()/2]",
    "[max_of(5m, step()*2)]",
    "</",
    ">/",
    "bool",
    "on()",
    "on(a)",
    "ignoring(a,b)",
    "group_left",
    "group_left(x)",
    "group_right()",
    "by (a)",
    "without ()",
    "-",
    "+",
    "^",
    "*",
    "and",
    "or",
    "unless",
    "atan2",
    "1_000",
    "0x1f",
    "017",
    "1e3",
    ".5",
    "Inf",
    "nan",
    "1h30m",
    "`a\\b`",
    "'\\x41'",
    "{a=~`x\\.y`}",
    "{\"q.n\", \"l.b\"!~\"z\"}",
    "sum",
    "min",
    "rate",
    "time()",
    "(",
    ")",
    ",",
    "foo",
    "offset",
    "step()",
    "range",
    "# c\n",
    "{}",
    "{a=\"\"}",
    "vector(1)",
    "fill(0)",
    "ü.x",
    "größe{ä.b='1'}",
    "by (é.f, x)",
    "a.b",
    ".b",
    "中文",
];

pub(crate) fn texts(seed: u64, count: usize, corpus: &[&str]) -> Vec<String> {
    let mut rng = Rng::new(seed);
    let pool: Vec<Vec<String>> = corpus.iter().filter(|t| t.len() < 300).map(|t| tokens(t)).filter(|t| !t.is_empty()).collect();
    (0..count).map(|_| mutant(&mut rng, &pool)).filter(|t| !t.contains('\u{FFFD}')).collect()
}

fn mutant(rng: &mut Rng, pool: &[Vec<String>]) -> String {
    let mut tokens = pool[rng.below(pool.len())].clone();
    for _ in 0..rng.pick(&[&1, &1, &1, &2, &3]).to_owned() {
        let at = rng.below(tokens.len() + 1);
        let hit = at.min(tokens.len().saturating_sub(1));
        let extra = format!(" {} ", rng.pick(&EXTRA));
        match rng.below(6) {
            0 if !tokens.is_empty() => drop(tokens.remove(hit)),
            1 => tokens.insert(at, extra),
            2 if !tokens.is_empty() => tokens[hit] = extra,
            3 => {
                let other = &pool[rng.below(pool.len())];
                let from = rng.below(other.len());
                let to = (from + 1 + rng.below(5)).min(other.len());
                tokens.splice(at..at, [" ".to_owned()].into_iter().chain(other[from..to].iter().cloned()).chain([" ".to_owned()]));
            }
            4 => {
                let operator = rng.pick(&["+", "</", ">/", "and", "^", "* on() ", "- ignoring(a) group_left(b)", "== bool"]);
                tokens.push(format!(" {operator} "));
                tokens.extend_from_slice(&pool[rng.below(pool.len())]);
            }
            _ => {
                tokens.insert(0, rng.pick(&["-(", "+", "sum by (a) (", "(", "rate((", "topk(scalar(x), "]).to_owned());
                tokens.push(")".to_owned());
            }
        }
    }
    tokens.concat()
}

/// Roughly Prometheus' tokens; blanks are tokens too.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let from = at;
        let run = |at: &mut usize, more: &dyn Fn(char) -> bool| {
            while chars.get(*at).is_some_and(|&c| more(c)) {
                *at += 1;
            }
        };
        at += 1;
        match chars[from] {
            quote @ ('"' | '\'' | '`') => {
                while at < chars.len() && chars[at] != quote {
                    at += if chars[at] == '\\' && quote != '`' { 2 } else { 1 };
                }
                at = (at + 1).min(chars.len());
            }
            c if c.is_whitespace() => run(&mut at, &char::is_whitespace),
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => run(&mut at, &|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'),
            c if c.is_ascii_digit() || c == '.' => run(&mut at, &|c| c.is_ascii_alphanumeric() || c == '_' || c == '.'),
            '=' | '!' | '<' | '>' if matches!(chars.get(at), Some('=' | '~' | '/')) => at += 1,
            _ => {}
        }
        out.push(chars[from..at].iter().collect());
    }
    out
}
