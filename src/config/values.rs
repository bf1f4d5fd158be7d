//! Single values: what is written, what it means, and how it is written again.
//!
//! Every reader takes a node and answers with the value, or with a message that quotes what was found and shows what would be right.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::reader::{closest, describe};
use super::yaml::{Node, Value};

/// Text as written; not empty.
pub(super) fn text(node: &Node) -> Result<String, String> {
    match scalar(node)? {
        ("", _) => Err("is empty".to_owned()),
        (text, _) => Ok(text.to_owned()),
    }
}

/// A path, relative to the file it stands in.
pub(super) fn path(node: &Node) -> Result<PathBuf, String> {
    text(node).map(|path| node.place.resolve(&path))
}

/// `true` or `false`.
pub(super) fn switch(node: &Node) -> Result<bool, String> {
    match scalar(node)? {
        ("true", false) => Ok(true),
        ("false", false) => Ok(false),
        (other, _) => Err(format!("{} is not true or false", quote(other))),
    }
}

/// A whole number within bounds.
pub(super) fn number(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<u64, String> {
    move |node| {
        let (written, quoted) = scalar(node)?;
        let digits = written.replace('_', "");
        match digits.parse::<u64>() {
            Ok(number) if !quoted => within(number, &range, written, u64::to_string),
            Ok(number) => Err(format!("{} is text, because of its quotes; write {number}", quote(written))),
            Err(_) => Err(format!("{} is not a whole number from {} to {}", quote(written), range.start(), range.end())),
        }
    }
}

/// As [`number`], for what is counted in memory.
pub(super) fn count(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<usize, String> {
    let number = number(range);
    move |node| number(node).and_then(|number| usize::try_from(number).map_err(|_| "too large for this machine".to_owned()))
}

/// A duration within bounds, such as `1h30m`.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Node) -> Result<Duration, String> {
    move |node| {
        let (written, _) = scalar(node)?;
        let duration = parse_duration(written).ok_or_else(|| format!("{} is not a duration; write 15s, 2m or 1h30m", quote(written)))?;
        within(duration, &range, written, |bound| print_duration(*bound))
    }
}

/// A size in bytes within bounds, such as `64MiB`.
pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<u64, String> {
    move |node| {
        let (written, _) = scalar(node)?;
        let size = parse_size(written).ok_or_else(|| format!("{} is not a size; write 16KiB, 64MiB or plain bytes", quote(written)))?;
        within(size, &range, written, |bound| print_size(*bound))
    }
}

/// As [`size`], for what is held in memory.
pub(super) fn memory(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<usize, String> {
    let size = size(range);
    move |node| size(node).and_then(|size| usize::try_from(size).map_err(|_| "too large for this machine".to_owned()))
}

/// A share of a whole, 0 to 1.
pub(super) fn share(node: &Node) -> Result<f64, String> {
    let written = text(node)?;
    let expected = || format!("{} is not a share; write a number from 0 to 1, such as 0.05", quote(&written));
    written.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(expected)
}

/// How often, per second.
pub(super) fn rate(node: &Node) -> Result<f64, String> {
    let (written, _) = scalar(node)?;
    let rate = parse_rate(written).ok_or_else(|| format!("{} is not a rate; write 100/s or 600/min", quote(written)))?;
    within(rate, &(1.0 / 3600.0..=1e9), written, |bound| print_rate(*bound))
}

/// An address with a port to listen on.
pub(super) fn address(node: &Node) -> Result<SocketAddr, String> {
    let (written, _) = scalar(node)?;
    written
        .parse()
        .map_err(|_| format!("{} is not an address to listen on; write 127.0.0.1:7070, 0.0.0.0:7070 or [::]:7070", quote(written)))
}

/// A network, such as `10.0.0.0/8`; a single address is a network of one.
pub(super) fn network(node: &Node) -> Result<IpNet, String> {
    let (written, _) = scalar(node)?;
    if let Ok(address) = written.parse::<std::net::IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let network: IpNet = written.parse().map_err(|_| format!("{} is not a network; write 10.0.0.0/8 or fd00::/8", quote(written)))?;
    if network.addr() != network.network() {
        return Err(format!("{} has bits set behind its prefix; write {}", quote(written), network.trunc()));
    }
    Ok(network)
}

/// An http or https URL without user, query and fragment. A refused one is not quoted: it may hold a password.
pub(super) fn http_url(node: &Node) -> Result<Url, String> {
    let (written, _) = scalar(node)?;
    let url = match Url::parse(written) {
        Ok(url) if written.contains("://") => url,
        _ if written.contains('@') => return Err("not a URL; write http://host:port or https://host/path".to_owned()),
        _ => return Err(format!("{} is not a URL; write http://host:port or https://host/path", quote(written))),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the scheme {}:// is not spoken here; write http:// or https://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not hold a user name or password; they have keys of their own".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a URL must end before the ? or # here".to_owned());
    }
    Ok(url)
}

/// What a browser sends as `Origin`, or `*` for every one.
pub(super) fn origin(node: &Node) -> Result<String, String> {
    let written = text(node)?;
    if written == "*" || Url::parse(&written).is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == written) {
        return Ok(written);
    }
    Err(format!("{} is not an origin; write https://grafana.example, without a path and without / at its end, or *", quote(&written)))
}

/// One of a few words.
pub(super) fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Node) -> Result<T, String> {
    move |node| {
        let (written, _) = scalar(node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
            return Ok(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = closest(written, &known).map(|word| format!("; the closest is {word}")).unwrap_or_default();
        Err(format!("{} is not one of {}{hint}", quote(written), known.join(", ")))
    }
}

/// A list of texts, or one text alone.
pub(super) fn text_or_list(node: &Node) -> Result<Vec<String>, String> {
    match &node.value {
        Value::List(items) => items.iter().map(text).collect(),
        _ => Ok(vec![text(node)?]),
    }
}

fn scalar(node: &Node) -> Result<(&str, bool), String> {
    match &node.value {
        Value::Scalar { text, quoted } => Ok((text, *quoted)),
        other => Err(format!("{} stands where a single value is expected", describe(other))),
    }
}

fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>, written: &str, print: impl Fn(&T) -> String) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("{} is out of range; from {} to {}", quote(written), print(range.start()), print(range.end())))
}

