//! The one way from a user's text to a text that may go upstream.

use std::sync::{Arc, OnceLock};

use super::cost::Cost;
use super::enforce::{self, ConflictMode, Problem};
use super::error::{Place, caret};
use super::print::print_selector;
use super::query::{self, Query};
use super::rules::{NameGuard, Refusal, Rule, TenantRules};
use super::selectors::SelectorInfo;
use super::time::TimeDependence;
use super::{Options, ParseError, Span, Window, parse, shape, walk};

/// A text whose every selector is bound to what one caller may read.
///
/// Only this module makes one, after reading the text once more. Upstream clients take nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnforcedText(Arc<str>);

impl EnforcedText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text does not become a query of this caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It is not the PromQL that the backends take.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A selector reads what the caller may not.
    #[error("{line}:{column}: {refusal}")]
    Refused {
        /// Why, and what would be right.
        refusal: Refusal,
        /// The selector.
        span: Span,
        /// 1-based line of the selector.
        line: usize,
        /// 1-based column, in characters.
        column: usize,
    },
    /// A selector asks for tenants of which none is in scope.
    #[error("{line}:{column}: {label}=\"{}\" is outside of your scope", values.join("|"))]
    Conflict {
        /// The tenant label.
        label: Arc<str>,
        /// What the user asked for.
        values: Vec<String>,
        /// The selector.
        span: Span,
        /// 1-based line of the selector.
        line: usize,
        /// 1-based column, in characters.
        column: usize,
    },
    /// What was printed does not carry what it has to: a bug of ours; nothing goes upstream.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ScopeError {
    /// The message, the line of the text that it is about, and a caret below the place.
    pub fn pretty(&self, text: &str) -> String {
        match self {
            ScopeError::Parse(error) => error.pretty(text),
            ScopeError::Refused { span, .. } | ScopeError::Conflict { span, .. } => format!("{self}\n{}", caret(text, *span)),
            ScopeError::Internal(_) => self.to_string(),
        }
    }

    fn from_problem(problem: Problem, text: &str) -> ScopeError {
        match problem {
            Problem::Refused { refusal, span } => {
                let Place { line, column } = Place::of(text, span.start);
                ScopeError::Refused { refusal, span, line, column }
            }
            Problem::Conflict { label, values, span } => {
                let Place { line, column } = Place::of(text, span.start);
                ScopeError::Conflict { label, values, span, line, column }
            }
        }
    }
}

/// An expression, bound to what one caller may read.
#[derive(Clone, Debug)]
pub struct ScopedQuery {
    query: Query,
    rules: Vec<Rule>,
    options: Options,
    selectors: Vec<SelectorInfo>,
    time: TimeDependence,
    text: EnforcedText,
    selector_texts: OnceLock<Vec<String>>,
}

impl ScopedQuery {
    /// The one constructor: parse, bind every selector, print, read the printed text again and check it.
    ///
    /// # Errors
    /// See [`ScopeError`].
    pub fn new(text: &str, rules: &dyn TenantRules, options: &Options, conflict: ConflictMode) -> Result<ScopedQuery, ScopeError> {
        let mut query = query::parse(text, options)?;
        let mut selectors = query.selectors();
        let bound = enforce::enforce(query.tree_mut(), rules, conflict).map_err(|problem| ScopeError::from_problem(problem, text))?;
        if selectors.len() != bound.len() {
            return Err(ScopeError::Internal("a selector was not visited".into()));
        }
        for (selector, rule) in selectors.iter_mut().zip(&bound) {
            if let Rule::Tenant { label, .. } = rule {
                selector.label = Some(label.clone());
            }
        }
        let printed = query.text(None)?;
        let text = verified(printed, &bound, options)?;
        let time = query.time_dependence();
        Ok(ScopedQuery { query, rules: bound, options: options.clone(), selectors, time, text, selector_texts: OnceLock::new() })
    }

    /// The text for upstream, canonical. With a window, duration expressions become the values they have in it; without one they stay
    /// as written, for display. Send the folded text whenever the window that upstream is asked for may differ from the user's.
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window.
    pub fn text(&self, window: Option<Window>) -> Result<EnforcedText, ParseError> {
        if window.is_none() || !self.time.expressions {
            return Ok(self.text.clone());
        }
        let printed = self.query.text(window)?;
        verified(printed, &self.rules, &self.options).map_err(|error| match error {
            ScopeError::Parse(error) => error,
            other => ParseError::new(super::ErrorKind::Internal, Span::default(), other.to_string()),
        })
    }

    /// What the user wrote.
    pub fn source(&self) -> &str {
        self.query.source()
    }

    /// Every selector, in the order of the text.
    pub fn selectors(&self) -> &[SelectorInfo] {
        &self.selectors
    }

    /// Every selector without its modifiers, enforced, in the order of the text.
    pub fn selector_texts(&self) -> &[String] {
        self.selector_texts.get_or_init(|| shape::selector_texts(self.query.tree()))
    }

    /// The one selector whose series the answer shows one by one, in its spelling in [`ScopedQuery::selector_texts`]; None for everything
    /// else, such as an aggregation.
    pub fn shown_selector(&self) -> Option<&str> {
        shape::shows_series(self.query.tree()).then(|| self.selector_texts().first().map(String::as_str)).flatten()
    }

    /// The tenants that the query may read, in sets as the rules hold them; None when a selector may read every tenant.
    pub fn tenants(&self) -> Option<Vec<Arc<[String]>>> {
        let mut sets: Vec<Arc<[String]>> = Vec::new();
        for rule in &self.rules {
            match rule {
                Rule::Open(_) => return None,
                Rule::Tenant { values, .. } if sets.iter().any(|set| Arc::ptr_eq(set, values)) => {}
                Rule::Tenant { values, .. } => sets.push(values.clone()),
            }
        }
        Some(sets)
    }

