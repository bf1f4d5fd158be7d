//! A plot with logarithmic axes, as SVG.

use std::fmt::Write as _;

pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

pub struct Plot {
    pub title: &'static str,
    pub across: &'static str,
    pub up: &'static str,
    pub lines: Vec<Line>,
}

/// The whole picture, and the rectangle of the axes in it.
const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 500.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 800.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 440.0;
/// Told apart without red against green.
const COLOURS: [&str; 4] = ["#4d4d4d", "#0072b2", "#d55e00", "#009e73"];

/// A logarithmic axis over whole powers of ten.
struct Axis {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Axis {
        let positive = values.filter(|value| *value > 0.0);
        let from = positive.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let to = positive.fold(0.0, f64::max).log10().ceil();
        Axis { from, to: to.max(from + 1.0), begin, end }
    }

    fn at(&self, value: f64) -> f64 {
        self.begin + (value.log10() - self.from) / (self.to - self.from) * (self.end - self.begin)
    }

    /// Powers of ten on it.
    fn powers(&self) -> impl Iterator<Item = f64> + use<> {
        (self.from as i32..=self.to as i32).map(|power| 10f64.powi(power))
    }
}

impl Plot {
    pub fn svg(&self) -> String {
        let all = self.lines.iter().flat_map(|line| line.points.iter());
        let across = Axis::over(all.clone().map(|point| point.0), LEFT, RIGHT);
        let up = Axis::over(all.map(|point| point.1), BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">{0}</text>\n",
            self.title
        );
        for power in across.powers() {
            let x = across.at(power);
            let _ = writeln!(svg, "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{BOTTOM}\" stroke=\"#ddd\"/>");
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{power}</text>", BOTTOM + 20.0);
        }
        for power in up.powers() {
            let y = up.at(power);
            let _ = writeln!(svg, "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>");
            let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{power}</text>", LEFT - 8.0, y + 4.0);
        }
        let middle = (LEFT + RIGHT) / 2.0;
        let _ = writeln!(svg, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", BOTTOM + 45.0, self.across);
        let middle = (TOP + BOTTOM) / 2.0;
        let _ = writeln!(svg, "<text transform=\"translate(20 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>", self.up);
        for (at, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let places: Vec<(f64, f64)> = line.points.iter().filter(|p| p.1 > 0.0).map(|p| (across.at(p.0), up.at(p.1))).collect();
            let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>", path.join(" "));
            for (x, y) in places {
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
            let y = TOP + 18.0 + 20.0 * at as f64;
            let _ = writeln!(svg, "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>", LEFT + 14.0, y - 6.0);
            let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{y:.1}\">{}</text>", LEFT + 36.0, line.name);
        }
        svg.push_str("</svg>\n");
        svg
    }
}
