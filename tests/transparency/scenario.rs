//! What is asked in which order, so that the cache knows nothing, all, a part, the neighbours, or all but the middle.

use crate::rng::Rng;
use crate::window::Window;

/// One request of a history.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What the cache may know by now, for messages.
    pub state: &'static str,
    pub window: Window,
    /// What the client says it can decompress.
    pub accepts: &'static str,
}

/// A history of requests around a window.
pub type Story = fn(Window, &mut Rng) -> Vec<Ask>;

/// All of them.
pub const STORIES: &[(&str, Story)] = &[
    ("moves", moves),
    ("refreshes", refreshes),
    ("grows", grows),
    ("hole", hole),
    ("pieces", pieces),
    ("zooms", zooms),
    ("staggered", staggered),
];

fn plain(state: &'static str, window: Window) -> Ask {
    Ask { state, window, accepts: "identity" }
}

fn packed(state: &'static str, window: Window, accepts: &'static str) -> Ask {
    Ask { state, window, accepts }
}

/// Cold, warm, and every small move from there.
fn moves(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let less_than_a_step = 1 + rng.below((w.step_ms - 1).max(1) as usize) as i64;
    vec![
        plain("cold", w),
        plain("warm", w),
        packed("warm, gzip", w, "gzip"),
        plain("one step later", w.shifted(1)),
        plain("one step earlier", w.shifted(-1)),
        plain("less than a step later", w.moved(less_than_a_step)),
        packed("less than a step later again, zstd", w.moved(less_than_a_step), "zstd"),
        plain("warm again", w),
    ]
}

/// A dashboard that is refreshed: the window slides by a step, then by several, then after a break.
fn refreshes(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let encodings = ["identity", "gzip", "gzip, zstd"];
    let mut asks = vec![plain("cold", w)];
    let mut at = 0;
    for i in 0..5 {
        at += [1, 1, 2, 1, 1 + rng.below(2 * w.points() as usize) as i64][i];
        asks.push(packed("slid", w.shifted(at), encodings[i % 3]));
    }
    asks
}

/// Wider at one end, at the other, at both; then narrower, down to one point.
fn grows(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let by = 1 + rng.below(w.points() as usize + 3) as i64;
    vec![
        plain("cold", w),
        plain("longer", w.wider(0, by)),
        plain("earlier", w.wider(by, by)),
        packed("wider", w.wider(2 * by, 2 * by), "gzip"),
        plain("narrower", w),
        plain("a third", w.part(w.points() / 3, w.points() / 3)),
        plain("the first point", w.part(0, 1)),
        plain("the last point", w.part(w.points() - 1, 1)),
    ]
}

/// Left and right first, then all of it; then several holes.
fn hole(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let n = w.points();
    let wide = w.wider(0, 2 * n + 1);
    let inner = rng.below(n as usize) as i64;
    vec![
        plain("cold, left", w),
        plain("cold, right", w.shifted(n + 1 + inner)),
        plain("all, with a hole in the middle", w.wider(0, n + 1 + inner)),
        plain("all again", w.wider(0, n + 1 + inner)),
        packed("to the right of it", wide.shifted(n), "gzip"),
        plain("with everything between", w.wider(3, 5 * n)),
    ]
}

/// A window of which some single parts are known.
fn pieces(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let n = w.points();
    let mut asks: Vec<Ask> = (0..4)
        .map(|_| {
            let from = rng.below(n as usize) as i64;
            plain("a piece", w.part(from, 1 + rng.below((n - from) as usize) as i64))
        })
        .collect();
    asks.extend([plain("all, partly known", w), packed("all, known, gzip", w, "gzip"), plain("all, known", w)]);
    asks
}

/// The same stretch of time in other steps, and the same steps from another start.
fn zooms(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let coarser = Window { step_ms: w.step_ms * 2, ..w };
    let other = Window { step_ms: w.step_ms + 1 + rng.below(5000) as i64, ..w };
    vec![
        plain("cold", w),
        plain("twice the step", coarser),
        plain("another step", other),
        plain("one step later, twice the step", coarser.moved(w.step_ms)),
        packed("warm", w, "zstd"),
        packed("twice the step, warm", coarser, "gzip"),
    ]
}

/// Windows that overlap by halves, there and back.
fn staggered(w: Window, rng: &mut Rng) -> Vec<Ask> {
    let half = (w.points() / 2).max(1);
    let far = w.points() * (2 + rng.below(6) as i64);
    [0, half, 2 * half, -half, half, far, far - half].into_iter().map(|steps| plain("overlapping", w.shifted(steps))).collect()
}