    /// Do duration expressions make the query mean something else with another step or range?
    pub fn depends_on_window(&self) -> bool {
        self.time.durations
    }

    /// What of the query's time the result depends on.
    pub fn time_dependence(&self) -> TimeDependence {
        self.time
    }

    /// What the query costs in that window, at least.
    ///
    /// # Errors
    /// When a duration expression has no valid value in the window.
    pub fn cost(&self, window: Window) -> Result<Cost, ParseError> {
        self.query.cost(window)
    }

    /// Could parts of a window succeed where the whole fails? See [`Query::may_collide`].
    pub fn may_collide(&self) -> bool {
        self.query.may_collide()
    }
}

/// Reads what was printed, and looks at every selector with eyes that did not print it. Fails closed.
fn verified(printed: String, rules: &[Rule], options: &Options) -> Result<EnforcedText, ScopeError> {
    let broken = |what: &str| ScopeError::Internal(format!("the enforced text {what}"));
    let tree = parse::parse(&printed, &options.for_own_text()).map_err(|error| broken(&format!("cannot be read: {error}")))?;
    let found = walk::selectors(&tree);
    if found.len() != rules.len() {
        return Err(broken("has another number of selectors"));
    }
    if !found.iter().zip(rules).all(|(found, rule)| enforce::holds(found.selector, rule)) {
        return Err(broken("has a selector without its matcher"));
    }
    Ok(EnforcedText(printed.into()))
}

/// What is wrong with one of several `match[]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("match[] number {}: {error}", index + 1)]
pub struct SelectorsError {
    /// Which one, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: ScopeError,
}

/// The selectors of `match[]`, each bound to what one caller may read.
#[derive(Clone, Debug)]
pub struct ScopedSelectors {
    texts: Vec<EnforcedText>,
    selectors: Vec<SelectorInfo>,
}

impl ScopedSelectors {
    /// Binds the values of `match[]`: instant selectors without modifiers.
    ///
    /// # Errors
    /// The first value that is wrong, and why.
    pub fn new(
        matches: &[String],
        rules: &dyn TenantRules,
        options: &Options,
        conflict: ConflictMode,
    ) -> Result<ScopedSelectors, SelectorsError> {
        let mut scoped = ScopedSelectors { texts: Vec::with_capacity(matches.len()), selectors: Vec::with_capacity(matches.len()) };
        for (index, text) in matches.iter().enumerate() {
            if index >= options.selectors {
                let span = Span { start: 0, end: text.len() };
                let error = ParseError::bound(span, "match[] selectors", options.selectors, matches.len()).into();
                return Err(SelectorsError { index, error });
            }
            let query = bare_selector(text, rules, options, conflict).map_err(|error| SelectorsError { index, error })?;
            scoped.texts.push(query.text);
            scoped.selectors.extend(query.selectors);
        }
        Ok(scoped)
    }

    /// For requests without `match[]`: everything that the caller may read. Empty when that needs no selector.
    ///
    /// # Errors
    /// [`ScopeError::Internal`] when the rules do not make valid selectors.
    pub fn everything(rules: &dyn TenantRules) -> Result<ScopedSelectors, ScopeError> {
        let mut scoped = ScopedSelectors { texts: Vec::new(), selectors: Vec::new() };
        for rule in rules.everything() {
            let printed = print_selector(&enforce::selector_for(&rule))?;
            scoped.texts.push(verified(printed, std::slice::from_ref(&rule), &Options::default())?);
        }
        Ok(scoped)
    }

    /// Selectors on the labels of scrape targets, which say whose a target is in the same words as the labels of its series.
    ///
    /// # Errors
    /// [`ScopeError::Internal`] when the rules do not make valid selectors.
    pub fn of_targets(rules: &dyn TenantRules) -> Result<ScopedSelectors, ScopeError> {
        let mut scoped = ScopedSelectors { texts: Vec::new(), selectors: Vec::new() };
        for rule in rules.everything() {
            // Targets have no metric name, so the guards that tell rules apart have nothing to hold on to.
            let Rule::Tenant { label, values, .. } = rule else { continue };
            let rule = Rule::Tenant { label, values, names: NameGuard::default() };
            let text = verified(print_selector(&enforce::selector_for(&rule))?, std::slice::from_ref(&rule), &Options::default())?;
            if !scoped.texts.contains(&text) {
                scoped.texts.push(text);
            }
        }
        Ok(scoped)
    }

    /// One text for each `match[]`.
    pub fn texts(&self) -> &[EnforcedText] {
        &self.texts
    }

    /// The user's selectors; none for [`ScopedSelectors::everything`].
    pub fn selectors(&self) -> &[SelectorInfo] {
        &self.selectors
    }
}

fn bare_selector(text: &str, rules: &dyn TenantRules, options: &Options, conflict: ConflictMode) -> Result<ScopedQuery, ScopeError> {
    use super::ast::Node;
    let query = query::parse(text, options)?;
    let bare = match &query.tree().node {
        Node::Selector(s) => s.range.is_none() && s.offset.is_none() && s.at.is_none() && s.edges.is_none(),
        _ => false,
    };
    if !bare {
        let span = query.tree().span;
        return Err(ParseError::syntax(span, "expected a series selector, such as up{job=\"a\"}, without modifiers").locate(text).into());
    }
    ScopedQuery::new(text, rules, options, conflict)
}
