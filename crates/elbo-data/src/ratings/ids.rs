//! Ids of users and items, numbered in the order in which they first appear.
//!
//! The one idea: an id is its text, so that any kind of id goes in and comes out unchanged; but most
//! ids are small whole numbers, and those are found by indexing instead of hashing.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::number;

/// Whole numbers below this are looked up by index: at most 16 MiB for a map.
const SMALL: u32 = 1 << 22;

/// Distinct ids and their numbers, from 0.
#[derive(Debug, Clone, Default)]
pub struct IdMap {
    /// The ids one after another.
    text: String,
    /// Where each id ends in `text`.
    ends: Vec<usize>,
    /// The numbers of ids that are not small whole numbers, by the hash of their text.
    hashed: HashTable<u32>,
    /// For a small whole number the number of its id plus 1, or 0.
    small: Vec<u32>,
}

/// Why an id cannot be numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadId {
    Missing,
    Encoding,
    TooMany,
}

impl IdMap {
    /// No ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no ids.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of id number `index`.
    ///
    /// # Panics
    /// If there is no such id.
    pub fn name(&self, index: u32) -> &str {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// The number of an id.
    pub fn get(&self, id: &str) -> Option<u32> {
        match small_number(id.as_bytes()) {
            Some(number) => self.small.get(number as usize)?.checked_sub(1),
            None => self
                .hashed
                .find(hash(id.as_bytes()), |i| self.name(*i) == id)
                .copied(),
        }
    }

    /// All ids in the order of their numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..).take(self.len()).map(|index| self.name(index))
    }

    /// The number of an id, a new one if it has not been seen.
    ///
    /// # Panics
    /// If there are 2³² − 1 ids already.
    pub fn insert(&mut self, id: &str) -> u32 {
        self.number(id.as_bytes())
            .expect("text is UTF-8, and the ids are not too many")
    }

    /// As [`insert`](Self::insert), for a cell of a file: missing if it is empty or, unquoted, `NA`.
    #[inline]
    pub(super) fn insert_cell(&mut self, id: &[u8], quoted: bool) -> Result<u32, BadId> {
        if let Some(number) = small_number(id) {
            return self.number_small(number, id);
        }
        if id.is_empty() || (!quoted && number::is_missing(id)) {
            return Err(BadId::Missing);
        }
        self.number(id)
    }

    fn number(&mut self, id: &[u8]) -> Result<u32, BadId> {
        if let Some(number) = small_number(id) {
            return self.number_small(number, id);
        }
        let hash_of_id = hash(id);
        let (text, ends) = (&self.text, &self.ends);
        let name = |index: u32| {
            let start = if index == 0 {
                0
            } else {
                ends[index as usize - 1]
            };
            &text.as_bytes()[start..ends[index as usize]]
        };
        if let Some(index) = self.hashed.find(hash_of_id, |i| name(*i) == id) {
            return Ok(*index);
        }
        let index = u32::try_from(ends.len()).map_err(|_| BadId::TooMany)?;
        let valid = std::str::from_utf8(id).map_err(|_| BadId::Encoding)?;
        self.hashed
            .insert_unique(hash_of_id, index, |i| hash(name(*i)));
        self.text.push_str(valid);
        self.ends.push(self.text.len());
        Ok(index)
    }

    #[inline]
    fn number_small(&mut self, number: u32, id: &[u8]) -> Result<u32, BadId> {
        match self.small.get(number as usize) {
            Some(found) if *found > 0 => Ok(found - 1),
            _ => self.add_small(number, id),
        }
    }

    #[cold]
    fn add_small(&mut self, number: u32, id: &[u8]) -> Result<u32, BadId> {
        let slot = number as usize;
        if slot >= self.small.len() {
            let length = (slot + 1).next_power_of_two().max(1024);
            self.small.resize(length, 0);
        }
        let index = u32::try_from(self.ends.len())
            .ok()
            .filter(|i| *i < u32::MAX);
        let index = index.ok_or(BadId::TooMany)?;
        self.small[slot] = index + 1;
        self.text
            .push_str(std::str::from_utf8(id).map_err(|_| BadId::Encoding)?);
        self.ends.push(self.text.len());
        Ok(index)
    }
}

impl<S: AsRef<str>> FromIterator<S> for IdMap {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        let mut map = Self::new();
        for id in ids {
            map.insert(id.as_ref());
        }
        map
    }
}

impl PartialEq for IdMap {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ends == other.ends
    }
}

/// The value of an id that is a small whole number as one would write it (`7`, not `07`).
#[inline]
fn small_number(id: &[u8]) -> Option<u32> {
    if id.len() > 7 || id.is_empty() || (id[0] == b'0' && id.len() > 1) {
        return None;
    }
    let mut number = 0;
    for byte in id {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = 10 * number + u32::from(digit);
    }
    (number < SMALL).then_some(number)
}

#[inline]
fn hash(id: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(id);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_texts_that_look_alike_are_different_ids() {
        let mut map = IdMap::new();
        let ids = [
            "7", "07", "7.0", "70", "4194304", "4194303", "-7", "seven", "é", " 7",
        ];
        for (index, id) in (0..).zip(ids) {
            assert_eq!(map.insert(id), index);
        }
        for (index, id) in (0..).zip(ids) {
            assert_eq!(map.get(id), Some(index));
            assert_eq!(map.insert(id), index);
            assert_eq!(map.name(index), id);
        }
        assert_eq!(
            (map.get("8"), map.get("007"), map.get("x")),
            (None, None, None)
        );
        assert_eq!(map.names().collect::<Vec<_>>(), ids);
    }

    #[test]
    fn a_missing_id_is_not_an_id_unless_quoted() {
        let mut map = IdMap::new();
        assert_eq!(map.insert_cell(b"", false), Err(BadId::Missing));
        assert_eq!(map.insert_cell(b"", true), Err(BadId::Missing));
        assert_eq!(map.insert_cell(b"NA", false), Err(BadId::Missing));
        assert_eq!(map.insert_cell(b"NA", true), Ok(0));
        assert_eq!(map.insert_cell(b"\xff", false), Err(BadId::Encoding));
        assert_eq!(map.len(), 1);
    }

    proptest! {
        // The oracle is the standard library's map.
        #[test]
        fn ids_are_numbered_as_a_plain_map_would(
            ids in prop::collection::vec("[0-9]{1,3}|[a-z]{0,2}|[0-9]{6,9}", 0..200)
        ) {
            let mut plain = std::collections::BTreeMap::new();
            let mut map = IdMap::new();
            for id in &ids {
                let next = u32::try_from(plain.len()).unwrap();
                let expected = *plain.entry(id.clone()).or_insert(next);
                prop_assert_eq!(map.insert(id), expected);
            }
            prop_assert_eq!(map.len(), plain.len());
            for (id, index) in &plain {
                prop_assert_eq!(map.get(id), Some(*index));
            }
        }
    }
}
