//! What a block has to survive, and what must not survive it.

use super::super::decode as decode_answer;
use super::super::samples::{answer, floats, put};
use super::super::{Grid, Limits, POINTS, Series};
use super::*;

/// The same block without compression, so that it can be damaged inside.
pub(in super::super) fn unpacked(block: &[u8]) -> Vec<u8> {
    let mut plain = block[..HEAD].to_vec();
    if block[1] == ZSTD {
        plain.extend(zstd::stream::decode_all(&block[HEAD..]).unwrap());
        plain[1] = PLAIN;
        sign(&mut plain);
        plain
    } else {
        block.to_vec()
    }
}

/// Makes length and checksum right.
pub(in super::super) fn sign(block: &mut [u8]) {
    if block.len() >= HEAD {
        let len = (block.len() - HEAD) as u32;
        block[6..HEAD].copy_from_slice(&len.to_le_bytes());
        let sum = checksum(block[0], block[1], &block[6..]);
        block[2..6].copy_from_slice(&sum);
    }
}

fn grid() -> Grid {
    Grid::new(0, 500).unwrap()
}

fn limits() -> Limits {
    Limits::default()
}

/// The block that an answer for the grid points 0 to 63 makes, uncompressed.
fn block_of(body: &[u8]) -> Vec<u8> {
    let mut series = Series::new(grid());
    series.put(0..64, &decode_answer(body, grid(), limits()).unwrap(), 7).unwrap();
    unpacked(&encode(&series, 0).unwrap())
}

