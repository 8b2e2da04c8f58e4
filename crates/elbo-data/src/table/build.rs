//! A column while it is read.
//!
//! The one idea: a column is taken to be numeric until a cell says otherwise. The text of its
//! earlier cells is gone then, so the reader goes through the file a second time; no third is needed.

use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::{Categories, Column, MISSING, Values};
use crate::DataError;
use crate::number::{self, Cell};
use crate::place::{Lines, Place, Row};

/// What a column is known to be.
#[derive(Debug, Clone, Default)]
pub(super) enum Kind {
    /// Numbers, as far as is known.
    #[default]
    Numeric,
    /// Categories, levels to be collected.
    Text,
    /// Categories with these levels, and the first cell that is no number.
    Levels(Arc<Vec<String>>, Option<(Place, String)>),
}

/// A column being read.
pub(super) struct Builder {
    name: String,
    kind: Kind,
    /// Whether cells are kept, or only looked at.
    keeps: bool,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    levels: HashMap<String, u32, FxBuildHasher>,
    first_text: Option<(Place, String)>,
    first_infinite: Option<(Place, String)>,
}

impl Builder {
    pub(super) fn new(name: &str, kind: Kind, keeps: bool) -> Self {
        let mut levels = HashMap::default();
        let mut first_text = None;
        if let Kind::Levels(known, text) = &kind {
            levels.extend(known.iter().cloned().zip(0..));
            first_text.clone_from(text);
        }
        Self {
            name: name.to_owned(),
            kind,
            keeps,
            numbers: Vec::new(),
            codes: Vec::new(),
            levels,
            first_text,
            first_infinite: None,
        }
    }

    /// Whether the column was taken to be numeric and has turned out not to be.
    pub(super) fn is_refuted(&self) -> bool {
        matches!(self.kind, Kind::Numeric) && self.first_text.is_some()
    }

    /// Appends a cell of text.
    #[inline]
    pub(super) fn push_cell(
        &mut self,
        lines: &Lines,
        row: Row,
        cell: &[u8],
    ) -> Result<(), DataError> {
        if !matches!(self.kind, Kind::Numeric) {
            return self.push_text(lines, row, Some(cell));
        }
        match number::parse(cell) {
            Cell::Number(number) => self.push_kept(number),
            Cell::Missing => self.push_kept(f64::NAN),
            Cell::Infinite => {
                self.note_infinite(lines, row, || String::from_utf8_lossy(cell).into_owned());
            }
            Cell::Text => self.note_text(lines, row, cell),
        }
        Ok(())
    }

    /// Appends a number.
    pub(super) fn push_number(
        &mut self,
        lines: &Lines,
        row: Row,
        number: f64,
    ) -> Result<(), DataError> {
        if !matches!(self.kind, Kind::Numeric) {
            let text = if number.is_nan() {
                String::new()
            } else {
                number.to_string()
            };
            return self.push_text(lines, row, Some(text.as_bytes()));
        }
        if number.is_infinite() {
            self.note_infinite(lines, row, || number.to_string());
        }
        self.push_kept(number);
        Ok(())
    }

    /// Appends a category.
    pub(super) fn push_text(
        &mut self,
        lines: &Lines,
        row: Row,
        cell: Option<&[u8]>,
    ) -> Result<(), DataError> {
        let cell = cell.unwrap_or_default().trim_ascii();
        let code = if number::is_missing(cell) {
            MISSING
        } else {
            self.code(lines, row, cell)?
        };
        if self.keeps {
            self.codes.push(code);
        }
        Ok(())
    }

    fn code(&mut self, lines: &Lines, row: Row, cell: &[u8]) -> Result<u32, DataError> {
        let place = || place(lines, row, &self.name);
        let text = std::str::from_utf8(cell).map_err(|_| DataError::Encoding { place: place() })?;
        if let Some(code) = self.levels.get(text) {
            return Ok(*code);
        }
        if matches!(self.kind, Kind::Levels(..)) {
            return Err(DataError::Damaged {
                path: lines.file().to_path_buf(),
                detail: "it changed while it was being read".to_owned(),
            });
        }
        if self.first_text.is_none() && number::parse(cell) == Cell::Text {
            self.first_text = Some((place(), text.to_owned()));
        }
        let code = u32::try_from(self.levels.len())
            .ok()
            .filter(|code| *code != MISSING);
        let code = code.ok_or_else(|| DataError::TooMany {
            path: lines.file().to_path_buf(),
            what: "categories in a column",
            limit: u64::from(MISSING),
        })?;
        self.levels.insert(text.to_owned(), code);
        Ok(code)
    }

    #[inline]
    fn push_kept(&mut self, number: f64) {
        if self.keeps {
            self.numbers.push(number);
        }
    }

    #[cold]
    fn note_text(&mut self, lines: &Lines, row: Row, cell: &[u8]) {
        if self.first_text.is_none() {
            let text = String::from_utf8_lossy(cell.trim_ascii()).into_owned();
            self.first_text = Some((place(lines, row, &self.name), text));
        }
    }

    #[cold]
    fn note_infinite(&mut self, lines: &Lines, row: Row, cell: impl Fn() -> String) {
        // Not an error yet: the column may turn out to be text, where "inf" is a word.
        if self.first_infinite.is_none() {
            self.first_infinite = Some((place(lines, row, &self.name), cell()));
        }
    }

    /// The column, and what it was found to be.
    pub(super) fn finish(self) -> Result<(Column, Kind), DataError> {
        if matches!(self.kind, Kind::Numeric) {
            if let Some((place, cell)) = self.first_infinite {
                return Err(DataError::Infinite { place, cell });
            }
            let values = Values::Numeric(self.numbers);
            return Ok((
                Column {
                    name: self.name,
                    values,
                },
                Kind::Numeric,
            ));
        }
        let (levels, codes) = match self.kind {
            Kind::Levels(levels, _) => (levels, self.codes),
            _ => sorted(self.levels, self.codes),
        };
        let kind = Kind::Levels(Arc::clone(&levels), self.first_text.clone());
        let values = Values::Text(Categories {
            levels,
            codes,
            text: self.first_text,
        });
        Ok((
            Column {
                name: self.name,
                values,
            },
            kind,
        ))
    }
}

/// Levels in the order of their names, so that a fit does not depend on the order of the rows.
fn sorted(
    levels: HashMap<String, u32, FxBuildHasher>,
    mut codes: Vec<u32>,
) -> (Arc<Vec<String>>, Vec<u32>) {
    let mut pairs: Vec<(String, u32)> = levels.into_iter().collect();
    pairs.sort_unstable();
    let mut rank = vec![0; pairs.len()];
    for (new, (_, old)) in (0..).zip(&pairs) {
        rank[*old as usize] = new;
    }
    for code in &mut codes {
        *code = rank.get(*code as usize).copied().unwrap_or(MISSING);
    }
    (
        Arc::new(pairs.into_iter().map(|(level, _)| level).collect()),
        codes,
    )
}

fn place(lines: &Lines, row: Row, column: &str) -> Place {
    Place {
        file: lines.file().to_path_buf(),
        row: Some(row),
        column: Some(column.to_owned()),
    }
}
