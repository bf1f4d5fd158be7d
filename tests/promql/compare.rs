//! One text, us and Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hecate::promql::{
    ConflictMode, ErrorKind, Features, MetricName, NameGuard, Options, Query, Refusal, Rule, ScopeError, ScopedQuery, TenantRules, Window,
    parse,
};
use serde_json::Value;

use crate::ast::{RANGE, STEP, fold, loose, matchers, unfoldable};
use crate::bare_prometheus::BarePrometheus;
use crate::http::{Answer, Client};

#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) features: Features,
}

/// How many texts took which way.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) accepted: usize,
    rejected: usize,
    unanswered: usize,
    folded: usize,
    both_invalid: usize,
    pub(crate) injected: usize,
    info_refused: usize,
}

impl Tally {
    pub(crate) const HEADER: &str =
        "corpus | expressions | both accept | both reject | unanswered | folded same | both invalid | injected right | info refused";

    pub(crate) fn row(&self, name: &str, count: usize) -> String {
        let Tally { accepted, rejected, unanswered, folded, both_invalid, injected, info_refused } = self;
        format!("{name} | {count} | {accepted} | {rejected} | {unanswered} | {folded} | {both_invalid} | {injected} | {info_refused}")
    }

    fn add(&mut self, other: Tally) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.unanswered += other.unanswered;
        self.folded += other.folded;
        self.both_invalid += other.both_invalid;
        self.injected += other.injected;
        self.info_refused += other.info_refused;
    }
}

/// Compares all texts, over a few connections; the differences, described.
pub(crate) fn all(judge: &BarePrometheus, texts: &[String], dialect: Dialect) -> (Tally, Vec<String>) {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut comparison =
            Comparison { client: Client::connect(judge.address), options: options(dialect), tally: Tally::default(), problems: Vec::new() };
        while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(problem) = comparison.text(text) {
                comparison.problems.push(format!("{text:?}: {problem}"));
            }
        }
        (comparison.tally, comparison.problems)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(worker)).collect();
        let (mut tally, mut problems) = (Tally::default(), Vec::new());
        for worker in workers {
            let (part, mut found) = worker.join().expect("a worker");
            tally.add(part);
            problems.append(&mut found);
        }
        (tally, problems)
    })
}

fn options(dialect: Dialect) -> Options {
    Options { selectors: 5000, features: dialect.features, ..Options::default() }
}

/// Every metric carries its tenant in `namespace`.
struct Tenants(&'static [&'static str]);

impl TenantRules for Tenants {
    fn rule(&self, _: MetricName<'_>) -> Result<Rule, Refusal> {
        let values: Arc<[String]> = self.0.iter().map(|v| (*v).to_owned()).collect();
        Ok(Rule::Tenant { label: "namespace".into(), values, names: NameGuard::default() })
    }

    fn everything(&self) -> Vec<Rule> {
        Vec::new()
    }
}

struct Comparison {
    client: Client,
    options: Options,
    tally: Tally,
    problems: Vec<String>,
}

