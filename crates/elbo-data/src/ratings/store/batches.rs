//! Batches on disk, and reading them with one batch ahead.
//!
//! A batch is stored as its items, four bytes each, followed by its ratings, four bytes each; how many
//! belong to which user is kept in memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::DataError;
use crate::prefetch::Prefetch;

/// All ratings of some users, by user: row `r` is user `users[r]`, its entries are
/// `row_starts[r]..row_starts[r + 1]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserBatch {
    /// The numbers of the users, ascending; a user may be without ratings.
    pub users: Vec<u32>,
    /// Where each row begins, and at the end where the last one ends.
    pub row_starts: Vec<usize>,
    /// For each entry the number of its item, in the order of the file.
    pub items: Vec<u32>,
    /// For each entry its rating.
    pub values: Vec<f32>,
}

/// Where a batch lies.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first_user: usize,
    n_users: usize,
    /// In bytes.
    offset: u64,
    n_ratings: usize,
}

/// Batches of users in one file.
#[derive(Debug)]
pub(super) struct Grouping {
    path: PathBuf,
    extents: Arc<Vec<Extent>>,
    /// For each user the number of its ratings.
    counts: Arc<Vec<u32>>,
}

impl Grouping {
    /// The number of ratings.
    pub(super) fn n_ratings(&self) -> u64 {
        self.extents.iter().map(|e| e.n_ratings as u64).sum()
    }

    /// The number of batches.
    pub(super) fn n_batches(&self) -> usize {
        self.extents.len()
    }

    /// Begins to read batches.
    pub(super) fn batches(&self, order: Vec<usize>) -> Result<UserBatches, DataError> {
        assert!(
            order.iter().all(|b| *b < self.extents.len()),
            "there is no such batch"
        );
        let mut file = File::open(&self.path).map_err(|e| DataError::from_read(&self.path, e))?;
        let (extents, counts) = (Arc::clone(&self.extents), Arc::clone(&self.counts));
        let path = self.path.clone();
        Ok(UserBatches(Prefetch::new(order.into_iter().map(
            move |batch| {
                read_batch(&mut file, extents[batch], &counts)
                    .map_err(|e| DataError::from_read(&path, e))
            },
        ))))
    }
}

/// One pass over batches, the next being read while one is worked on.
#[derive(Debug)]
pub struct UserBatches(Prefetch<Result<UserBatch, DataError>>);

impl Iterator for UserBatches {
    type Item = Result<UserBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

fn read_batch(file: &mut File, extent: Extent, counts: &[u32]) -> io::Result<UserBatch> {
    let users = extent.first_user..extent.first_user + extent.n_users;
    let mut row_starts = Vec::with_capacity(extent.n_users + 1);
    let mut start = 0;
    row_starts.push(start);
    for count in &counts[users.clone()] {
        start += *count as usize;
        row_starts.push(start);
    }
    file.seek(SeekFrom::Start(extent.offset))?;
    let items = read_words(file, extent.n_ratings, u32::from_le_bytes)?;
    let values = read_words(file, extent.n_ratings, f32::from_le_bytes)?;
    let users = (0u32..).skip(users.start).take(extent.n_users).collect();
    Ok(UserBatch {
        users,
        row_starts,
        items,
        values,
    })
}

/// Reads in pieces, so that the bytes are never in memory a second time as a whole.
fn read_words<T>(file: &mut File, n: usize, decode: fn([u8; 4]) -> T) -> io::Result<Vec<T>> {
    const PIECE: usize = 1 << 16;
    let mut words = Vec::with_capacity(n);
    let mut bytes = vec![0; 4 * PIECE.min(n)];
    while words.len() < n {
        let piece = &mut bytes[..4 * PIECE.min(n - words.len())];
        file.read_exact(piece)?;
        let (chunks, _) = piece.as_chunks::<4>();
        words.extend(chunks.iter().map(|word| decode(*word)));
    }
    Ok(words)
}

/// Batches being written, one after the other.
pub(super) struct GroupingWriter {
    path: PathBuf,
    output: BufWriter<File>,
    offset: u64,
    extents: Vec<Extent>,
    counts: Vec<u32>,
}

impl GroupingWriter {
    pub(super) fn create(path: &Path, n_users: usize) -> Result<Self, DataError> {
        let file = File::create(path).map_err(|e| DataError::from_write(path, e))?;
        Ok(Self {
            path: path.to_path_buf(),
            output: BufWriter::with_capacity(1 << 17, file),
            offset: 0,
            extents: Vec::new(),
            counts: Vec::with_capacity(n_users),
        })
    }

    /// Appends the batch of the users that follow; `counts` are the lengths of their rows.
    pub(super) fn push(
        &mut self,
        counts: &[u32],
        items: &[u32],
        values: &[f32],
    ) -> Result<(), DataError> {
        self.extents.push(Extent {
            first_user: self.counts.len(),
            n_users: counts.len(),
            offset: self.offset,
            n_ratings: items.len(),
        });
        self.counts.extend_from_slice(counts);
        self.offset += 8 * items.len() as u64;
        let items = items
            .iter()
            .try_for_each(|i| self.output.write_all(&i.to_le_bytes()));
        items
            .and_then(|()| {
                values
                    .iter()
                    .try_for_each(|v| self.output.write_all(&v.to_le_bytes()))
            })
            .map_err(|e| DataError::from_write(&self.path, e))
    }

    /// The batches written.
    pub(super) fn finish(mut self) -> Result<Grouping, DataError> {
        self.output
            .flush()
            .map_err(|e| DataError::from_write(&self.path, e))?;
        Ok(Grouping {
            path: self.path,
            extents: Arc::new(self.extents),
            counts: Arc::new(self.counts),
        })
    }
}
