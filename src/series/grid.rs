//! The times at which a range query is evaluated: `phase + k * step`, in whole milliseconds.

use std::ops::Range;

/// A step and where it starts. Times are milliseconds since 1970; grid points are counted from the one in `0..step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    step_ms: i64,
    phase_ms: i64,
}

impl Grid {
    /// The grid of a query that starts at `start_ms`; none without a positive step.
    pub fn new(start_ms: i64, step_ms: i64) -> Option<Grid> {
        (step_ms > 0).then(|| Grid { step_ms, phase_ms: start_ms.rem_euclid(step_ms) })
    }

    /// Milliseconds between two grid points.
    pub fn step_ms(self) -> i64 {
        self.step_ms
    }

    /// The first grid point that is not before 1970, in milliseconds.
    pub fn phase_ms(self) -> i64 {
        self.phase_ms
    }

    /// Which grid point a time is, if it is one.
    pub fn index(self, ms: i64) -> Option<i64> {
        let since = ms.checked_sub(self.phase_ms)?;
        (since.rem_euclid(self.step_ms) == 0).then(|| since.div_euclid(self.step_ms))
    }

    /// When a grid point is, in milliseconds; none beyond what 64 bits hold.
    pub fn time(self, index: i64) -> Option<i64> {
        index.checked_mul(self.step_ms)?.checked_add(self.phase_ms)
    }

    /// The grid points of a query from `start_ms` to `end_ms` inclusive; none if it does not start on the grid or ends before it starts.
    pub fn window(self, start_ms: i64, end_ms: i64) -> Option<Range<i64>> {
        let first = self.index(start_ms)?;
        let last = end_ms.checked_sub(self.phase_ms)?.div_euclid(self.step_ms);
        (first <= last).then(|| first..last + 1)
    }
}

/// Appends a time as Prometheus prints it: seconds, and three decimals unless they are zero.
pub fn print_time(ms: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 24];
    let mut at = digits.len();
    let mut put = |b: u8| {
        at -= 1;
        digits[at] = b;
    };
    let (mut seconds, mut rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    if rest != 0 {
        for _ in 0..3 {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
        }
        put(b'.');
    }
    loop {
        put(b'0' + (seconds % 10) as u8);
        seconds /= 10;
        if seconds == 0 {
            break;
        }
    }
    if ms < 0 {
        put(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Reads the seconds that a text starts with, to the millisecond: the time in milliseconds and how many bytes it took.
#[inline]
pub(super) fn read_time(text: &[u8]) -> Option<(i64, usize)> {
    let negative = text.first() == Some(&b'-');
    let whole_from = usize::from(negative);
    let (seconds, mut at) = digits::<13>(text, whole_from)?;
    let mut ms = seconds * 1000;
    if text.get(at) == Some(&b'.') {
        let (fraction, end) = digits::<3>(text, at + 1)?;
        ms += fraction * [100, 10, 1][end - at - 2];
        at = end;
    }
    Some((if negative { -ms } else { ms }, at))
}

/// A number of at least one and at most `MOST` digits, and where it ends.
#[inline]
fn digits<const MOST: usize>(text: &[u8], from: usize) -> Option<(i64, usize)> {
    let (mut at, mut n) = (from, 0i64);
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        if at - from == MOST {
            return None;
        }
        n = n * 10 + i64::from(digit);
        at += 1;
    }
    (at > from).then_some((n, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_prometheus_does_and_read_back() {
        for (ms, want) in [
            (1795424400000, "1795424400"),
            (1795424400500, "1795424400.500"),
            (1795424400005, "1795424400.005"),
            (0, "0"),
            (-1500, "-1.500"),
        ] {
            let mut out = vec![];
            print_time(ms, &mut out);
            assert_eq!(out, want.as_bytes());
            assert_eq!(read_time(&out), Some((ms, want.len())));
        }
    }

    #[test]
    fn times_of_other_shapes() {
        for (text, want) in [("1.5,", Some((1500, 3))), ("1.05", Some((1050, 4))), ("9999999999999", Some((9_999_999_999_999_000, 13)))] {
            assert_eq!(read_time(text.as_bytes()), want, "{text}");
        }
        for text in ["", "-", ".5", "1.", "1.0005", "99999999999999", "x"] {
            assert_eq!(read_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn negative_times_have_grid_points_too() {
        let grid = Grid::new(-7, 5).unwrap();
        assert_eq!(
            (grid.phase_ms(), grid.index(-7), grid.index(-2), grid.index(-1), grid.time(-2)),
            (3, Some(-2), Some(-1), None, Some(-7))
        );
        assert_eq!(Grid::new(0, 0), None);
    }

    #[test]
    fn windows_end_with_the_last_point_that_is_not_after_the_end() {
        let grid = Grid::new(3, 5).unwrap();
        assert_eq!(grid.window(3, 3), Some(0..1));
        assert_eq!(grid.window(8, 17), Some(1..3));
        assert_eq!(grid.window(8, 18), Some(1..4));
        assert_eq!(grid.window(8, 7), None);
        assert_eq!(grid.window(4, 90), None);
    }
}
