//! The pass over an answer's bytes. Floats are passed over, times become grid points.

use super::decode::{DecodeError, Decoded, Found, HEAD, Limits, Point, Stretch, What};
use super::grid::{Grid, read_time};
use super::json;

/// Prometheus sends ten of each kind and one that counts the rest.
const MOST_ANNOTATIONS: usize = 64;
/// Of one kind, together.
const MOST_ANNOTATION_BYTES: usize = 64 << 10;

/// Where reading has come to.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    grid: Grid,
    limits: Limits,
    points: Vec<Point>,
}

impl<'a> Reader<'a> {
    pub fn new(body: &'a [u8], grid: Grid, limits: Limits) -> Result<Reader<'a>, DecodeError> {
        // Places in the body are kept in 32 bits.
        let most = limits.bytes.min(u32::MAX as usize);
        if body.len() > most {
            return Err(DecodeError { at: most, what: What::TooManyBytes(most) });
        }
        // No point has fewer than about 20 bytes.
        Ok(Reader { body, at: 0, grid, limits, points: Vec::with_capacity((body.len() / 20).min(limits.points)) })
    }

    pub fn answer(mut self) -> Result<Decoded<'a>, DecodeError> {
        self.expect(HEAD, "the head of a successful matrix answer")?;
        let mut series = vec![];
        if !self.skip(b"]") {
            loop {
                if series.len() == self.limits.series {
                    return Err(self.error(What::TooManySeries(self.limits.series)));
                }
                series.push(self.series()?);
                if !self.skip(b",") {
                    break;
                }
            }
            self.expect(b"]", "the end of the result")?;
        }
        self.expect(b"}", "the end of the data")?;
        let warnings = self.annotations(br#","warnings":["#)?;
        let infos = self.annotations(br#","infos":["#)?;
        self.expect(b"}", "the end of the answer")?;
        if self.at != self.body.len() {
            return Err(self.error(What::Expected("nothing more")));
        }
        Ok(Decoded { warnings, infos, body: self.body, grid: self.grid, series, points: self.points })
    }

    fn series(&mut self) -> Result<Found, DecodeError> {
        self.expect(br#"{"metric":"#, "a series")?;
        let from = self.at as u32;
        self.pass(json::flat_object, "a label set")?;
        let labels = from..self.at as u32;
        let mut lanes = [Stretch::default(), Stretch::default()];
        if self.skip(br#","values":["#) {
            lanes[0] = self.stretch(json::float, "a float in quotes")?;
        }
        if self.skip(br#","histograms":["#) {
            lanes[1] = self.stretch(json::histogram, "a histogram")?;
        }
        self.expect(b"}", "the end of a series")?;
        Ok(Found { labels, lanes })
    }

    /// Points up to and with the closing bracket.
    #[inline]
    fn stretch(&mut self, value: impl Fn(&[u8]) -> Option<usize>, what: &'static str) -> Result<Stretch, DecodeError> {
        let first = self.points.len() as u32;
        let (mut previous, mut next_ms) = (None, None);
        loop {
            let at = self.at;
            if self.points.len() == self.limits.points {
                return Err(self.error(What::TooManyPoints(self.limits.points)));
            }
            self.expect(b"[", "a point")?;
            let (ms, len) = read_time(self.rest()).ok_or(self.error(What::Expected("a time in seconds, to the millisecond")))?;
            let off = |what| DecodeError { at: at + 1, what };
            let index = match previous {
                Some(index) if next_ms == Some(ms) => index + 1,
                _ => self.grid.index(ms).ok_or(off(What::OffGrid))?,
            };
            if previous.is_some_and(|p| p >= index) {
                return Err(off(What::NotAscending));
            }
            (previous, next_ms) = (Some(index), ms.checked_add(self.grid.step_ms()));
            self.at += len;
            self.expect(b",", "a comma after the time")?;
            self.pass(&value, what)?;
            self.points.push(Point { index, at: at as u32 });
            match self.rest() {
                [b']', b',', ..] => self.at += 2,
                [b']', b']', ..] => break,
                _ => return Err(self.error(What::Expected("the end of a point"))),
            }
        }
        let end = self.at as u32 + 1;
        self.at += 2;
        Ok(Stretch { points: first..self.points.len() as u32, end })
    }

    /// A list of at least one string, if it is there.
    fn annotations(&mut self, name: &[u8]) -> Result<Vec<&'a str>, DecodeError> {
        let mut list = vec![];
        if !self.skip(name) {
            return Ok(list);
        }
        let start = self.at;
        loop {
            let from = self.at;
            self.pass(valid_string, "an annotation")?;
            if list.len() == MOST_ANNOTATIONS || self.at - start > MOST_ANNOTATION_BYTES {
                return Err(self.error(What::Expected("no more than 64 annotations in 64 KiB")));
            }
            list.push(std::str::from_utf8(&self.body[from..self.at]).map_err(|_| self.error(What::Expected("UTF-8")))?);
            if !self.skip(b",") {
                break;
            }
        }
        self.expect(b"]", "the end of the annotations")?;
        Ok(list)
    }

    fn error(&self, what: What) -> DecodeError {
        DecodeError { at: self.at, what }
    }

    fn rest(&self) -> &'a [u8] {
        &self.body[self.at..]
    }

    #[inline]
    fn skip(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    #[inline]
    fn expect(&mut self, text: &[u8], what: &'static str) -> Result<(), DecodeError> {
        if self.skip(text) { Ok(()) } else { Err(self.error(What::Expected(what))) }
    }

    /// Passes over what `read` accepts.
    #[inline]
    fn pass(&mut self, read: impl Fn(&[u8]) -> Option<usize>, what: &'static str) -> Result<(), DecodeError> {
        self.at += read(self.rest()).ok_or(self.error(What::Expected(what)))?;
        Ok(())
    }
}

/// A string with its quotes and without wrong escapes.
fn valid_string(text: &[u8]) -> Option<usize> {
    let after = json::unescape(text, |_| ())?;
    Some(text.len() - after.len())
}
