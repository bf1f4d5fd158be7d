//! The label sets of a grid's series: numbered, and ranked in Prometheus' order.

use std::sync::Arc;

use super::labels::sort_key;
use super::snapshot::PutError;

/// A series' number stays the same until unused ones are dropped; its rank is its place among all series. Never changed in place:
/// an answer with new label sets makes a new table, and older snapshots keep theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    heads: Vec<Arc<Head>>,
    /// Numbers by rank.
    order: Vec<u32>,
    /// Ranks by number.
    pub rank: Vec<u32>,
    /// Heap of the heads.
    bytes: usize,
}

/// One label set.
#[derive(Debug)]
pub(super) struct Head {
    /// `]},{"metric":{…},"values":[`: what stands between the points of two series.
    pub glue: Box<[u8]>,
    /// Sorts as Prometheus sorts series.
    key: Box<[u8]>,
}

/// What stands before a label set, and after it.
pub(super) const BEFORE: &[u8] = br#"]},{"metric":"#;
pub(super) const VALUES: &[u8] = br#","values":["#;

impl Head {
    fn new(json: &[u8], key: &[u8]) -> Head {
        Head { glue: [BEFORE, json, VALUES].concat().into(), key: key.into() }
    }

    /// The label set as sent.
    pub fn json(&self) -> &[u8] {
        &self.glue[BEFORE.len()..self.glue.len() - VALUES.len()]
    }

    fn weight(&self) -> usize {
        16 + size_of::<Head>() + self.glue.len() + self.key.len()
    }
}

impl Table {
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn head(&self, number: u32) -> &Head {
        &self.heads[number as usize]
    }

    /// Bytes of heap.
    pub fn weight(&self) -> usize {
        size_of::<Table>() + self.bytes + self.heads.len() * (size_of::<Arc<Head>>() + 2 * size_of::<u32>())
    }

    /// The numbers of these label sets; those that are new are added.
    pub fn intern<'a>(table: &mut Arc<Table>, all: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u32>, PutError> {
        let mut numbers = Vec::with_capacity(all.size_hint().0);
        let mut fresh = vec![];
        let mut key = vec![];
        let mut guess = 0;
        for json in all {
            // Mostly the same series come in the same order as before.
            if let Some(number) = table.order.get(guess).filter(|n| table.head(**n).json() == json) {
                numbers.push(*number);
                guess += 1;
                continue;
            }
            key.clear();
            sort_key(json, &mut key).ok_or(PutError::Labels)?;
            match table.order.binary_search_by(|n| (*table.head(*n).key).cmp(&key)) {
                Ok(rank) => {
                    let number = table.order[rank];
                    if table.head(number).json() != json {
                        return Err(PutError::Spelling);
                    }
                    numbers.push(number);
                    guess = rank + 1;
                }
                Err(rank) => {
                    numbers.push(u32::try_from(table.len() + fresh.len()).map_err(|_| PutError::TooLarge)?);
                    fresh.push(Head::new(json, &key));
                    guess = rank;
                }
            }
        }
        if !fresh.is_empty() {
            *table = Arc::new(table.with(fresh)?);
        }
        Ok(numbers)
    }

    fn with(&self, fresh: Vec<Head>) -> Result<Table, PutError> {
        let mut next = self.clone();
        next.order.extend(self.len() as u32..(self.len() + fresh.len()) as u32);
        next.bytes += fresh.iter().map(Head::weight).sum::<usize>();
        next.heads.extend(fresh.into_iter().map(Arc::new));
        let Table { heads, order, .. } = &mut next;
        let key = |n: &u32| &heads[*n as usize].key;
        // Mostly two ascending runs, which this sort joins in one pass.
        order.sort_by(|a, b| key(a).cmp(key(b)));
        if order.windows(2).any(|pair| key(&pair[0]) == key(&pair[1])) {
            return Err(PutError::Duplicate);
        }
        next.rank = ranks(&next.order);
        Ok(next)
    }

    /// The table of those that are used, and each one's new number.
    pub fn keep(&self, used: &[bool]) -> (Table, Vec<u32>) {
        let mut next = Table::default();
        let mut renumbered = vec![u32::MAX; self.len()];
        // In order of rank, so that numbers and ranks become the same.
        for number in self.order.iter().filter(|n| used[**n as usize]) {
            renumbered[*number as usize] = next.heads.len() as u32;
            let head = self.heads[*number as usize].clone();
            next.bytes += head.weight();
            next.heads.push(head);
        }
        next.order = (0..next.heads.len() as u32).collect();
        next.rank = ranks(&next.order);
        (next, renumbered)
    }
}

fn ranks(order: &[u32]) -> Vec<u32> {
    let mut rank = vec![0; order.len()];
    for (place, number) in order.iter().enumerate() {
        rank[*number as usize] = place as u32;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intern(table: &mut Arc<Table>, all: &[&str]) -> Result<Vec<u32>, PutError> {
        Table::intern(table, all.iter().map(|json| json.as_bytes()))
    }

    #[test]
    fn numbers_stay_and_ranks_follow_the_order() {
        let mut table = Arc::default();
        assert_eq!(intern(&mut table, &[r#"{"a":"2"}"#, r#"{"a":"4"}"#]), Ok(vec![0, 1]));
        let before = table.clone();
        assert_eq!(intern(&mut table, &[r#"{"a":"1"}"#, r#"{"a":"2"}"#, r#"{"a":"3"}"#, r#"{"a":"4"}"#]), Ok(vec![2, 0, 3, 1]));
        assert_eq!(table.rank, [1, 3, 0, 2]);
        assert_eq!(before.rank, [0, 1]);
        // Without new ones the table stays the same.
        let before = table.clone();
        assert_eq!(intern(&mut table, &[r#"{"a":"4"}"#, r#"{"a":"1"}"#]), Ok(vec![1, 2]));
        assert!(Arc::ptr_eq(&before, &table));
    }

    #[test]
    fn label_sets_that_cannot_be_kept() {
        let mut table = Arc::default();
        assert_eq!(intern(&mut table, &[r#"{"a":"<"}"#]), Ok(vec![0]));
        assert_eq!(intern(&mut table, &[r#"{"a":"\u003c"}"#]), Err(PutError::Spelling));
        assert_eq!(intern(&mut table, &[r#"{"b":"1"}"#, r#"{"b":"1"}"#]), Err(PutError::Duplicate));
        assert_eq!(intern(&mut table, &[r#"{"b":"1","a":"1"}"#]), Err(PutError::Labels));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn unused_ones_are_dropped() {
        let mut table = Arc::default();
        intern(&mut table, &[r#"{"a":"3"}"#, r#"{"a":"1"}"#, r#"{"a":"2"}"#]).unwrap();
        let (kept, renumbered) = table.keep(&[true, true, false]);
        assert_eq!((kept.len(), renumbered), (2, vec![1, 0, u32::MAX]));
        assert_eq!(kept.head(0).json(), br#"{"a":"1"}"#);
        assert!(kept.weight() < table.weight());
    }
}
