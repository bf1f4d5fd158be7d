//! Finished bodies: the very bytes of an answer that was asked for more than once.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Bodies that are remembered of one entry.
const BODIES: usize = 4;

/// How the bytes of an answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// As one gzip member.
    Gzip,
}

/// The last few bodies of one entry, each of one state of it.
#[derive(Debug, Default)]
pub(super) struct Finished(Mutex<Vec<One>>);

/// A body, and how many points of series are in it.
type Body = (Bytes, u64);

#[derive(Debug)]
struct One {
    window: Range<i64>,
    form: Form,
    version: u64,
    /// None after it was asked for once: then it was not worth keeping yet.
    body: Option<Body>,
}

impl One {
    fn is(&self, window: &Range<i64>, form: Form, version: u64) -> bool {
        self.version == version && self.form == form && self.window == *window
    }
}

impl Finished {
    /// The body of this window, form and state.
    pub(super) fn get(&self, window: &Range<i64>, form: Form, version: u64) -> Option<Body> {
        let bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().find(|one| one.is(window, form, version))?.body.clone()
    }

    /// Keeps a body when it is offered for the second time.
    pub(super) fn offer(&self, window: &Range<i64>, form: Form, version: u64, body: &Body) {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = bodies.iter().position(|one| one.is(window, form, version)) {
            let mut one = bodies.remove(place);
            one.body = Some(body.clone());
            bodies.push(one);
            return;
        }
        if bodies.len() == BODIES {
            bodies.remove(0);
        }
        bodies.push(One { window: window.clone(), form, version, body: None });
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        let bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().map(|one| (size_of::<One>() + one.body.as_ref().map_or(0, |(bytes, _)| bytes.len())) as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_kept_from_the_second_time_on_and_only_for_its_own_state() {
        let finished = Finished::default();
        let body = (Bytes::from_static(b"x"), 1);
        let get = |version| finished.get(&(0..10), Form::Plain, version);
        finished.offer(&(0..10), Form::Plain, 1, &body);
        assert_eq!(get(1), None);
        finished.offer(&(0..10), Form::Plain, 1, &body);
        assert_eq!(get(1), Some(body.clone()));
        assert_eq!(get(2), None);
        assert_eq!(finished.get(&(0..10), Form::Gzip, 1), None);
        assert_eq!(finished.get(&(0..11), Form::Plain, 1), None);
        for n in 0..3 {
            finished.offer(&(n..n + 1), Form::Plain, 1, &body);
        }
        assert_eq!(get(1), Some(body.clone()));
        finished.offer(&(3..4), Form::Plain, 1, &body);
        assert_eq!(get(1), None, "others took its place");
    }
}
