//! Writing ratings as CSV, fast.
//!
//! The one idea: a row is put together in a buffer by hand; the formatter is only called for ratings
//! that are no short decimals.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{IdMap, Ratings};
use crate::DataError;
use crate::columnar::{NamedColumn, write_columns};
use crate::delimited::CsvWriter;

/// A file of ratings being written, with the header `userId,movieId,rating` or the like.
pub struct RatingsWriter {
    csv: CsvWriter<BufWriter<File>>,
    path: PathBuf,
}

impl RatingsWriter {
    /// Creates the file and writes its header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: impl AsRef<Path>, header: [&str; 3]) -> Result<Self, DataError> {
        let path = path.as_ref().to_path_buf();
        let file = File::create(&path).map_err(|e| DataError::from_write(&path, e))?;
        let mut csv = CsvWriter::new(BufWriter::with_capacity(1 << 18, file));
        csv.header(&header)
            .map_err(|e| DataError::from_write(&path, e))?;
        Ok(Self { csv, path })
    }

    /// Writes one rating.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, user: &str, item: &str, rating: f32) -> Result<(), DataError> {
        self.csv.text(user);
        self.csv.text(item);
        self.csv.number_f32(rating);
        self.csv
            .end_row()
            .map_err(|e| DataError::from_write(&self.path, e))
    }

    /// Writes one rating of a user and an item whose ids are whole numbers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push_numbered(&mut self, user: u64, item: u64, rating: f32) -> Result<(), DataError> {
        self.csv.whole(user);
        self.csv.whole(item);
        self.csv.number_f32(rating);
        self.csv
            .end_row()
            .map_err(|e| DataError::from_write(&self.path, e))
    }

    /// Writes what is left and waits for the disk.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<(), DataError> {
        let sync = || {
            let mut output = self.csv.finish()?;
            output.flush()?;
            output.get_ref().sync_all()
        };
        sync().map_err(|e| DataError::from_write(&self.path, e))
    }
}

/// Writes ratings with the columns `user`, `item` and `rating`: as Parquet if the file is named so,
/// else as CSV.
///
/// # Errors
/// If the file cannot be written.
pub fn write_ratings(path: impl AsRef<Path>, ratings: &Ratings) -> Result<(), DataError> {
    let path = path.as_ref();
    if path.extension().is_some_and(|e| e == "parquet") {
        return write_parquet(path, ratings);
    }
    let mut writer = RatingsWriter::create(path, ["user", "item", "rating"])?;
    for ((user, item), value) in ratings.user.iter().zip(&ratings.item).zip(&ratings.value) {
        writer.push(ratings.users.name(*user), ratings.items.name(*item), *value)?;
    }
    writer.finish()
}

fn write_parquet(path: &Path, ratings: &Ratings) -> Result<(), DataError> {
    let name = |ids: &'_ IdMap, indices: &[u32]| {
        indices
            .iter()
            .map(|i| ids.name(*i).to_owned())
            .collect::<Vec<_>>()
    };
    let (users, items) = (
        name(&ratings.users, &ratings.user),
        name(&ratings.items, &ratings.item),
    );
    write_columns(
        path,
        &[
            NamedColumn::Texts("user", &users),
            NamedColumn::Texts("item", &items),
            NamedColumn::Singles("rating", &ratings.value),
        ],
    )
}
