//! Figures of several rounds, and the table that is made of them.

use std::fmt::Write as _;
use std::time::Duration;

/// One figure, once for each round.
#[derive(Clone, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub fn greatest(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// `median (min–max)`
    pub fn text(&self, digits: usize) -> String {
        match (self.0.first(), self.0.last()) {
            (Some(min), Some(max)) => format!("**{:.digits$}** ({min:.digits$}–{max:.digits$})", self.median()),
            _ => "–".to_owned(),
        }
    }
}

/// The value below which this share of the times lies, in milliseconds.
pub fn quantile_ms(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    let at = ((times.len() as f64 - 1.0) * share).round() as usize;
    times[at].as_secs_f64() * 1e3
}

/// A table in Markdown.
pub struct Table(String);

impl Table {
    pub fn new(columns: &[&str]) -> Table {
        let mut table = Table(String::new());
        table.row(columns);
        table.row(&vec!["---"; columns.len()]);
        table
    }

    pub fn row(&mut self, cells: &[impl AsRef<str>]) {
        self.0.push('|');
        for cell in cells {
            let _ = write!(self.0, " {} |", cell.as_ref());
        }
        self.0.push('\n');
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}
