//! What processes use: read from /proc, so the figures are the kernel's.

use std::fs;
use std::time::Duration;

/// The kernel counts CPU time in hundredths of a second for user space.
const TICK: Duration = Duration::from_millis(10);

/// CPU time, user and system, of a process and its children that live, since each began.
pub fn cpu(pid: u32) -> Duration {
    family(pid).into_iter().map(cpu_of).sum()
}

/// Resident memory of a process and its children, in KiB.
pub fn resident_kib(pid: u32) -> u64 {
    family(pid)
        .into_iter()
        .filter_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}

fn cpu_of(pid: u32) -> Duration {
    let ticks = fields(pid).map_or(0, |f| number(&f, 11) + number(&f, 12));
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(other) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if fields(other).is_some_and(|f| number(&f, 1) == u64::from(pid)) {
            all.push(other);
        }
    }
    all
}

/// The fields of /proc/PID/stat behind the name, which may hold anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

fn number(fields: &[String], at: usize) -> u64 {
    fields.get(at).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
