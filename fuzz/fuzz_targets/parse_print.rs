//! No text panics, and the canonical text is a fixed point.
#![no_main]

use hecate::promql::{ErrorKind, Features, Options, Window, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let options = Options { features: Features::all(), ..Options::default() };
    let window = Window { step_ms: 60_000, range_ms: 3_600_000 };
    match parse(text, &options) {
        Err(error) => {
            assert_ne!(error.kind, ErrorKind::Internal, "{error}");
            let _ = error.pretty(text);
        }
        Ok(query) => {
            let printed = query.text(None).expect("unfolded text needs no window");
            // The printed text may be longer than a user's may be.
            let roomy = Options { bytes: usize::MAX, tokens: usize::MAX, depth: 64, regex_bytes: usize::MAX, ..options };
            let again = parse(&printed, &roomy).expect("printed text is valid");
            assert_eq!(again.text(None).expect("unfolded text needs no window"), printed);
            let _ = (query.text(Some(window)), query.cost(window), query.time_dependence(), query.may_collide());
        }
    }
});
