//! Bytes to a block.

use std::io::Read;
use std::sync::Arc;

use super::super::block::{Block, Lane, POINTS, Run};
use super::super::builder::Builder;
use super::super::infos::Infos;
use super::super::table::Table;
use super::super::{Grid, Limits, PutError, Series};
use super::super::{grid, json};
use super::source::Source;
use super::{AGAIN, HEAD, HISTOGRAMS, PLAIN, SAME, VERSION, WHOLE, ZSTD, checksum, times};

/// Blocks have ten and a count at most.
const MOST_INFOS: u64 = 16;
/// A frame that claims a larger window than level 1 ever uses would have the decoder allocate it: 2^20 bytes.
const WINDOW_LOG: u32 = 20;

/// Adds an encoded block to what is known in its place: for each point what was fetched last wins. On an error nothing has changed.
pub fn decode(series: &mut Series, number: i64, bytes: &[u8], limits: Limits) -> Result<(), CompactError> {
    let (head, body) = bytes.split_at_checked(HEAD).ok_or(CompactError::Malformed)?;
    let &[version, codec, a, b, c, d, l0, l1, l2, l3] = head else { return Err(CompactError::Malformed) };
    if version != VERSION {
        return Err(CompactError::Version(version));
    }
    if [a, b, c, d] != checksum(version, codec, &bytes[6..]) {
        return Err(CompactError::Checksum);
    }
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if len > limits.bytes {
        return Err(CompactError::TooLarge);
    }
    let unpacked;
    let payload = match codec {
        PLAIN => body,
        ZSTD => {
            unpacked = unpack(body, len).ok_or(CompactError::Malformed)?;
            &unpacked
        }
        _ => return Err(CompactError::Malformed),
    };
    if payload.len() != len {
        return Err(CompactError::Malformed);
    }
    let mut table = series.table().clone();
    let block = read(series, number, payload, limits, &mut table)?;
    series.join(number, block, table).map_err(CompactError::Labels)
}

/// Why bytes are not a block of this series. Treat all of them as if nothing had been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// Of another version of the format.
    #[error("the stored block has format {0}, this version reads format {VERSION} only")]
    Version(u8),
    /// Damaged on its way.
    #[error("the stored block's checksum is wrong: it was damaged, or something else was stored under its key")]
    Checksum,
    /// Over the limits.
    #[error("the stored block is larger than an answer may be")]
    TooLarge,
    /// Of another grid, or another place in it.
    #[error("the stored block belongs to another step, start or time")]
    Other,
    /// Not what [`encode`](super::encode) writes.
    #[error("the stored block cannot be read, though its checksum is right: something else wrote it")]
    Malformed,
    /// Its label sets are not those of an answer.
    #[error("the stored block's label sets cannot be kept: {0}")]
    Labels(PutError),
}

/// Grows as data comes, whatever length is claimed.
fn unpack(body: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(len.min(body.len().saturating_mul(8)));
    let mut reader = zstd::stream::read::Decoder::with_buffer(body).ok()?;
    reader.window_log_max(WINDOW_LOG).ok()?;
    reader.take(len as u64 + 1).read_to_end(&mut plain).ok()?;
    Some(plain)
}

fn read(series: &Series, number: i64, payload: &[u8], limits: Limits, table: &mut Arc<Table>) -> Result<Block, CompactError> {
    let mut from = Source(payload);
    for want in [series.grid().step_ms(), series.grid().phase_ms(), number] {
        if from.signed()? != want {
            return Err(CompactError::Other);
        }
    }
    let runs = runs(&mut from)?;
    let infos = infos(&mut from)?;
    let lanes = Lanes::read(&mut from, &runs, limits)?;
    let lengths: Vec<u64> = (0..lanes.points).map(|_| from.unsigned()).collect::<Result<_, _>>()?;
    let labels: Vec<&[u8]> = lanes.label_sizes.iter().map(|size| from.take(*size)).collect::<Result<_, _>>()?;
    let numbers = Table::intern(table, labels.into_iter()).map_err(CompactError::Labels)?;
    if numbers.windows(2).any(|pair| table.rank[pair[0] as usize] >= table.rank[pair[1] as usize]) {
        return Err(CompactError::Malformed);
    }
    let times = times(series.grid(), number).ok_or(CompactError::Other)?;
    let longest_time = times.iter().map(Vec::len).max().unwrap_or(0);
    let most = from.0.len().saturating_add(lanes.points.saturating_mul(longest_time + 6));
    if most > u32::MAX as usize {
        return Err(CompactError::TooLarge);
    }
    let mut builder = Builder::new(runs, lanes.list.len(), most);
    let place = Place { grid: series.grid(), first: number * POINTS as i64, times: &times };
    let (mut lengths, mut numbers) = (lengths.into_iter(), numbers.into_iter());
    let mut current = None;
    for (flags, mask) in lanes.list {
        if flags & AGAIN == 0 {
            current = numbers.next();
        }
        let lane = Lane { series: current.ok_or(CompactError::Malformed)?, histograms: flags & HISTOGRAMS != 0 };
        builder.lane(lane, |slot, out| {
            if mask >> slot & 1 == 0 {
                return Ok(());
            }
            let text = from.take(lengths.next().ok_or(CompactError::Malformed)?)?;
            place.point(slot, flags, text, out).ok_or(CompactError::Malformed)
        })?;
    }
    if !from.0.is_empty() {
        return Err(CompactError::Malformed);
    }
    Ok(builder.finish(infos, series.lanes_before(number)))
}

