//! Shapes over time: every function is pure, so that the history and the exporter agree without sharing anything.

use std::f64::consts::TAU;
use std::sync::Arc;

/// A value over unix time in seconds.
pub(crate) type Curve = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;

/// The same value at every time.
pub(crate) fn constant(value: f64) -> Curve {
    Arc::new(move |_| value)
}

/// A curve from any function of time.
pub(crate) fn curve(shape: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Curve {
    Arc::new(shape)
}

/// `low` at night, `high` in the busiest hour, with noise and bursts: what people do to a service.
pub(crate) fn busy(seed: u64, low: f64, high: f64) -> Curve {
    curve(move |t| low + (high - low) * demand(seed, t))
}

/// Around `level`, moving by up to `swing` both ways within some minutes.
pub(crate) fn steady(seed: u64, level: f64, swing: f64) -> Curve {
    curve(move |t| level + swing * wobble(seed, t, 420.0) + 0.4 * swing * wobble(seed ^ 0x5a, t, 60.0))
}

/// Demand of people: about 0.1 at night, about 1 in the afternoon, seldom above 1.4.
pub(crate) fn demand(seed: u64, t: f64) -> f64 {
    let afternoon_peak = ((t / DAY - 14.0 / 24.0) * TAU).cos();
    let daily = 0.12 + 0.78 * (0.5 + 0.5 * afternoon_peak).powf(1.6);
    let noise = 1.0 + 0.16 * wobble(seed, t, 600.0) + 0.07 * wobble(seed ^ 0xb0, t, 75.0);
    (daily * noise + 0.35 * burst(seed, t)).max(0.01)
}

/// In about one hour of four, a smooth bump of some minutes, between 0 and 1.
pub(crate) fn burst(seed: u64, t: f64) -> f64 {
    let hour = (t / HOUR).floor();
    if unit(seed ^ 0xb0b, hour) > 0.27 {
        return 0.0;
    }
    let length = 240.0 + 480.0 * unit(seed ^ 0x1e, hour);
    let begin = hour * HOUR + unit(seed ^ 0x0b, hour) * (HOUR - length);
    bump(t, begin, length)
}

/// A smooth bump from 0 to 1 and back between `begin` and `begin + length`.
pub(crate) fn bump(t: f64, begin: f64, length: f64) -> f64 {
    let place = (t - begin) / length;
    if (0.0..1.0).contains(&place) { 0.5 - 0.5 * (place * TAU).cos() } else { 0.0 }
}

/// From 0 before `begin` to 1 after `begin + length`, smoothly.
pub(crate) fn ramp(t: f64, begin: f64, length: f64) -> f64 {
    let place = ((t - begin) / length).clamp(0.0, 1.0);
    place * place * (3.0 - 2.0 * place)
}

/// Smooth noise between -1 and 1 whose hills are about `period` seconds wide.
pub(crate) fn wobble(seed: u64, t: f64, period: f64) -> f64 {
    let place = t / period;
    let left = place.floor();
    let blend = place - left;
    let smooth = blend * blend * (3.0 - 2.0 * blend);
    let (before, after) = (unit(seed, left), unit(seed, left + 1.0));
    2.0 * (before + (after - before) * smooth) - 1.0
}

/// A number in [0, 1) that depends on nothing but the seed and the slot.
pub(crate) fn unit(seed: u64, slot: f64) -> f64 {
    let mixed = mix(seed ^ (slot as i64 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// A seed from a name.
pub(crate) fn seed(name: &str) -> u64 {
    mix(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// Five letters for a pod's name, as Kubernetes makes them.
pub(crate) fn suffix(name: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let hash = seed(name);
    (0..5).map(|place| LETTERS[((hash >> (place * 8)) % LETTERS.len() as u64) as usize] as char).collect()
}

/// The finaliser of splitmix64: spreads every input bit over the output.
fn mix(input: u64) -> u64 {
    let first = (input ^ (input >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}
