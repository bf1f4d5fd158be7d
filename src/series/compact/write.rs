//! A block to bytes.

use super::super::Series;
use super::super::block::{Block, Body};
use super::source::{put, put_signed};
use super::{AGAIN, HEAD, HISTOGRAMS, PLAIN, SAME, VERSION, WHOLE, ZSTD, checksum, times};

/// Less than this is not worth compressing.
const SMALL: usize = 256;
/// Higher levels of zstd gain nothing here and are slower.
const LEVEL: i32 = 1;

/// The block of this number, if something of it is known.
pub fn encode(series: &Series, number: i64) -> Option<Vec<u8>> {
    let block = series.block(number)?;
    let mut payload = vec![];
    for n in [series.grid().step_ms(), series.grid().phase_ms(), number] {
        put_signed(&mut payload, n);
    }
    payload.push(block.body.runs.len() as u8);
    for run in &block.body.runs {
        payload.extend([run.from, run.to]);
        put_signed(&mut payload, run.fetched_at_ms);
    }
    let infos: Vec<String> = block.body.infos.texts().collect();
    put(&mut payload, infos.len() as u64);
    for info in infos {
        put(&mut payload, info.len() as u64);
        payload.extend_from_slice(info.as_bytes());
    }
    put(&mut payload, block.lanes.len() as u64);
    columns(series, number, &block)?.into_iter().for_each(|column| payload.extend(column));
    frame(&payload)
}

/// Lanes, lengths, labels, values: like beside like compresses better.
fn columns(series: &Series, number: i64, block: &Block) -> Option<[Vec<u8>; 4]> {
    let times = times(series.grid(), number)?;
    let [mut lanes, mut lengths, mut labels, mut values] = [const { Vec::new() }; 4];
    let (mut before, mut previous) = (None, None);
    for (at, lane) in block.lanes.iter().enumerate() {
        let texts: Vec<(usize, &[u8])> = points(&block.body, at).collect();
        let whole = texts.iter().any(|(slot, text)| value_of(text, &times[*slot], lane.histograms).is_none());
        let mask = texts.iter().fold(0u128, |mask, (slot, _)| mask | 1 << slot);
        let again = previous == Some(lane.series);
        let same = before == Some(mask);
        let flags = [(lane.histograms, HISTOGRAMS), (whole, WHOLE), (same, SAME), (again, AGAIN)];
        lanes.push(flags.iter().map(|(set, flag)| u8::from(*set) * flag).sum());
        if !same {
            lanes.extend_from_slice(&mask.to_le_bytes());
        }
        if !again {
            let json = series.table().head(lane.series).json();
            put(&mut lanes, json.len() as u64);
            labels.extend_from_slice(json);
        }
        for (slot, text) in texts {
            let text = if whole { text } else { value_of(text, &times[slot], lane.histograms)? };
            put(&mut lengths, text.len() as u64);
            values.extend_from_slice(text);
        }
        (before, previous) = (Some(mask), Some(lane.series));
    }
    Some([lanes, lengths, labels, values])
}

/// Head and payload, compressed where that helps.
fn frame(payload: &[u8]) -> Option<Vec<u8>> {
    let packed = if payload.len() < SMALL { None } else { zstd::bulk::compress(payload, LEVEL).ok() };
    let (codec, stored) = match &packed {
        Some(packed) if packed.len() < payload.len() => (ZSTD, &**packed),
        _ => (PLAIN, payload),
    };
    let mut out = Vec::with_capacity(HEAD + stored.len());
    out.extend_from_slice(&[VERSION, codec, 0, 0, 0, 0]);
    out.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    out.extend_from_slice(stored);
    let sum = checksum(VERSION, codec, &out[6..]);
    out[2..6].copy_from_slice(&sum);
    Some(out)
}

/// A lane's points without their commas.
fn points(body: &Body, lane: usize) -> impl Iterator<Item = (usize, &[u8])> {
    body.extent.clone().filter_map(move |slot| {
        let (_, text) = body.text[body.span(lane, slot..slot + 1)].split_last()?;
        Some((slot, text))
    })
}

/// The value of a point whose time is printed as Prometheus does.
fn value_of<'a>(point: &'a [u8], time: &[u8], histograms: bool) -> Option<&'a [u8]> {
    let rest = point.strip_prefix(b"[")?.strip_prefix(time)?.strip_prefix(b",")?.strip_suffix(b"]")?;
    if histograms { Some(rest) } else { rest.strip_prefix(b"\"")?.strip_suffix(b"\"") }
}
