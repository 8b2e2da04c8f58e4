//! Reading ratings from text or Parquet.
//!
//! The one idea: whatever the format, triplets go one by one to a sink, which is a vector here and a
//! file on disk in the store.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::columns;
use super::ids::{BadId, IdMap};
use super::{Duplicates, Ratings};
use crate::DataError;
use crate::columnar::{ParquetFile, Values, refuse_no_header};
use crate::delimited::{Layout, Record};
use crate::number::{self, Cell};
use crate::place::{Lines, Place, Row};
use crate::source::{self, Format, Kind};

/// How ratings are to be read; by default everything is told from the file.
#[derive(Debug, Clone, Default)]
pub struct RatingsOptions {
    /// The format, if not to be told from the content.
    pub format: Option<Format>,
    /// Whether the first row holds the columns' names, if not to be told from the content.
    pub header: Option<bool>,
    /// The column of users; else one named `user`, `userId` or `user_id`, else the first.
    pub user_column: Option<String>,
    /// The column of items; else one named `item`, `itemId`, `movieId`, …, else the second.
    pub item_column: Option<String>,
    /// The column of ratings; else one named `rating` or `score`, else the third.
    pub rating_column: Option<String>,
}

/// Pairs of a user and an item, as for predictions.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// The users' ids, in the order of their first appearance.
    pub users: IdMap,
    /// The items' ids, in the order of their first appearance.
    pub items: IdMap,
    /// For each pair the number of its user in `users`.
    pub user: Vec<u32>,
    /// For each pair the number of its item in `items`.
    pub item: Vec<u32>,
}

/// Reads ratings. Of a pair that is rated more than once the last rating is kept, see
/// [`Ratings::duplicates`].
///
/// # Errors
/// If the file cannot be read, a column is not there, an id is missing, or a rating is missing, no
/// number or not finite in single precision.
pub fn read_ratings(
    path: impl AsRef<Path>,
    options: &RatingsOptions,
) -> Result<Ratings, DataError> {
    let (mut user, mut item, mut value) = (Vec::new(), Vec::new(), Vec::new());
    let source = Triplets::open(path.as_ref(), options, true)?;
    let mut lines = source.lines();
    let (users, items) = source.read(&mut |u, i, v, line| {
        user.push(u);
        item.push(i);
        value.push(v);
        lines.push(line);
        Ok(())
    })?;
    limit(path.as_ref(), user.len() as u64)?;
    let (users, items) = (Arc::new(users), Arc::new(items));
    let duplicates = Duplicates::default();
    let mut ratings = Ratings {
        users,
        items,
        user,
        item,
        value,
        duplicates,
    };
    let first = ratings.drop_replaced();
    if let (Some(position), Some(first)) = (first, &mut ratings.duplicates.first) {
        first.place = Some(lines.place(position, None));
    }
    Ok(ratings)
}

/// Reads pairs of a user and an item; any rating beside them is ignored.
///
/// # Errors
/// As [`read_ratings`], but for ratings.
pub fn read_pairs(path: impl AsRef<Path>, options: &RatingsOptions) -> Result<Pairs, DataError> {
    let mut pairs = Pairs::default();
    let source = Triplets::open(path.as_ref(), options, false)?;
    (pairs.users, pairs.items) = source.read(&mut |u, i, _, _| {
        pairs.user.push(u);
        pairs.item.push(i);
        Ok(())
    })?;
    Ok(pairs)
}

/// Positions of ratings in memory are kept in 32 bits.
fn limit(path: &Path, n: u64) -> Result<(), DataError> {
    let limit = u64::from(u32::MAX);
    if n <= limit {
        return Ok(());
    }
    Err(DataError::TooMany {
        path: path.to_path_buf(),
        what: "ratings in memory",
        limit,
    })
}

/// What becomes of a triplet: user, item, rating, and the line it stands on.
pub(super) type Sink<'a> = &'a mut dyn FnMut(u32, u32, f32, u64) -> Result<(), DataError>;

