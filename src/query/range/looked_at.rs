//! How far back the windows of an expression reach, so that what nobody looks at any more can be dropped.

use std::sync::{Mutex, PoisonError};

/// What no window has touched for one to two of these is dropped, in milliseconds.
const SPELL_MS: i64 = 30 * 60_000;

/// The earliest grid point of the windows of the present and of the last half hour.
#[derive(Debug)]
pub(super) struct LookedAt(Mutex<Spells>);

#[derive(Clone, Copy, Debug)]
struct Spells {
    number: i64,
    now: i64,
    before: i64,
}

impl Default for LookedAt {
    fn default() -> Self {
        LookedAt(Mutex::new(Spells { number: i64::MIN, now: i64::MAX, before: i64::MAX }))
    }
}

impl LookedAt {
    /// A window from this grid point on was asked for.
    pub(super) fn note(&self, first: i64, now_ms: i64) {
        let number = now_ms.div_euclid(SPELL_MS);
        let mut spells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if number != spells.number {
            let before = if number == spells.number.wrapping_add(1) { spells.now } else { i64::MAX };
            *spells = Spells { number, now: first, before };
        } else if first < spells.now {
            spells.now = first;
        }
    }

    /// The earliest grid point that is worth keeping.
    pub(super) fn earliest(&self) -> i64 {
        let spells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spells.now.min(spells.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_for_half_an_hour_to_an_hour() {
        let looked_at = LookedAt::default();
        assert_eq!(looked_at.earliest(), i64::MAX);
        looked_at.note(100, 0);
        looked_at.note(200, SPELL_MS - 1);
        assert_eq!(looked_at.earliest(), 100);
        looked_at.note(300, SPELL_MS);
        assert_eq!(looked_at.earliest(), 100);
        looked_at.note(250, 2 * SPELL_MS);
        assert_eq!(looked_at.earliest(), 250);
        looked_at.note(400, 9 * SPELL_MS);
        assert_eq!(looked_at.earliest(), 400, "a long pause");
        looked_at.note(350, 0);
        assert_eq!(looked_at.earliest(), 350, "the clock was put back");
    }
}
