//! An answer as its reader sees it: series by series, point by point, each as the text that was sent.

use super::decode::{Decoded, Found, Stretch};
use super::labels;

/// One series of an answer.
#[derive(Clone, Copy)]
pub struct Row<'d> {
    decoded: &'d Decoded<'d>,
    found: &'d Found,
}

impl Decoded<'_> {
    /// Its series, in the order in which they came.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.series.iter().map(|found| Row { decoded: self, found })
    }

    /// Whether its series are in the order in which Prometheus sends them: by their labels, each label set once.
    pub fn is_sorted(&self) -> bool {
        let (mut before, mut now) = (Vec::new(), Vec::new());
        self.rows().enumerate().all(|(at, row)| {
            std::mem::swap(&mut before, &mut now);
            now.clear();
            labels::sort_key(row.labels(), &mut now).is_some() && (at == 0 || before < now)
        })
    }
}

impl<'d> Row<'d> {
    /// Its labels, `{…}`.
    pub fn labels(self) -> &'d [u8] {
        let at = &self.found.labels;
        &self.decoded.body[at.start as usize..at.end as usize]
    }

    /// Its floats: grid point and text, `[1795424400,"1"]`, by ascending time.
    pub fn floats(self) -> impl Iterator<Item = (i64, &'d [u8])> {
        self.points(&self.found.lanes[0])
    }

    /// Its histograms, in the same way.
    pub fn histograms(self) -> impl Iterator<Item = (i64, &'d [u8])> {
        self.points(&self.found.lanes[1])
    }

    fn points(self, stretch: &'d Stretch) -> impl Iterator<Item = (i64, &'d [u8])> {
        let (first, last) = (stretch.points.start as usize, stretch.points.end as usize);
        let decoded = self.decoded;
        decoded.points[first..last].iter().enumerate().map(move |(nth, point)| {
            let end = match decoded.points[..last].get(first + nth + 1) {
                // A comma stands between two points.
                Some(next) => next.at - 1,
                None => stretch.end,
            };
            (point.index, &decoded.body[point.at as usize..end as usize])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Grid, Limits, decode};

    fn texts<'a>(points: impl Iterator<Item = (i64, &'a [u8])>) -> Vec<(i64, String)> {
        points.map(|(index, text)| (index, String::from_utf8(text.to_vec()).unwrap())).collect()
    }

    #[test]
    fn every_point_is_given_as_it_was_sent() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[15,"1"],[45,"NaN"]],"histograms":[[30,{"count":"2","sum":"1"}]]},{"metric":{"a":"2"},"values":[[30,"-0.5"]]}]}}"#;
        let decoded = decode(body, Grid::new(0, 15_000).unwrap(), Limits::default()).unwrap();
        let rows: Vec<_> = decoded.rows().collect();
        assert_eq!(rows[0].labels(), br#"{"a":"1"}"#);
        assert_eq!(texts(rows[0].floats()), [(1, r#"[15,"1"]"#.to_owned()), (3, r#"[45,"NaN"]"#.to_owned())]);
        assert_eq!(texts(rows[0].histograms()), [(2, r#"[30,{"count":"2","sum":"1"}]"#.to_owned())]);
        assert_eq!(texts(rows[1].floats()), [(2, r#"[30,"-0.5"]"#.to_owned())]);
        assert_eq!(texts(rows[1].histograms()), []);
        assert!(decoded.is_sorted());
    }

    #[test]
    fn the_order_is_that_of_labels() {
        let check = |first: &str, second: &str, sorted| {
            let series = |labels: &str| format!(r#"{{"metric":{labels},"values":[[0,"1"]]}}"#);
            let body =
                format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{},{}]}}}}"#, series(first), series(second));
            let decoded = decode(body.as_bytes(), Grid::new(0, 15_000).unwrap(), Limits::default()).unwrap();
            assert_eq!(decoded.is_sorted(), sorted, "{first} {second}");
        };
        check(r#"{"a":"1"}"#, r#"{"a":"2"}"#, true);
        check(r#"{"a":"2"}"#, r#"{"a":"1"}"#, false);
        check(r#"{"a":"1"}"#, r#"{"a":"1"}"#, false);
        check("{}", r#"{"a":"1"}"#, true);
        check(r#"{"a":"1","b":"2"}"#, r#"{"a":"1","c":"1"}"#, true);
    }
}