/// Floats and one histogram, infos, times to the millisecond.
fn body(short: bool) -> Vec<u8> {
    let mut model = floats(2, 0..64);
    model[1].1[1].insert(63, r#"{"count":"3","sum":"1","buckets":[[0,"0.5","1","3"]]}"#.to_owned());
    answer(&model, grid(), 0..64, short, &[r#""an info""#.to_owned()])
}

fn read(bytes: &[u8]) -> Result<Series, CompactError> {
    let mut series = Series::new(grid());
    decode(&mut series, 0, bytes, limits()).map(|()| series)
}

/// With a text in place of another one, which is there, of the same length; the checksum is right.
fn changed(block: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = block.windows(from.len()).position(|w| w == from.as_bytes()).expect("the text is there");
    let mut bad = block.to_vec();
    bad[at..at + to.len()].copy_from_slice(to.as_bytes());
    sign(&mut bad);
    bad
}

#[test]
#[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
fn what_comes_back_is_what_was_there() {
    for short in [false, true] {
        let series = read(&block_of(&body(short))).unwrap();
        assert_eq!(String::from_utf8(series.cut(0..64).plain()).unwrap(), String::from_utf8(body(short)).unwrap());
        assert_eq!(series.known(0..128, |run, at| if at == 7 { run } else { 0..0 }), [0..64]);
    }
}

#[test]
fn points_lie_in_known_runs_only() {
    let good = block_of(&body(false));
    // Step, phase and number take four bytes; then one run: its count, from, to.
    assert_eq!(good[HEAD + 4..HEAD + 7], [1, 0, 64]);
    for (at, value) in [(6, 63), (5, 1), (6, 0), (6, 129), (4, 0)] {
        let mut bad = good.clone();
        bad[HEAD + at] = value;
        sign(&mut bad);
        assert_eq!(read(&bad).err(), Some(CompactError::Malformed), "byte {at} as {value}");
    }
}

#[test]
fn no_point_lies_between_two_runs() {
    let mut series = Series::new(grid());
    let model = floats(2, 0..64);
    put(&mut series, &model, 0..20, 7);
    put(&mut series, &model, 30..64, 7);
    let good = unpacked(&encode(&series, 0).unwrap());
    assert_eq!(good[HEAD + 4..HEAD + 7], [2, 0, 20]);
    let mut bad = good.clone();
    bad[HEAD + 6] = 19;
    sign(&mut bad);
    assert!(read(&good).is_ok());
    assert_eq!(read(&bad).err(), Some(CompactError::Malformed));
}

#[test]
fn values_are_as_strict_as_in_an_answer() {
    let good = block_of(&body(false));
    for (from, to) in [
        (r#""buckets":[[0,"#, r#""buckets":[[7,"#),
        (r#""buckets":[[0,"#, r#""bukkets":[[0,"#),
        (r#""sum":"1""#, r#""sum":"x""#),
        (r#""sum":"1""#, r#""sum":1  "#),
        (r#""3"]]}"#, r#""3"],}"#),
        ("0.48", "0,48"),
        ("0.48", "0\"48"),
        (r#""an info""#, r#""an\info""#),
        (r#""an info""#, r#""an inf"""#),
        ("team-0", "team\"0"),
        ("model-0001", "model-0000"),
        ("model-0000", "model-0002"),
    ] {
        assert!(read(&changed(&good, from, to)).is_err(), "{to}");
    }
}

#[test]
fn times_of_whole_points_are_those_of_their_places() {
    let good = block_of(&body(true));
    for to in ["[2.5,", "[0.5,", "[1.7,", "[1.x,", "(1.5,", "[1.5;"] {
        assert_eq!(read(&changed(&good, "[1.5,", to)).err(), Some(CompactError::Malformed), "{to}");
    }
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let good = block_of(&body(false));
    let error = |series: &mut Series, number, bytes: &[u8], limits| decode(series, number, bytes, limits).unwrap_err();
    assert_eq!(error(&mut Series::new(grid()), 1, &good, limits()), CompactError::Other);
    assert_eq!(error(&mut Series::new(Grid::new(1, 500).unwrap()), 0, &good, limits()), CompactError::Other);
    assert_eq!(error(&mut Series::new(Grid::new(0, 1000).unwrap()), 0, &good, limits()), CompactError::Other);
    let mut other = good.clone();
    other[0] = VERSION + 1;
    sign(&mut other);
    assert_eq!(read(&other).err(), Some(CompactError::Version(VERSION + 1)));
    let mut damaged = good.clone();
    damaged[HEAD + 20] ^= 1;
    assert_eq!(read(&damaged).err(), Some(CompactError::Checksum));
    for end in 0..HEAD {
        assert!(read(&good[..end]).is_err());
    }
}

#[test]
fn limits_are_kept() {
    let good = block_of(&body(false));
    let fits = Limits { bytes: good.len() - HEAD, series: 2, points: 129 };
    let mut series = Series::new(grid());
    assert_eq!(decode(&mut series, 0, &good, fits), Ok(()));
    for tight in [Limits { bytes: fits.bytes - 1, ..fits }, Limits { series: 1, ..fits }, Limits { points: 128, ..fits }] {
        assert_eq!(decode(&mut Series::new(grid()), 0, &good, tight), Err(CompactError::TooLarge));
    }
}

#[test]
fn claims_allocate_nothing() {
    let frame = |mut packed: Vec<u8>, len: u32| {
        let mut block = vec![VERSION, ZSTD, 0, 0, 0, 0];
        block.extend(len.to_le_bytes());
        block.append(&mut packed);
        let sum = checksum(VERSION, ZSTD, &block[6..]);
        block[2..6].copy_from_slice(&sum);
        block
    };
    let all = Limits { bytes: usize::MAX, ..limits() };
    let payload = &block_of(&body(false))[HEAD..];
    let packed = zstd::bulk::compress(payload, 1).unwrap();
    let mut series = Series::new(grid());
    assert_eq!(decode(&mut series, 0, &frame(packed.clone(), payload.len() as u32), all), Ok(()));
    // A length that nothing stands behind, and one that more stands behind.
    for len in [u32::MAX, payload.len() as u32 - 1] {
        assert_eq!(decode(&mut series, 0, &frame(packed.clone(), len), all), Err(CompactError::Malformed));
    }
    let more = zstd::bulk::compress(&[payload, b"x"].concat(), 1).unwrap();
    assert_eq!(decode(&mut series, 0, &frame(more, payload.len() as u32), all), Err(CompactError::Malformed));
    // A frame whose window the decoder would have to allocate.
    let mut encoder = zstd::stream::Encoder::new(vec![], 1).unwrap();
    encoder.window_log(27).unwrap();
    std::io::Write::write_all(&mut encoder, payload).unwrap();
    let wide = encoder.finish().unwrap();
    assert_eq!(decode(&mut series, 0, &frame(wide, payload.len() as u32), all), Err(CompactError::Malformed));
}

#[test]
fn large_blocks_are_read_by_the_same_rules() {
    let mut series = Series::new(grid());
    put(&mut series, &floats(900, 0..128), 0..128, 1);
    let bytes = encode(&series, 0).unwrap();
    assert_eq!(bytes[1], ZSTD);
    assert!(u32::from_le_bytes(bytes[6..HEAD].try_into().unwrap()) > 2 << 20, "larger than the window");
    assert!(read(&bytes).unwrap().cut(0..128).plain() == series.cut(0..128).plain());
}

#[test]
fn blocks_join_what_is_there_by_age() {
    let (old, new) = (floats(3, 0..128), floats(2, 1000..1128));
    // Other values for the same grid points.
    let new: Vec<_> = new.into_iter().map(|(l, [f, h])| (l, [f.into_iter().map(|(i, v)| (i - 1000, v)).collect(), h])).collect();
    let mut stored = Series::new(grid());
    put(&mut stored, &old, 0..100, 5);
    let bytes = encode(&stored, 0).unwrap();
    let mut series = Series::new(grid());
    put(&mut series, &new, 50..60, 6);
    put(&mut series, &new, 60..128, 4);
    decode(&mut series, 0, &bytes, limits()).unwrap();
    let mut want = Series::new(grid());
    put(&mut want, &new, 60..128, 4);
    put(&mut want, &old, 0..100, 5);
    put(&mut want, &new, 50..60, 6);
    assert_eq!(String::from_utf8(series.cut(0..POINTS as i64).plain()), String::from_utf8(want.cut(0..POINTS as i64).plain()));
    assert_eq!(series.known(0..128, |r, at| if at == 5 { r } else { 0..0 }), [0..50, 60..100]);
}