fn runs(from: &mut Source<'_>) -> Result<Vec<Run>, CompactError> {
    let mut runs: Vec<Run> = vec![];
    for _ in 0..from.byte()? {
        let run = Run { from: from.byte()?, to: from.byte()?, fetched_at_ms: from.signed()? };
        if run.from >= run.to || usize::from(run.to) > POINTS || runs.last().is_some_and(|last| last.to > run.from) {
            return Err(CompactError::Malformed);
        }
        runs.push(run);
    }
    if runs.is_empty() { Err(CompactError::Malformed) } else { Ok(runs) }
}

fn infos(from: &mut Source<'_>) -> Result<Infos, CompactError> {
    let count = from.unsigned()?;
    if count > MOST_INFOS {
        return Err(CompactError::Malformed);
    }
    let mut list = vec![];
    for _ in 0..count {
        let len = from.unsigned()?;
        let text = std::str::from_utf8(from.take(len)?).map_err(|_| CompactError::Malformed)?;
        if json::unescape(text.as_bytes(), |_| ()).is_none_or(|after| !after.is_empty()) {
            return Err(CompactError::Malformed);
        }
        list.push(text);
    }
    Ok(Infos::sent(&list))
}

/// Which points there are.
struct Lanes {
    /// Flags, and a bit for each slot with a point.
    list: Vec<(u8, u128)>,
    label_sizes: Vec<u64>,
    points: usize,
}

impl Lanes {
    fn read(from: &mut Source<'_>, runs: &[Run], limits: Limits) -> Result<Lanes, CompactError> {
        let known = runs.iter().flat_map(Run::slots).fold(0u128, |mask, slot| mask | 1 << slot);
        let mut lanes = Lanes { list: vec![], label_sizes: vec![], points: 0 };
        for _ in 0..from.unsigned()? {
            let flags = from.byte()?;
            let last = lanes.list.last();
            let mask = match last {
                Some((_, mask)) if flags & SAME != 0 => *mask,
                _ => u128::from_le_bytes(from.take(16)?.try_into().map_err(|_| CompactError::Malformed)?),
            };
            let again = flags & AGAIN != 0;
            let in_order = !again || last.is_some_and(|(last, _)| last & HISTOGRAMS == 0 && flags & HISTOGRAMS != 0);
            // A point outside the runs would be one that nobody knows.
            if mask == 0 || mask & !known != 0 || !in_order || flags & !(HISTOGRAMS | WHOLE | SAME | AGAIN) != 0 {
                return Err(CompactError::Malformed);
            }
            if !again {
                lanes.label_sizes.push(from.unsigned()?);
            }
            lanes.list.push((flags, mask));
            lanes.points += mask.count_ones() as usize;
            if lanes.label_sizes.len() > limits.series || lanes.points > limits.points {
                return Err(CompactError::TooLarge);
            }
        }
        // Each has a length of at least one byte.
        if lanes.points > from.0.len() { Err(CompactError::Malformed) } else { Ok(lanes) }
    }
}

/// Where the points belong.
struct Place<'a> {
    grid: Grid,
    first: i64,
    times: &'a [Vec<u8>],
}

impl Place<'_> {
    /// Appends a point with its comma; none if it is not one that could have been read from an answer.
    fn point(&self, slot: usize, flags: u8, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let histograms = flags & HISTOGRAMS != 0;
        if flags & WHOLE != 0 {
            let rest = text.strip_prefix(b"[")?;
            let (ms, len) = grid::read_time(rest)?;
            let value = rest[len..].strip_prefix(b",")?;
            let end = if histograms { json::histogram(value) } else { json::float(value) }?;
            if self.grid.index(ms) != Some(self.first + slot as i64) || &value[end..] != b"]" {
                return None;
            }
            out.extend_from_slice(text);
            out.push(b',');
            return Some(());
        }
        out.push(b'[');
        out.extend_from_slice(&self.times[slot]);
        out.push(b',');
        let from = out.len();
        if histograms {
            out.extend_from_slice(text);
        } else {
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        }
        let value = &out[from..];
        let end = if histograms { json::histogram(value) } else { json::float(value) }?;
        if end != value.len() {
            return None;
        }
        out.extend_from_slice(b"],");
        Some(())
    }
}
