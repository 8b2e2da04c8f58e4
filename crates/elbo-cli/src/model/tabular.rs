//! What models of tables share: which columns are used, and the checks that need their places.
//!
//! The one idea: a table is judged here, while file, line and column are at hand; models see numbers
//! only. Whatever is left out is said.

use elbo_data::fit::DataRecord;
use elbo_data::table::{Table, Values};

use crate::command::Input;
use crate::console::Notes;
use crate::failure::Failure;

/// Names under which R, pandas and spreadsheets write row numbers.
const ROW_NUMBER_NAMES: [&str; 5] = ["", "rownames", "Unnamed: 0", "...1", "index"];

/// Which columns a model is to see.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The columns that the user named; all that are of use if none.
    pub columns: &'a [String],
    /// The column to explain, if there is one.
    pub target: Option<&'a str>,
    /// The column of row weights, if there is one.
    pub weights: Option<&'a str>,
    /// Whether categories are of use.
    pub categories: bool,
}

/// The columns that a model sees.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The inputs.
    pub features: Table,
    /// The table with every column that is used.
    pub table: Table,
    /// The row weights.
    pub weights: Option<Vec<f64>>,
}

impl Selection {
    /// Reads a table and picks columns.
    ///
    /// # Errors
    /// If it cannot be read, a column is unknown, of the wrong kind or named twice, or none is left.
    pub(crate) fn read(input: &Input, wanted: &Wanted<'_>, notes: Notes) -> Result<Self, Failure> {
        let special = wanted.target.into_iter().chain(wanted.weights);
        check_names(wanted)?;
        let table = if wanted.columns.is_empty() {
            input.table(None)?
        } else {
            let named = wanted.columns.iter().map(String::as_str);
            input.table(Some(
                named.chain(special.clone()).map(str::to_owned).collect(),
            ))?
        };
        for name in special.clone() {
            table.column(name)?;
        }
        let names = if wanted.columns.is_empty() {
            let special: Vec<&str> = special.collect();
            default_columns(&table, &special, wanted.categories, notes)
        } else {
            wanted.columns.to_vec()
        };
        let names = without_constants(&table, &names, notes)?;
        if names.is_empty() {
            return Err(Failure::input(format!(
                "{}: no column is left to use",
                table.path().display()
            ))
            .help(
                "name columns by --columns; they must vary, and be numeric where numbers are due",
            ));
        }
        let features = table.select(&names)?;
        let weights = wanted
            .weights
            .map(|name| weights_of(&table, name))
            .transpose()?;
        Ok(Self {
            features,
            table,
            weights,
        })
    }

    /// Refuses rows in which every input is missing.
    ///
    /// # Errors
    /// For the first such row.
    pub(crate) fn refuse_empty_rows(&self) -> Result<(), Failure> {
        refuse_empty_rows(&self.features)
    }

    /// For `fit.json`.
    pub(crate) fn record(&self) -> DataRecord {
        DataRecord {
            path: self.table.path().display().to_string(),
            rows: self.table.n_rows() as u64,
            columns: self.features.names(),
            n_missing: self.features.n_missing() as u64,
            ..DataRecord::default()
        }
    }
}

/// Refuses rows in which every cell is missing.
///
/// # Errors
/// For the first such row.
pub(crate) fn refuse_empty_rows(table: &Table) -> Result<(), Failure> {
    let rows = table.all_missing_rows();
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let more = match rows.len() {
        1 => String::new(),
        n => format!(" ({n} such rows)"),
    };
    Err(Failure::input(format!(
        "{}: every value of the row is missing{more}",
        table.place(*first, None)
    ))
    .help("remove such rows: they say nothing"))
}

fn check_names(wanted: &Wanted<'_>) -> Result<(), Failure> {
    for (i, name) in wanted.columns.iter().enumerate() {
        if wanted.columns[..i].contains(name) {
            return Err(Failure::input(format!("--columns names '{name}' twice"))
                .help("name every column once"));
        }
        if Some(name.as_str()) == wanted.target || Some(name.as_str()) == wanted.weights {
            return Err(Failure::input(format!(
                "column '{name}' cannot be an input and the target or the weights"
            ))
            .help("leave it out of --columns"));
        }
    }
    Ok(())
}

/// All columns that are of use, less row numbers.
pub(crate) fn default_columns(
    table: &Table,
    special: &[&str],
    categories: bool,
    notes: Notes,
) -> Vec<String> {
    let mut names = Vec::new();
    for (j, column) in table.columns().iter().enumerate() {
        let name = column.name();
        if special.contains(&name) {
            continue;
        }
        let counts_rows = j == 0 && counts_rows(column.values());
        if counts_rows && ROW_NUMBER_NAMES.contains(&name) {
            notes.note(format!(
                "column '{name}' numbers the rows and is left out; name it in --columns to use it"
            ));
        } else if !categories && !column.is_numeric() {
            notes.note(format!("column '{name}' is not numeric and is left out"));
        } else {
            if counts_rows {
                notes.note(format!(
                    "column '{name}' numbers the rows and is used; choose others by --columns"
                ));
            }
            names.push(name.to_owned());
        }
    }
    names
}

/// Whether the cells are 1, 2, 3, … or 0, 1, 2, ….
fn counts_rows(values: &Values) -> bool {
    match values {
        Values::Numeric(v) => {
            let first = v.first().copied().unwrap_or(f64::NAN);
            (first == 0.0 || first == 1.0)
                && v.len() > 1
                && v.iter().enumerate().all(|(i, x)| *x == first + i as f64)
        }
        Values::Text(_) => false,
    }
}

fn without_constants(
    table: &Table,
    names: &[String],
    notes: Notes,
) -> Result<Vec<String>, Failure> {
    let mut kept = Vec::with_capacity(names.len());
    for name in names {
        let column = table.column(name)?;
        if table.n_rows() > 1 && column.is_constant() {
            let what = if column.n_missing() == table.n_rows() {
                "is empty"
            } else {
                "is constant"
            };
            notes.note(format!("column '{name}' {what} and is dropped"));
        } else {
            kept.push(name.clone());
        }
    }
    Ok(kept)
}

/// The row weights in a column.
///
/// # Errors
/// If it is not there, or a weight is missing or negative, or all are 0.
pub(crate) fn weights_of(table: &Table, name: &str) -> Result<Vec<f64>, Failure> {
    let values = table.numeric(name)?;
    if let Some(row) = values.iter().position(|w| !(*w >= 0.0)) {
        return Err(Failure::input(format!(
            "{}: the weight is {}",
            table.place(row, Some(name)),
            if values[row].is_nan() {
                "missing".to_owned()
            } else {
                values[row].to_string()
            }
        ))
        .help("weights are numbers of at least 0"));
    }
    if values.iter().all(|w| *w == 0.0) {
        return Err(Failure::input(format!(
            "{}, column '{name}': all weights are 0",
            table.path().display()
        )));
    }
    Ok(values.to_vec())
}
