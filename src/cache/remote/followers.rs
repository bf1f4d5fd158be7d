//! Who waits for which lease in this process: one subscription wakes them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::cache::Digest;

/// More leases than this are not followed at once: a request more fetches on its own.
const MAX_FOLLOWED: usize = 100_000;

/// Which lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LeaseId {
    pub(super) digest: Digest,
    pub(super) what: u64,
}

/// What is heard of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nothing yet.
    Silence,
    /// The parts are there.
    Published,
    /// The work was given up.
    Failed,
    /// Messages may have been missed: whoever waits looks for themselves.
    Look,
}

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Followers {
    waiting: Mutex<HashMap<LeaseId, (watch::Sender<Word>, usize)>>,
}

/// A place among those who wait, given back when dropped.
pub(super) struct Place {
    followers: Arc<Followers>,
    id: LeaseId,
    pub(super) word: watch::Receiver<Word>,
}

impl Followers {
    /// Begins to listen: every word from now on is heard. `None` when too many leases are followed.
    pub(super) fn listen(self: &Arc<Self>, id: LeaseId) -> Option<Place> {
        let mut waiting = self.lock();
        if waiting.len() >= MAX_FOLLOWED && !waiting.contains_key(&id) {
            return None;
        }
        let (sender, users) = waiting.entry(id).or_insert_with(|| (watch::Sender::new(Word::Silence), 0));
        *users += 1;
        Some(Place { followers: self.clone(), id, word: sender.subscribe() })
    }

    /// Passes on what was heard of one lease.
    pub(super) fn tell(&self, id: &LeaseId, word: Word) {
        if let Some((sender, _)) = self.lock().get(id) {
            sender.send_replace(word);
        }
    }

    /// Tells everybody.
    pub(super) fn tell_all(&self, word: Word) {
        for (sender, _) in self.lock().values() {
            sender.send_replace(word);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LeaseId, (watch::Sender<Word>, usize)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.followers.lock();
        if let Some((_, users)) = waiting.get_mut(&self.id) {
            *users -= 1;
            if *users == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}

impl LeaseId {
    /// What is published: one letter for the word, then the lease.
    pub(super) fn message(&self, word: Word) -> Vec<u8> {
        let letter = if word == Word::Published { b'p' } else { b'f' };
        let mut message = vec![letter];
        message.extend_from_slice(&self.digest.0);
        message.extend_from_slice(&self.what.to_be_bytes());
        message
    }

    /// Reads [`LeaseId::message`]; `None` for anything else, which anybody could publish.
    pub(super) fn heard(message: &[u8]) -> Option<(LeaseId, Word)> {
        let (letter, rest) = message.split_first()?;
        let word = match letter {
            b'p' => Word::Published,
            b'f' => Word::Failed,
            _ => return None,
        };
        let (digest, what) = rest.split_first_chunk::<16>()?;
        Some((LeaseId { digest: Digest(*digest), what: u64::from_be_bytes(what.try_into().ok()?) }, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(what: u64) -> LeaseId {
        LeaseId { digest: Digest([7; 16]), what }
    }

    #[test]
    fn messages_are_read_back_and_nothing_else_is() {
        for word in [Word::Published, Word::Failed] {
            assert_eq!(LeaseId::heard(&id(u64::MAX - 1).message(word)), Some((id(u64::MAX - 1), word)));
        }
        let mut message = id(1).message(Word::Published);
        for wrong in [&b""[..], b"p", b"hello", &message[..24]] {
            assert_eq!(LeaseId::heard(wrong), None);
        }
        message.push(0);
        assert_eq!(LeaseId::heard(&message), None);
    }

    #[test]
    fn words_reach_those_who_listen_and_places_are_given_back() {
        let followers = Arc::new(Followers::default());
        let (mut one, other) = (followers.listen(id(1)).unwrap(), followers.listen(id(2)).unwrap());
        followers.tell(&id(1), Word::Published);
        assert!(one.word.has_changed().unwrap() && !other.word.has_changed().unwrap());
        assert_eq!(*one.word.borrow_and_update(), Word::Published);
        let late = followers.listen(id(1)).unwrap();
        assert!(!late.word.has_changed().unwrap(), "what was said before is not news");
        followers.tell_all(Word::Look);
        assert!(one.word.has_changed().unwrap() && other.word.has_changed().unwrap() && late.word.has_changed().unwrap());
        drop((one, other));
        assert_eq!(followers.lock().len(), 1);
        drop(late);
        assert_eq!(followers.lock().len(), 0);
    }
}
