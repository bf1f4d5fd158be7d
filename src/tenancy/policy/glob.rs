//! Patterns of metric names: whole names, where `*` stands for any characters.

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    pub(super) fn new(pattern: &str) -> Glob {
        Glob(pattern.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole name fits.
    pub(super) fn matches(&self, name: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return self.0 == name;
        };
        let Some(mut left) = name.strip_prefix(start) else {
            return false;
        };
        // Middle pieces are found as early as possible, which leaves most for the last.
        let mut pieces = rest.split('*');
        let end = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            match left.find(piece) {
                Some(at) => left = &left[at + piece.len()..],
                None => return false,
            }
        }
        left.ends_with(end)
    }

    /// What every name that fits starts with.
    pub(super) fn literal_prefix(&self) -> &str {
        self.0.split_once('*').map_or(&*self.0, |(start, _)| start)
    }

    /// Whether some name fits both.
    pub(super) fn overlaps(&self, other: &Glob) -> bool {
        overlap(self.0.as_bytes(), other.0.as_bytes())
    }

    /// Whether some name that starts like this fits.
    pub(super) fn fits_some_that_starts(&self, prefix: &str) -> bool {
        // A `*` in the prefix is a character, not a pattern; no character of a pattern equals it but another `*`,
        // so such a prefix is reported as possible more often than needed, which is the safe side.
        overlap(self.0.as_bytes(), format!("{prefix}*").as_bytes())
    }
}

/// Whether two patterns have a name in common: one row of the usual table, `reach[j]` meaning that the patterns' first
/// `i` and `j` characters have one.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    let mut reach: Vec<bool> = Vec::with_capacity(b.len() + 1);
    reach.push(true);
    for j in 0..b.len() {
        reach.push(reach[j] && b[j] == b'*');
    }
    for &x in a {
        let mut next = vec![false; b.len() + 1];
        next[0] = reach[0] && x == b'*';
        for (j, &y) in b.iter().enumerate() {
            next[j + 1] = if x == b'*' || y == b'*' {
                // One star takes nothing, or one more character of the other side.
                reach[j + 1] || next[j]
            } else {
                reach[j] && x == y
            };
        }
        reach = next;
    }
    reach[b.len()]
}

/// The anchored regular expression (RE2) that fits exactly the names that one of the patterns fits.
pub(super) fn regex_of<'a>(globs: impl IntoIterator<Item = &'a Glob>) -> String {
    let mut regex = String::new();
    let mut stars = false;
    for (i, glob) in globs.into_iter().enumerate() {
        if i > 0 {
            regex.push('|');
        }
        for c in glob.as_str().chars() {
            if c == '*' {
                stars = true;
                regex.push_str(".*");
            } else {
                if r"\.+?()|[]{}^$".contains(c) {
                    regex.push('\\');
                }
                regex.push(c);
            }
        }
    }
    // Prometheus 3 lets `.` stand for a line end, Prometheus 2 does not: with the flag both do.
    if stars { format!("(?s:{regex})") } else { regex }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_names_fit() {
        for (pattern, name, expect) in [
            ("up", "up", true),
            ("up", "upx", false),
            ("up", "", false),
            ("*", "", true),
            ("*", "anything", true),
            ("DCGM_*", "DCGM_", true),
            ("DCGM_*", "DCGM_FI", true),
            ("DCGM_*", "xDCGM_FI", false),
            ("DCGM_*", "dcgm_fi", false),
            ("*_total", "a_total", true),
            ("*_total", "a_total_x", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a**a", "aa", true),
            ("cluster:*", "cluster:cpu", true),
            ("a.b", "axb", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(name), expect, "{pattern} {name}");
        }
    }

    #[test]
    fn overlaps() {
        for (a, b, expect) in [
            ("up", "up", true),
            ("up", "down", false),
            ("kueue_*", "kueue_local_*", true),
            ("node_*", "kube_node_*", false),
            ("*_total", "DCGM_*", true),
            ("a*b", "b*a", false),
            ("*", "x", true),
            ("a", "ab", false),
            ("a*", "", false),
            ("*", "", true),
        ] {
            assert_eq!(Glob::new(a).overlaps(&Glob::new(b)), expect, "{a} {b}");
            assert_eq!(Glob::new(b).overlaps(&Glob::new(a)), expect, "{b} {a}");
        }
    }

    #[test]
    fn regexes() {
        for (globs, expect) in [
            (&["up"][..], "up"),
            (&["a.b", "c|d"], r"a\.b|c\|d"),
            (&["DCGM_*", "habanalabs_*"], "(?s:DCGM_.*|habanalabs_.*)"),
            (&["a(?i)*"], r"(?s:a\(\?i\).*)"),
        ] {
            let globs: Vec<Glob> = globs.iter().map(|g| Glob::new(g)).collect();
            assert_eq!(regex_of(&globs), expect);
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_naive_matcher(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(Glob::new(&pattern).matches(&name), oracle::glob(&pattern, &name));
        }

        #[test]
        fn the_regex_means_the_same(patterns in prop::collection::vec("[ab*.|\\\\(+\n^$\\[{?-]{0,6}", 1..4), name in "[ab.|\\\\(+\n^$\\[{?-]{0,6}") {
            let globs: Vec<Glob> = patterns.iter().map(|p| Glob::new(p)).collect();
            let naive = patterns.iter().any(|p| oracle::glob(p, &name));
            prop_assert_eq!(oracle::regex(&regex_of(&globs), &name), naive);
        }

        #[test]
        fn a_common_name_means_overlap(a in "[ab*]{0,5}", b in "[ab*]{0,5}", name in "[ab]{0,6}") {
            if oracle::glob(&a, &name) && oracle::glob(&b, &name) {
                prop_assert!(Glob::new(&a).overlaps(&Glob::new(&b)));
            }
        }

        #[test]
        fn overlap_means_a_common_name(a in "[ab*]{0,3}", b in "[ab*]{0,3}") {
            // Names of up to six letters are enough for patterns of three.
            let common = oracle::words(6).into_iter().any(|name| oracle::glob(&a, &name) && oracle::glob(&b, &name));
            prop_assert_eq!(Glob::new(&a).overlaps(&Glob::new(&b)), common);
        }
    }
}
