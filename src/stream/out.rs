//! What goes out on one connection, in order: as it is, or as one gzip member.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::frame;
use super::part::Part;
use crate::series::{Deflated, Member};

/// Shared parts up to this length are copied behind what stands in front of them: a copy costs less than a piece of its own.
const COPIED_BYTES: usize = 4 * 1024;
/// Events are gathered into pieces of about this length.
const PIECE_BYTES: usize = 16 * 1024;
/// Longer ones go out in slices: `server.write_timeout` is for each, so that a large window has the time that it takes.
const SLICE_BYTES: usize = 64 * 1024;

/// Gathers events and gives them out in pieces.
pub(super) struct Out {
    /// What is ready to go out.
    pieces: VecDeque<Bytes>,
    /// Behind it: ready too, but more may come to it.
    gathered: BytesMut,
    gzip: Option<Gzip>,
}

/// A member that is being written.
struct Gzip {
    member: Member,
    /// Own text, the last of all: it is in no block yet.
    own: Vec<u8>,
}

impl Out {
    pub(super) fn new(is_gzip: bool) -> Out {
        let mut gathered = BytesMut::new();
        let gzip = is_gzip.then(|| Gzip { member: Member::begin(&mut gathered), own: Vec::new() });
        Out { pieces: VecDeque::new(), gathered, gzip }
    }

    /// Whether shared parts are wanted compressed.
    pub(super) fn is_gzip(&self) -> bool {
        self.gzip.is_some()
    }

    /// What this connection alone is told.
    pub(super) fn own(&mut self, text: &[u8]) {
        match &mut self.gzip {
            Some(gzip) => gzip.own.extend_from_slice(text),
            None => self.gathered.extend_from_slice(text),
        }
    }

    /// The rest of an event, which others are told too, as it is.
    pub(super) fn shared(&mut self, part: &Part) {
        self.own(&part.times);
        match &self.gzip {
            None => self.append(part.text.clone()),
            Some(_) => self.own(&part.text),
        }
        self.own(frame::END);
    }

    /// The same compressed; as it is for who does not take that.
    pub(super) fn packed(&mut self, part: &Part, packed: &Deflated) {
        let Some(gzip) = &mut self.gzip else { return self.shared(part) };
        gzip.end_own(&mut self.gathered);
        let piece = gzip.member.piece(packed);
        self.append(piece);
    }

    /// Short parts are copied, long ones go out by reference.
    fn append(&mut self, shared: Bytes) {
        if shared.len() <= COPIED_BYTES {
            return self.gathered.extend_from_slice(&shared);
        }
        self.flush();
        self.pieces.push_back(shared);
    }

    /// Whether there is enough to go out.
    pub(super) fn is_full(&self) -> bool {
        let own = self.gzip.as_ref().map_or(0, |gzip| gzip.own.len());
        !self.pieces.is_empty() || self.gathered.len() + own >= PIECE_BYTES
    }

    /// Everything goes out now.
    pub(super) fn flush(&mut self) {
        if let Some(gzip) = &mut self.gzip {
            gzip.end_own(&mut self.gathered);
        }
        if !self.gathered.is_empty() {
            self.pieces.push_back(self.gathered.split().freeze());
        }
    }

    /// Nothing comes behind this.
    pub(super) fn end(&mut self) {
        if let Some(mut gzip) = self.gzip.take() {
            gzip.end_own(&mut self.gathered);
            gzip.member.end(&mut self.gathered);
        }
        self.flush();
    }

    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        let first = self.pieces.front_mut()?;
        if first.len() > SLICE_BYTES { Some(first.split_to(SLICE_BYTES)) } else { self.pieces.pop_front() }
    }

    /// An idle stream holds no room for events.
    pub(super) fn shrink(&mut self) {
        self.gathered = BytesMut::new();
        self.pieces.shrink_to(0);
        if let Some(gzip) = &mut self.gzip {
            gzip.own = Vec::new();
        }
    }
}

impl Gzip {
    fn end_own(&mut self, out: &mut BytesMut) {
        self.member.text(&self.own, out);
        self.own.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    use super::super::topic::Held;
    use super::*;

    fn held() -> Arc<Held> {
        Arc::new(Held { bytes: AtomicUsize::new(0), most: usize::MAX })
    }

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|at| b"[1795424415,\"83.9\"],"[(at * at / 7) % 20]).collect()
    }

    fn drain(out: &mut Out) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(piece) = out.next_piece() {
            assert!(!piece.is_empty() && piece.len() <= SLICE_BYTES);
            all.extend_from_slice(&piece);
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is put in, and whenever it goes out: in the same order, and read as soon as it is out.
        #[test]
        fn both_forms_say_the_same(
            steps in prop::collection::vec((0..3_u8, prop_oneof![0..400_usize, 0..8000_usize, 0..150_000_usize]), 1..25)
        ) {
            let (mut plain, mut gzip) = (Out::new(false), Out::new(true));
            let mut reader = flate2::write::GzDecoder::new(Vec::new());
            let mut whole = Vec::new();
            for (what, len) in steps {
                let text = text(len);
                match what {
                    0 => [&mut plain, &mut gzip].into_iter().for_each(|out| out.own(&text)),
                    1 => {
                        let part = Part::delta(text, &held());
                        let packed = Deflated::of(&[&part.times, &part.text, frame::END]);
                        plain.packed(&part, &packed);
                        gzip.packed(&part, &packed);
                    }
                    _ => {
                        plain.flush();
                        gzip.flush();
                        whole.extend(drain(&mut plain));
                        reader.write_all(&drain(&mut gzip)).unwrap();
                        reader.flush().unwrap();
                        prop_assert!(*reader.get_ref() == whole);
                        plain.shrink();
                        gzip.shrink();
                    }
                }
            }
            plain.end();
            gzip.end();
            whole.extend(drain(&mut plain));
            reader.write_all(&drain(&mut gzip)).unwrap();
            reader.try_finish().unwrap();
            prop_assert!(*reader.get_ref() == whole);
        }
    }

    #[test]
    fn a_long_piece_is_shared_and_not_copied() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u8
        };
        let random: Vec<u8> = (0..20_000).map(|_| next()).collect();
        let part = Part::delta(random, &held());
        let packed = Deflated::of(&[&part.times, &part.text, frame::END]);
        let mut places = Vec::new();
        for _ in 0..2 {
            let mut out = Out::new(true);
            out.own(b"event: delta\n");
            out.packed(&part, &packed);
            out.flush();
            let pieces: Vec<Bytes> = std::iter::from_fn(|| out.next_piece()).collect();
            places.push(pieces[1].as_ptr());
        }
        assert_eq!(places[0], places[1]);
    }
}