impl Comparison {
    fn text(&mut self, text: &str) -> Result<(), String> {
        let ours = parse(text, &self.options);
        if let Err(error) = &ours
            && matches!(error.kind, ErrorKind::Internal | ErrorKind::Bound { .. })
        {
            return Err(format!("INTERNAL OR BOUND: {error}"));
        }
        let theirs = match (self.client.parse_query(text), &ours) {
            (Answer::Unanswered, _) => {
                self.tally.unanswered += 1;
                return Ok(());
            }
            (Answer::Rejected(_), Err(error)) => {
                self.tally.rejected += 1;
                let placed = error.span.start <= error.span.end && error.span.end <= text.len();
                return if placed { Ok(()) } else { Err(format!("ERROR OUTSIDE OF THE TEXT: {error:?}")) };
            }
            (Answer::Rejected(error), Ok(_)) => return Err(format!("WRONGLY ACCEPTED: {error}")),
            (Answer::Tree(_), Err(error)) => return Err(format!("WRONGLY REJECTED: {error}")),
            (Answer::Tree(tree), Ok(_)) => tree,
        };
        let ours = ours.map_err(|error| error.to_string())?;
        self.tally.accepted += 1;
        self.unfolded(&ours, &theirs)?;
        self.folded(&ours, &theirs)?;
        // Two kinds of matchers, each asked of half of the texts.
        let tenants: &'static [&'static str] = if text.len().is_multiple_of(2) { &["a"] } else { &["a", "b-1"] };
        self.injected(text, tenants, &theirs)
    }

    fn tree(&mut self, text: &str) -> Result<Value, String> {
        match self.client.parse_query(text) {
            Answer::Tree(tree) => Ok(tree),
            Answer::Rejected(error) => Err(format!("PRINTED TEXT REJECTED: {text:?}: {error}")),
            Answer::Unanswered => Err(format!("PRINTED TEXT UNANSWERED: {text:?}")),
        }
    }

    fn unfolded(&mut self, ours: &Query, theirs: &Value) -> Result<(), String> {
        let text = ours.text(None).map_err(|error| error.to_string())?;
        let again = parse(&text, &self.options).and_then(|q| q.text(None)).map_err(|error| format!("{text:?}: {error}"))?;
        if again != text {
            return Err(format!("NO FIXED POINT: {text:?} becomes {again:?}"));
        }
        let printed = loose(self.tree(&text)?);
        if printed == loose(theirs.clone()) { Ok(()) } else { Err(format!("UNFOLDED DIFFERS: {text:?}")) }
    }

    fn folded(&mut self, ours: &Query, theirs: &Value) -> Result<(), String> {
        let want = loose(fold(loose(theirs.clone())));
        let window = Window { step_ms: (STEP * 1000.0) as i64, range_ms: (RANGE * 1000.0) as i64 };
        match ours.text(Some(window)) {
            Err(_) if unfoldable(&want) => self.tally.both_invalid += 1,
            // Accepted upstream, and of no value: `offset nan`.
            Err(error) if ours.source().to_ascii_lowercase().contains("nan") => {
                self.tally.both_invalid += usize::from(!error.message.is_empty());
            }
            Err(error) => return Err(format!("FOLDING REFUSED: {error}")),
            Ok(text) => {
                if loose(self.tree(&text)?) != want {
                    return Err(format!("FOLDED DIFFERS: {text:?}"));
                }
                self.tally.folded += 1;
            }
        }
        Ok(())
    }

    /// Every selector of Prometheus' tree has exactly the matchers of the original, and ours where it is not bound already.
    fn injected(&mut self, text: &str, tenants: &'static [&'static str], theirs: &Value) -> Result<(), String> {
        let scoped = match ScopedQuery::new(text, &Tenants(tenants), &self.options, ConflictMode::Empty) {
            Ok(scoped) => scoped,
            Err(ScopeError::Refused { refusal, .. }) if refusal.message.contains("info()") => {
                self.tally.info_refused += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("NOT SCOPED: {error}")),
        };
        let enforced = scoped.text(None).map_err(|error| error.to_string())?;
        let mut tree = loose(self.tree(enforced.as_str())?);
        let mut want = loose(theirs.clone());
        let (ours, originals) = (matchers(&mut tree), matchers(&mut want));
        if ours.len() != originals.len() || ours.len() != scoped.selectors().len() {
            return Err(format!("OTHER NUMBER OF SELECTORS: {:?}", enforced.as_str()));
        }
        for (ours, original) in ours.into_iter().zip(originals) {
            let is_tenant = |m: &Value| {
                let equal = m["type"] == "=" && tenants.iter().any(|t| m["value"] == *t);
                let listed = m["type"] == "=~" && m["value"] == tenants.join("|");
                m["name"] == "namespace" && (equal || listed)
            };
            if original.iter().any(is_tenant) {
                continue;
            }
            match ours.iter().position(is_tenant) {
                Some(at) => drop(ours.remove(at)),
                None => return Err(format!("SELECTOR WITHOUT MATCHER: {:?}", enforced.as_str())),
            }
        }
        if tree != want {
            return Err(format!("INJECTED DIFFERS: {:?}", enforced.as_str()));
        }
        self.tally.injected += 1;
        Ok(())
    }
}
