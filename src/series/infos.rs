//! PromQL's info annotations, kept with a block and joined for an answer.
//!
//! Which ones Prometheus sends, and in which order, is not fixed (it walks a map and stops at ten), so joined lists have the same
//! meaning but need not have the same bytes. What is kept: the texts as sent, each once, in order of first appearance, ten at most
//! and one more that counts the rest.

use std::sync::Arc;

/// As many as Prometheus sends.
const MOST: usize = 10;
const OMITTED: &str = " more info annotations omitted\"";

/// Some infos, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Infos {
    /// JSON strings with their quotes.
    list: Vec<Arc<str>>,
    /// At least so many more were left out.
    omitted: usize,
}

impl Infos {
    /// From an answer's list.
    pub fn sent(list: &[&str]) -> Infos {
        let mut infos = Infos::default();
        for text in list {
            match omitted(text) {
                Some(count) => infos.omitted = infos.omitted.max(count),
                None => infos.omitted += usize::from(!infos.add(text, || (*text).into())),
            }
        }
        infos
    }

    /// Adds those of another list. Which ones the other left out is not known, so the larger count stays.
    pub fn join(&mut self, other: &Infos) {
        let left_out = other.list.iter().filter(|text| !self.add(text, || (*text).clone())).count();
        self.omitted = self.omitted.max(other.omitted).max(left_out);
    }

    /// False when the list is full.
    fn add(&mut self, text: &str, make: impl Fn() -> Arc<str>) -> bool {
        if self.list.iter().any(|known| **known == *text) {
            return true;
        }
        if self.list.len() < MOST {
            self.list.push(make());
            return true;
        }
        false
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.omitted == 0
    }

    /// The texts as an answer has them.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        let rest = (self.omitted > 0).then(|| format!("\"{}{OMITTED}", self.omitted));
        self.list.iter().map(|text| text.to_string()).chain(rest)
    }

    /// Appends `,"infos":[…]`, or nothing.
    pub fn print(&self, out: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        out.extend_from_slice(br#","infos":["#);
        for (at, text) in self.texts().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(text.as_bytes());
        }
        out.push(b']');
    }

    /// Bytes of heap; texts that blocks share are counted for each.
    pub fn weight(&self) -> usize {
        self.list.capacity() * size_of::<Arc<str>>() + self.list.iter().map(|text| 16 + text.len()).sum::<usize>()
    }
}

/// How many `"3 more info annotations omitted"` counts.
fn omitted(text: &str) -> Option<usize> {
    let number = text.strip_prefix('"')?.strip_suffix(OMITTED)?;
    number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|n| format!("\"info {n}\"")).collect()
    }

    fn sent(list: &[String]) -> Infos {
        Infos::sent(&list.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn printed(infos: &Infos) -> String {
        let mut out = vec![];
        infos.print(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn joined_in_order_of_first_appearance() {
        let mut infos = sent(&texts(2..4));
        infos.join(&sent(&texts(0..3)));
        assert_eq!(printed(&infos), r#","infos":["info 2","info 3","info 0","info 1"]"#);
        assert_eq!(printed(&Infos::default()), "");
    }

    #[test]
    fn ten_and_a_count() {
        let mut infos = sent(&texts(0..8));
        infos.join(&sent(&texts(6..13)));
        let all: Vec<_> = infos.texts().collect();
        assert_eq!((all.len(), all[10].as_str()), (11, "\"3 more info annotations omitted\""));
        // What Prometheus counted itself is a count here too.
        assert_eq!(sent(&all), infos);
        infos.join(&infos.clone());
        assert_eq!(infos.texts().collect::<Vec<_>>(), all);
    }
}
