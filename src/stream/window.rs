//! What a query answered for one window: the text of the answer, and where its points lie.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::series::{self, Decoded, Grid, Limits};

/// What an answer starts with, before its `"data"`.
const HEAD: &str = r#"{"status":"success","#;

/// The answer for the grid points from `start_ms` to `end_ms`.
#[derive(Clone, Debug)]
pub struct Window {
    /// The first grid point, in milliseconds since 1970.
    pub start_ms: i64,
    /// The last grid point: the tick.
    pub end_ms: i64,
    /// Between two grid points.
    pub step_ms: i64,
    /// The range answer in one line, in the form that begins with [`HEAD`].
    answer: Bytes,
    /// Its points can be told apart, and its series are in the order of their labels.
    is_comparable: bool,
}

/// An answer that is none, and why, for the log.
#[derive(Debug, thiserror::Error)]
#[error("what the query answered is no matrix in JSON: {0}")]
pub struct NotAnAnswer(String);

impl Window {
    /// Takes an answer in. Takes time in proportion to its length: about a millisecond for a megabyte.
    ///
    /// # Errors
    /// When it is no successful answer in JSON.
    pub fn new(start_ms: i64, end_ms: i64, step_ms: i64, answer: Bytes) -> Result<Window, NotAnAnswer> {
        let mut window = Window { start_ms, end_ms, step_ms, answer, is_comparable: false };
        let sorted = window.decoded().map(|decoded| decoded.is_sorted());
        match sorted {
            Some(sorted) => window.is_comparable = sorted,
            // Another backend's form, such as VictoriaMetrics has it.
            None => window.answer = in_our_form(&window.answer)?.into(),
        }
        Ok(window)
    }

    /// The range answer in Prometheus' form.
    #[cfg(test)]
    pub fn answer(&self) -> &Bytes {
        &self.answer
    }

    /// From `"data":` on, to the end of the answer: shared, not copied.
    pub fn data(&self) -> Bytes {
        self.answer.slice(HEAD.len()..)
    }

    /// Whether its points can be compared with those of another window.
    pub fn is_comparable(&self) -> bool {
        self.is_comparable
    }

    /// Its points; none when they cannot be told apart.
    pub fn decoded(&self) -> Option<Decoded<'_>> {
        let grid = self.grid()?;
        series::decode(&self.answer, grid, Limits::default()).ok()
    }

    /// The grid of its points.
    pub fn grid(&self) -> Option<Grid> {
        Grid::new(self.start_ms, self.step_ms)
    }

    /// Bytes of memory that it holds.
    pub fn weight(&self) -> usize {
        self.answer.len()
    }
}

/// The same answer as Prometheus would begin it, in one line.
fn in_our_form(answer: &[u8]) -> Result<String, NotAnAnswer> {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        status: Cow<'a, str>,
        #[serde(borrow)]
        data: &'a RawValue,
        #[serde(borrow)]
        warnings: Option<&'a RawValue>,
        #[serde(borrow)]
        infos: Option<&'a RawValue>,
    }
    let said: Said<'_> = serde_json::from_slice(answer).map_err(|error| NotAnAnswer(error.to_string()))?;
    if said.status != "success" {
        return Err(NotAnAnswer(format!("its status is {:?}", said.status)));
    }
    let mut text = format!("{HEAD}\"data\":{}", said.data.get());
    for (name, list) in [("warnings", said.warnings), ("infos", said.infos)] {
        if let Some(list) = list {
            text.push_str(&format!(",\"{name}\":{}", list.get()));
        }
    }
    text.push('}');
    // Within texts JSON has no line ends: these stand between tokens.
    Ok(if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(answer: &'static str) -> Result<Window, NotAnAnswer> {
        Window::new(0, 30_000, 15_000, Bytes::from_static(answer.as_bytes()))
    }

    #[test]
    fn data_is_a_piece_of_the_answer() {
        let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]]}]},"infos":["i"]}"#;
        let window = window(answer).unwrap();
        assert!(window.is_comparable());
        assert_eq!(window.data(), &answer["{\"status\":\"success\",".len()..]);
    }

    #[test]
    fn another_form_is_put_right_and_never_compared() {
        let window = window("{\"status\": \"success\",\n \"isPartial\": false, \"data\": {\"resultType\":\"matrix\",\n\"result\":[]}, \"warnings\": [\"w\"]}\n").unwrap();
        assert!(!window.is_comparable());
        assert_eq!(window.answer(), r#"{"status":"success","data":{"resultType":"matrix", "result":[]},"warnings":["w"]}"#);
    }

    #[test]
    fn series_in_another_order_are_never_compared() {
        let unsorted = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"2"},"values":[[0,"1"]]},{"metric":{"a":"1"},"values":[[0,"1"]]}]}}"#;
        assert!(!window(unsorted).unwrap().is_comparable());
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in ["", "null", r#"{"status":"error","data":{}}"#, "<html>"] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }
}
