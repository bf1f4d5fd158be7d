//! YAML text into a tree that knows the place of every value. Bounded: nothing in a file can make it slow or deep.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::error::{ConfigError, Place, Source};

/// Larger files are refused unread, in bytes.
pub(super) const MAX_FILE: u64 = 1024 * 1024;
/// Deepest nesting of lists and mappings; the contract needs seven.
const MAX_DEPTH: usize = 32;
/// A file with more mistakes than this is not a configuration.
const MAX_ERRORS: usize = 100;

/// A value and where it stands: at its key in a mapping, at its start in a list.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What was written, not yet what it means.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`: as if the key was not there.
    Null,
    /// Text as written; quoted text is never a number or a switch.
    Scalar { text: String, quoted: bool },
    /// A list.
    List(Vec<Node>),
    /// Keys in the order of the file, without repeats.
    Map(Vec<(String, Node)>),
}

/// Reads a file, bounded by [`MAX_FILE`].
///
/// # Errors
/// What the operating system says, or that the file is too large or no text.
pub(super) fn read_bounded(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| format!("not UTF-8 text, at byte {}", error.utf8_error().valid_up_to()))
}

/// The one document of a text; `Null` when the text is empty. Mistakes that leave a tree are added to `errors`.
///
/// # Errors
/// When the text cannot be read at all: the only error then, because what follows it cannot be trusted.
pub(super) fn parse(source: &Arc<Source>, text: &str, errors: &mut Vec<ConfigError>) -> Result<Node, ConfigError> {
    if text.len() as u64 > MAX_FILE {
        return Err(ConfigError::new(Some(Place::whole(source)), "", "larger than 1 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree { source, parser: Parser::new_from_str(text), errors, mistakes: 0 };
    let mut document = None;
    loop {
        let (event, span) = tree.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(tree.error(span.start, "a second document starts here; write everything in one, without ---"));
            }
            Event::DocumentStart(_) => {
                let (first, first_span) = tree.next()?;
                document = Some(tree.node(first, first_span, 0)?);
            }
            _ => {}
        }
    }
    Ok(document.unwrap_or_else(|| Node { place: Place::whole(source), value: Value::Null }))
}

struct Tree<'input, 'a> {
    source: &'a Arc<Source>,
    parser: Parser<'input, StrInput<'input>>,
    errors: &'a mut Vec<ConfigError>,
    mistakes: usize,
}

impl<'input> Tree<'input, '_> {
    fn next(&mut self) -> Result<(Event<'input>, Span), ConfigError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.error(*error.marker(), &format!("not YAML: {}", error.info()))),
            None => Err(ConfigError::new(Some(Place::whole(self.source)), "", "not YAML: ends too early")),
        }
    }

    fn place(&self, mark: Marker) -> Place {
        if self.source.is_variable {
            return Place::whole(self.source);
        }
        Place { source: Arc::clone(self.source), line: mark.line(), column: mark.col() + 1 }
    }

    fn error(&self, mark: Marker, message: &str) -> ConfigError {
        ConfigError::new(Some(self.place(mark)), "", message)
    }

    fn mistake(&mut self, mark: Marker, message: &str) -> Result<(), ConfigError> {
        self.mistakes += 1;
        let error = self.error(mark, message);
        if self.mistakes > MAX_ERRORS {
            return Err(error);
        }
        self.errors.push(error);
        Ok(())
    }

    /// The recursion is bounded by `MAX_DEPTH`.
    fn node(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<Node, ConfigError> {
        if depth > MAX_DEPTH {
            return Err(self.error(span.start, "nested too deeply; nothing in the configuration needs more than a few levels"));
        }
        let place = self.place(span.start);
        let value = match event {
            Event::Alias(_) => {
                self.mistake(span.start, "aliases (*name) are not read; write the value out")?;
                Value::Null
            }
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.is_some(), span.start)?;
                scalar(&text, style)
            }
            Event::SequenceStart(_, tag) => {
                self.refuse_tag(tag.is_some(), span.start)?;
                self.list(depth)?
            }
            Event::MappingStart(_, tag) => {
                self.refuse_tag(tag.is_some(), span.start)?;
                self.map(depth)?
            }
            _ => return Err(self.error(span.start, "not YAML: a value should stand here")),
        };
        Ok(Node { place, value })
    }

    fn refuse_tag(&mut self, has_tag: bool, mark: Marker) -> Result<(), ConfigError> {
        if has_tag { self.mistake(mark, "tags (!name) are not read; leave it out") } else { Ok(()) }
    }

    fn list(&mut self, depth: usize) -> Result<Value, ConfigError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::List(items));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, ConfigError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key = self.node(event, span, depth + 1)?;
            let (value_event, value_span) = self.next()?;
            let mut value = self.node(value_event, value_span, depth + 1)?;
            value.place = key.place;
            let name = match key.value {
                Value::Scalar { text, .. } => text,
                Value::Null => String::new(),
                Value::List(_) | Value::Map(_) => {
                    self.mistake(span.start, "a key has to be plain text; text that starts with { or [ needs quotes")?;
                    continue;
                }
            };
            if let Some(first) = lines.get(&name) {
                let message = format!("`{name}` stands here a second time, first at line {first}; keep one");
                self.mistake(span.start, &message)?;
                continue;
            }
            lines.insert(name.clone(), value.place.line);
            entries.push((name, value));
        }
    }
}

/// Text as written; only plain text can be empty.
pub(super) fn scalar(text: &str, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar { text: text.to_owned(), quoted: !plain }
}
