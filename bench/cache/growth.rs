//! How the cost of a cached answer grows with series, points and clients.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::Plan;
use crate::common::load::Load;
use crate::common::process;
use crate::common::report::Table;
use crate::common::verdict::Report;
use crate::plot::{Line, Plot};
use crate::stage::{self, START, STEP, Script, WIDE};
use crate::support::Prometheus;

/// Steps of the windows; the longest is what Prometheus allows.
const LENGTHS: [u64; 4] = [60, 241, 1441, 11_000];
const CLIENTS: [usize; 3] = [1, 8, 64];
/// Larger answers are beyond `limits.response_bytes`.
const MOST: u64 = 1_000_000;
/// Windows of a cell: few, so that all of them are covered by one question.
const SLIDES: u64 = 25;

/// One cell of the grid; microseconds of CPU and requests per second.
struct Cell {
    series: u64,
    points: u64,
    bytes: usize,
    /// For each number of clients.
    warm: Vec<(f64, f64)>,
    /// Milliseconds and CPU of Prometheus, asked by one client.
    direct: (f64, f64),
}

/// The table and the plot; the plot is an SVG.
pub fn growth(plan: &Plan, prometheus: &Prometheus) -> (Report, String) {
    let hecate = stage::hecate(&prometheus.url(), "memory: 1GiB, self_check: 0");
    let (own, direct) = (stage::tenant("Hecate", &hecate), stage::direct(prometheus));
    let mut cells = Vec::new();
    for series in WIDE {
        for points in LENGTHS.into_iter().filter(|points| series * points <= MOST) {
            eprintln!("{series} series, {points} points");
            // The longest windows reach back as far as the data do.
            let start = if points > 5000 { START - 3600 } else { START };
            let query = format!("bench_wide_{series}{{namespace=\"a\"}}");
            let script = Script::from(&query, start, (0..SLIDES).map(|from| (from, points)));
            let mut plain = own.connection();
            script.cover.iter().for_each(|path| {
                plain.good(path);
            });
            let path = stage::path(&query, start, points);
            let bytes = plain.good(&path).body_bytes;
            let seconds = Duration::from_secs(plan.seconds.min(2));
            let warm = CLIENTS.map(|connections| {
                let load = Load { connections, script: Some(&script.file), ..Load::of(&path) };
                let turn = load.turn(&own, seconds);
                (turn.cpu_us, turn.rate)
            });
            let (mut asking, before, began) = (direct.connection(), process::cpu(prometheus.pid()), Instant::now());
            let mut asked = 0;
            while asked < 3 || (asked < 300 && began.elapsed() < Duration::from_secs(1)) {
                asking.good(&stage::path(&query, start + asked % SLIDES * STEP, points));
                asked += 1;
            }
            let each = |time: Duration| time.as_secs_f64() / asked as f64;
            let used = process::cpu(prometheus.pid()).saturating_sub(before);
            let direct = (each(began.elapsed()) * 1e3, each(used) * 1e6);
            cells.push(Cell { series, points, bytes, warm: warm.to_vec(), direct });
        }
    }
    (Report { text: text(&cells), ..Report::default() }, drawing(&cells))
}

fn text(cells: &[Cell]) -> String {
    let mut text = format!(
        "## How the cost grows\n\nA selector of long float values; windows slide by one step at each request inside of what is cached, so that every answer is put \
         together anew. CPU of Hecate for one request, and requests per second, from 1, 8 and 64 clients; beside it Prometheus asked directly by one client. One \
         turn for each cell. Cells of more than {MOST} points are left out: their answers are beyond `limits.response_bytes`. \
         The plot is [docs/caching-cost.svg](../docs/caching-cost.svg).\n\n"
    );
    let mut columns = vec!["series".to_owned(), "points".to_owned(), "kB".to_owned()];
    columns.extend(CLIENTS.iter().map(|clients| format!("CPU µs, {clients}")));
    columns.extend(CLIENTS.iter().map(|clients| format!("requests/s, {clients}")));
    columns.extend(["Prometheus CPU µs", "Prometheus ms"].map(str::to_owned));
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for cell in cells {
        let mut row = vec![cell.series.to_string(), cell.points.to_string(), format!("{:.0}", cell.bytes as f64 / 1000.0)];
        row.extend(cell.warm.iter().map(|(cpu, _)| format!("{cpu:.0}")));
        row.extend(cell.warm.iter().map(|(_, rate)| format!("{rate:.0}")));
        row.extend([format!("{:.0}", cell.direct.1), format!("{:.1}", cell.direct.0)]);
        table.row(&row);
    }
    let _ = writeln!(text, "{}", table.text());
    text
}

/// CPU for one answer by its points.
fn drawing(cells: &[Cell]) -> String {
    let line = |name: String, value: &dyn Fn(&Cell) -> f64| {
        let mut points: Vec<(f64, f64)> = cells.iter().map(|cell| ((cell.series * cell.points) as f64, value(cell))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { name, points }
    };
    let mut lines = vec![line("Prometheus, direct, 1 client".to_owned(), &|cell| cell.direct.1)];
    for (at, clients) in CLIENTS.iter().enumerate() {
        let plural = if *clients == 1 { "" } else { "s" };
        lines.push(line(format!("Hecate, cached, {clients} client{plural}"), &|cell| cell.warm[at].0));
    }
    Plot {
        title: "CPU for one range answer that is put together from the cache",
        across: "points in the answer (series × steps)",
        up: "CPU µs for one request",
        lines,
    }
    .svg()
}
