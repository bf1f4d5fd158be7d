//! What one pass over a matrix answer finds: where each series' labels and points lie in the body, by grid point.
//!
//! Only the exact shape that Prometheus writes is read (no white space, its field order, nothing else): an answer of any other shape
//! could not be put together again byte by byte, so it is an error here and the caller passes the answer on uncached.

use std::ops::Range;

use super::Grid;
use super::reader::Reader;

/// The answer's bytes, checked and indexed; ready for [`Series::put`](super::Series::put).
#[derive(Debug)]
pub struct Decoded<'a> {
    /// As sent, each a JSON string with its quotes. An answer with warnings may be partial and must not be kept.
    pub warnings: Vec<&'a str>,
    /// As sent, each a JSON string with its quotes. They are kept with the points.
    pub infos: Vec<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) grid: Grid,
    pub(super) series: Vec<Found>,
    pub(super) points: Vec<Point>,
}

impl Decoded<'_> {
    /// How many series the answer has.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// How many points all its series have together.
    pub fn points(&self) -> usize {
        self.points.len()
    }
}

/// Reads a range query's answer whose points lie on this grid. The error says what is not as Prometheus writes it.
pub fn decode<'a>(body: &'a [u8], grid: Grid, limits: Limits) -> Result<Decoded<'a>, DecodeError> {
    Reader::new(body, grid, limits)?.answer()
}

/// What an answer, or a compact block, may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the plain text.
    pub bytes: usize,
    /// Series.
    pub series: usize,
    /// Points of all series together.
    pub points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 256 << 20, series: 100_000, points: 10_000_000 }
    }
}

/// What is wrong with an answer, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at byte {at} of the upstream's answer")]
pub struct DecodeError {
    /// Byte of the body.
    pub at: usize,
    /// What is wrong.
    pub what: What,
}

/// The kinds of [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// [`Limits::bytes`].
    #[error("more than {0} bytes")]
    TooManyBytes(usize),
    /// [`Limits::series`].
    #[error("more than {0} series")]
    TooManySeries(usize),
    /// [`Limits::points`].
    #[error("more than {0} points")]
    TooManyPoints(usize),
    /// What Prometheus would have written here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A time that is no point of the grid.
    #[error("the time is not start plus a multiple of the step")]
    OffGrid,
    /// A time that is not after the one before it.
    #[error("the time is not after the one before it")]
    NotAscending,
}

/// What an answer with the points of a range query starts with.
pub(super) const HEAD: &[u8] = br#"{"status":"success","data":{"resultType":"matrix","result":["#;

/// Where one series lies.
#[derive(Debug)]
pub(super) struct Found {
    /// `{…}` in the body.
    pub labels: Range<u32>,
    /// Floats, then histograms.
    pub lanes: [Stretch; 2],
}

/// Points one after the other: entries of `Decoded::points`, and where the text of the last one ends in the body.
#[derive(Debug, Clone, Default)]
pub(super) struct Stretch {
    pub points: Range<u32>,
    pub end: u32,
}

/// A point's text starts here and ends one byte (a comma or a bracket) before the next one starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub index: i64,
    pub at: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = concat!(
        r#"{"status":"success","data":{"resultType":"matrix","result":["#,
        r#"{"metric":{"a":"1"},"values":[[10,"1"],[15,"2"]]},"#,
        r#"{"metric":{"a":"2"},"values":[[20.5,"1"]],"histograms":[[25,{"count":"1","sum":"1"}]]}"#,
        r#"]},"warnings":["w"],"infos":["i \"x\"","j"]}"#
    );

    fn check(text: &str, grid: Grid) -> Result<Decoded<'_>, DecodeError> {
        decode(text.as_bytes(), grid, Limits { bytes: 1000, series: 3, points: 5 })
    }

    #[test]
    fn finds_series_points_and_annotations() {
        let found = check(GOOD, Grid::new(0, 500).unwrap()).unwrap();
        assert_eq!((found.series_count(), found.points()), (2, 4));
        assert_eq!(found.warnings, [r#""w""#]);
        assert_eq!(found.infos, [r#""i \"x\"""#, r#""j""#]);
        assert_eq!(found.points.iter().map(|p| p.index).collect::<Vec<_>>(), [20, 30, 41, 50]);
    }

    #[test]
    fn anything_else_than_prometheus_writes_is_an_error() {
        let grid = Grid::new(0, 500).unwrap();
        for (from, to) in [
            ("[10,", "[10, "),
            ("[10,", "[10.0005,"),
            (r#""2"]]"#, r#""2"]"#),
            (r#""2"]]"#, r#"2]]"#),
            (r#""2"]]"#, r#""zwei"]]"#),
            (r#""sum":"1""#, r#""sum":1"#),
            (r#"{"a":"2"}"#, r#"{"a":2}"#),
            (r#"["w"]"#, r#"["w""#),
            (r#"["w"]"#, r#"[]"#),
            (r#"["w"]"#, r#"["\w"]"#),
            (r#"["w"]"#, r#"[1]"#),
            (r#"]},"warnings""#, r#"],"stats":{}},"warnings""#),
            ("success", "error"),
            ("matrix", "vector"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = check(&GOOD.replace(from, to), grid).unwrap_err();
            assert!(matches!(error.what, What::Expected(_)), "{to}: {error}");
        }
        assert!(check(&format!("{GOOD} "), grid).is_err());
        for end in 0..GOOD.len() {
            assert!(check(&GOOD[..end], grid).is_err(), "{end}");
        }
    }

    #[test]
    fn times_must_ascend_on_the_grid() {
        let grid = Grid::new(0, 500).unwrap();
        let what = |text: &str, grid| check(text, grid).map(|_| ()).map_err(|e| e.what);
        assert_eq!(what(GOOD, Grid::new(0, 1000).unwrap()), Err(What::OffGrid));
        for earlier in ["[10,", "[5,"] {
            assert_eq!(what(&GOOD.replace("[15,", earlier), grid), Err(What::NotAscending));
        }
    }

    #[test]
    fn bounds_are_kept() {
        let grid = Grid::new(0, 500).unwrap();
        let what = |limits| decode(GOOD.as_bytes(), grid, limits).map(|_| ()).map_err(|e| e.what);
        let fits = Limits { bytes: GOOD.len(), series: 2, points: 4 };
        assert_eq!(what(fits), Ok(()));
        assert_eq!(what(Limits { bytes: GOOD.len() - 1, ..fits }), Err(What::TooManyBytes(GOOD.len() - 1)));
        assert_eq!(what(Limits { series: 1, ..fits }), Err(What::TooManySeries(1)));
        assert_eq!(what(Limits { points: 3, ..fits }), Err(What::TooManyPoints(3)));
        let many = GOOD.replace(r#"["w"]"#, &format!("[{}\"w\"]", r#""w","#.repeat(100)));
        assert!(matches!(what_of(&many, grid), What::Expected(_)));
    }

    fn what_of(text: &str, grid: Grid) -> What {
        decode(text.as_bytes(), grid, Limits::default()).unwrap_err().what
    }

    #[test]
    fn errors_say_where() {
        let error = check(&GOOD.replace(r#"[15,"2"]"#, r#"[15,2]"#), Grid::new(0, 500).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "expected a float in quotes, at byte 103 of the upstream's answer");
    }
}