/// A file of triplets, its columns found.
pub(super) struct Triplets {
    path: Arc<Path>,
    /// `None` for Parquet.
    layout: Option<Layout>,
    /// Columns of users, items and perhaps ratings.
    positions: Vec<usize>,
    /// Their names.
    names: Vec<String>,
}

impl Triplets {
    /// Finds the columns of a file; `rated` says whether ratings are needed.
    pub(super) fn open(
        path: &Path,
        options: &RatingsOptions,
        rated: bool,
    ) -> Result<Self, DataError> {
        let path: Arc<Path> = path.into();
        let told = source::kind(&path)?;
        let named = [
            &options.user_column,
            &options.item_column,
            &options.rating_column,
        ];
        let named: Vec<Option<&str>> = named
            .iter()
            .take(if rated { 3 } else { 2 })
            .map(|n| n.as_deref())
            .collect();
        let delimiter = match options.format {
            Some(Format::Delimited(delimiter)) => Some(delimiter),
            _ => None,
        };
        let (layout, positions, names) =
            if options.format == Some(Format::Parquet) || told == Kind::Parquet {
                refuse_no_header(options.header)?;
                let file = ParquetFile::open(&path)?;
                let names = file.names().to_vec();
                let unknown = |name: &str| DataError::unknown_column(&path, name, &names);
                (None, columns::find(&path, &names, &named, &unknown)?, names)
            } else {
                let layout = Layout::of(&path, delimiter, options.header)?;
                if layout.names.len() == 1 {
                    return Err(layout.wrong_delimiter(&path));
                }
                let unknown = |name: &str| layout.unknown_column(&path, name);
                let found = columns::find(&path, &layout.names, &named, &unknown)?;
                let names = layout.names.clone();
                (Some(layout), found, names)
            };
        let names = positions.iter().map(|p| names[*p].clone()).collect();
        Ok(Self {
            path,
            layout,
            positions,
            names,
        })
    }

    /// A record of lines to go with the rows.
    pub(super) fn lines(&self) -> Lines {
        Lines::new(Arc::clone(&self.path), self.layout.is_some())
    }

    /// Reads all triplets; the ids of users and items.
    pub(super) fn read(&self, sink: Sink<'_>) -> Result<(IdMap, IdMap), DataError> {
        let mut ids = (IdMap::new(), IdMap::new());
        let n_rows = match &self.layout {
            Some(layout) => self.read_text(layout, &mut ids, sink)?,
            None => self.read_parquet(&mut ids, sink)?,
        };
        if n_rows == 0 {
            return Err(DataError::HeaderOnly {
                path: self.path.to_path_buf(),
            });
        }
        Ok(ids)
    }

    fn read_text(
        &self,
        layout: &Layout,
        ids: &mut (IdMap, IdMap),
        sink: Sink<'_>,
    ) -> Result<u64, DataError> {
        let mut records = layout.records(&self.path)?;
        let mut n_rows = 0;
        while let Some(record) = records.next()? {
            if record.len() != layout.names.len() {
                return Err(layout.ragged(&self.path, &record));
            }
            let line = record.line;
            let (user, quoted) = record.cell_exact(self.positions[0]);
            let user = ids.0.insert_cell(user, quoted);
            let user = user.map_err(|bad| self.bad_id(bad, 0, Row::Line(line)))?;
            let (item, quoted) = record.cell_exact(self.positions[1]);
            let item = ids.1.insert_cell(item, quoted);
            let item = item.map_err(|bad| self.bad_id(bad, 1, Row::Line(line)))?;
            let value = match self.positions.get(2) {
                Some(position) => self.rating(&record, *position)?,
                None => 0.0,
            };
            sink(user, item, value, line)?;
            n_rows += 1;
        }
        Ok(n_rows)
    }

