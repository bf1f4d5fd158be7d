//! What a phase has to say: its tables, and the figures that have to reach something.

use crate::common::report::{Rounds, Table};

#[derive(Default)]
pub struct Report {
    pub text: String,
    pub bars: Vec<Bar>,
}

/// A figure that has to reach something.
pub struct Bar {
    what: String,
    shown: String,
    bar: String,
    met: bool,
}

impl Report {
    /// The median has to be at least this.
    pub fn at_least(&mut self, what: &str, figure: &Rounds, digits: usize, bar: f64) {
        let met = figure.median() >= bar;
        self.bars.push(Bar { what: what.to_owned(), shown: figure.text(digits), bar: format!("≥ {bar}"), met });
    }

    /// The median has to be at most this.
    pub fn at_most(&mut self, what: &str, figure: &Rounds, digits: usize, bar: f64) {
        let met = figure.median() <= bar;
        self.bars.push(Bar { what: what.to_owned(), shown: figure.text(digits), bar: format!("≤ {bar}"), met });
    }

    pub fn add(&mut self, other: Report) {
        self.text.push_str(&other.text);
        self.bars.extend(other.bars);
    }

    /// All bars as a table.
    pub fn table(&self) -> String {
        let mut table = Table::new(&["figure", "measured", "bar", ""]);
        for bar in &self.bars {
            table.row(&[bar.what.as_str(), &bar.shown, &bar.bar, if bar.met { "reached" } else { "**missed**" }]);
        }
        table.text().to_owned()
    }
}
