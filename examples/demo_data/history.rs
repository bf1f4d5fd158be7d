//! Writes the past as OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads it.

use std::io::{self, Write};

use crate::series::Family;

/// The time from `from` to before `to`, one sample every `step`; unix seconds, multiples of `step`.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// First sample.
    pub(crate) from: u64,
    /// After the last sample.
    pub(crate) to: u64,
    /// Seconds between samples.
    pub(crate) step: u64,
}

/// Writes all families, one series after the other, and gives the number of samples. Nothing is kept in memory.
pub(crate) fn write(families: &mut [Family], window: Window, out: &mut impl Write) -> io::Result<u64> {
    let mut samples = 0;
    for family in families {
        // OpenMetrics names a counter without the suffix that its samples have.
        let name = if family.kind == "counter" { family.name.trim_end_matches("_total") } else { family.name.as_str() };
        // What is called a counter by its exporter without `_total` is nothing that OpenMetrics has a word for.
        let kind = if family.kind == "counter" && name == family.name { "unknown" } else { family.kind };
        writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", family.help)?;
        for series in &mut family.series {
            if !series.life.meets(window.from as f64, window.to as f64) {
                continue;
            }
            let mut time = window.from.next_multiple_of(window.step);
            while time < window.to {
                if series.life.covers(time as f64) {
                    writeln!(out, "{} {} {time}", series.text, series.value.at(time as f64))?;
                    samples += 1;
                }
                time += window.step;
            }
        }
    }
    out.write_all(b"# EOF\n")?;
    Ok(samples)
}