    #[inline]
    fn rating(&self, record: &Record<'_>, position: usize) -> Result<f32, DataError> {
        let cell = record.cell(position);
        let text = || String::from_utf8_lossy(cell).trim().to_owned();
        let place = || self.place(Row::Line(record.line), 2);
        match number::parse(cell) {
            Cell::Number(number) => self.single(number, Row::Line(record.line)),
            Cell::Missing => Err(DataError::MissingValue { place: place() }),
            Cell::Infinite => Err(DataError::Infinite {
                place: place(),
                cell: text(),
            }),
            Cell::Text => Err(DataError::NotANumber {
                place: place(),
                cell: text(),
            }),
        }
    }

    /// A rating in single precision.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "ratings are stored in single precision"
    )]
    #[inline]
    fn single(&self, number: f64, row: Row) -> Result<f32, DataError> {
        let single = number as f32;
        if single.is_finite() {
            return Ok(single);
        }
        let place = self.place(row, 2);
        Err(if number.is_nan() {
            DataError::MissingValue { place }
        } else {
            DataError::Infinite {
                place,
                cell: format!("{number:e}"),
            }
        })
    }

    fn read_parquet(&self, ids: &mut (IdMap, IdMap), sink: Sink<'_>) -> Result<u64, DataError> {
        const CHUNK: usize = 1 << 14;
        let mut rows = ParquetFile::open(&self.path)?.rows(&self.positions)?;
        let mut first_row = 1;
        while let Some(chunk) = rows.next(CHUNK)? {
            let user = self.number(&chunk[0], &mut ids.0, 0, first_row)?;
            let item = self.number(&chunk[1], &mut ids.1, 1, first_row)?;
            for (k, (user, item)) in user.into_iter().zip(item).enumerate() {
                let row = first_row + k as u64;
                let value = match chunk.get(2) {
                    Some(values) => self.parquet_rating(values, k, Row::Row(row))?,
                    None => 0.0,
                };
                sink(user, item, value, row)?;
            }
            first_row += chunk[0].len() as u64;
        }
        Ok(first_row - 1)
    }

    /// The numbers of a column of ids.
    fn number(
        &self,
        values: &Values,
        ids: &mut IdMap,
        role: usize,
        first_row: u64,
    ) -> Result<Vec<u32>, DataError> {
        let mut text = Vec::new();
        (0..values.len())
            .map(|k| {
                let inserted = match values {
                    Values::Texts(texts) => {
                        let id = texts[k].as_ref().map_or(&b""[..], |t| t.data());
                        ids.insert_cell(id, true)
                    }
                    Values::Integers(numbers) => {
                        text.clear();
                        if let Some(number) = numbers[k] {
                            write!(text, "{number}").expect("writing to memory cannot fail");
                        }
                        ids.insert_cell(&text, false)
                    }
                    Values::Numbers(numbers) => {
                        text.clear();
                        write!(text, "{}", numbers[k]).expect("writing to memory cannot fail");
                        ids.insert_cell(&text, false)
                    }
                };
                inserted.map_err(|bad| self.bad_id(bad, role, Row::Row(first_row + k as u64)))
            })
            .collect()
    }

    fn parquet_rating(&self, values: &Values, k: usize, row: Row) -> Result<f32, DataError> {
        let number = match values {
            Values::Integers(v) => v[k].map_or(f64::NAN, |x| x as f64),
            Values::Numbers(v) => v[k],
            Values::Texts(v) => {
                let cell = v[k].as_ref().map_or(&b""[..], |t| t.data());
                let cell = String::from_utf8_lossy(cell).into_owned();
                return Err(DataError::NotANumber {
                    place: self.place(row, 2),
                    cell,
                });
            }
        };
        self.single(number, row)
    }

    fn place(&self, row: Row, role: usize) -> Place {
        Place {
            file: self.path.to_path_buf(),
            row: Some(row),
            column: Some(self.names[role].clone()),
        }
    }

    fn bad_id(&self, bad: BadId, role: usize, row: Row) -> DataError {
        let place = self.place(row, role);
        match bad {
            BadId::Missing => DataError::MissingValue { place },
            BadId::Encoding => DataError::Encoding { place },
            BadId::TooMany => DataError::TooMany {
                path: self.path.to_path_buf(),
                what: "distinct ids",
                limit: u64::from(u32::MAX),
            },
        }
    }
}