/// What was found, in quotes, one line, bounded.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", short.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"))
}

const UNITS: [(&str, u64); 6] = [("w", 7 * 24 * 3_600_000), ("d", 24 * 3_600_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Whole numbers with units, largest first, each unit once; `0` needs none.
pub(super) fn parse_duration(written: &str) -> Option<Duration> {
    if written == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = written;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let unit_end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, remaining) = behind.split_at(unit_end);
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(*milliseconds)?)?;
        rest = remaining;
    }
    (!written.is_empty()).then(|| Duration::from_millis(total))
}

/// As [`parse_duration`] reads it, in days and smaller.
pub(super) fn print_duration(duration: Duration) -> String {
    let mut milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut printed = String::new();
    for (unit, length) in UNITS.iter().skip(1) {
        let count = milliseconds / length;
        if count > 0 {
            printed.push_str(&format!("{count}{unit}"));
            milliseconds %= length;
        }
    }
    printed
}

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

fn parse_size(written: &str) -> Option<u64> {
    if let Ok(bytes) = written.parse::<u64>() {
        return Some(bytes);
    }
    let (digits, factor) = SIZES.iter().find_map(|(unit, factor)| written.strip_suffix(unit).map(|digits| (digits, *factor)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(factor)
}

/// As [`size`] reads it.
pub(super) fn print_size(bytes: u64) -> String {
    match SIZES.iter().find(|(_, factor)| *factor > 1 && bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

const PERIODS: [(&str, f64); 3] = [("s", 1.0), ("min", 60.0), ("h", 3600.0)];

fn parse_rate(written: &str) -> Option<f64> {
    let (count, period) = written.split_once('/')?;
    let (_, seconds) = PERIODS.iter().find(|(name, _)| *name == period.trim())?;
    let count = count.trim();
    let is_plain = count.chars().all(|c| c.is_ascii_digit() || c == '.');
    count.parse::<f64>().ok().filter(|count| is_plain && count.is_finite()).map(|count| count / seconds)
}

/// As [`rate`] reads it, with the period that gives a whole number if there is one.
pub(super) fn print_rate(per_second: f64) -> String {
    for (period, seconds) in PERIODS {
        let count = (per_second * seconds).round();
        if count >= 1.0 && count / seconds == per_second {
            return format!("{count}/{period}");
        }
    }
    format!("{per_second}/s")
}
