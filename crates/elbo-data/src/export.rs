//! Numbers written for other tools: CSV and Parquet with names, NPY without.
//!
//! Deliberately absent: reading them back, except as any table.

use std::io::Write;
use std::path::Path;

use elbo_math::arrays::{Array, ArrayData};

use crate::DataError;
use crate::columnar::{NamedColumn, write_columns};
use crate::fit::files;

pub use crate::delimited::CsvWriter;

/// Writes a matrix as CSV: a column of ids, then the matrix' columns. NaN becomes an empty cell.
///
/// `matrix` is row-major, `ids.len() × columns.len()`.
///
/// # Errors
/// [`DataError::Shape`] if the matrix has another size; if the file cannot be written.
pub fn write_matrix_csv<I: AsRef<str>, C: AsRef<str>>(
    path: impl AsRef<Path>,
    id_column: &str,
    ids: &[I],
    columns: &[C],
    matrix: &[f64],
) -> Result<(), DataError> {
    let (path, width) = (path.as_ref(), columns.len());
    if matrix.len() != ids.len() * width {
        return Err(DataError::Shape {
            path: path.to_path_buf(),
            what: "entries of the matrix",
            expected: ids.len() * width,
            found: matrix.len(),
        });
    }
    files::write(path, |output| {
        let mut csv = CsvWriter::new(output);
        let header: Vec<&str> = std::iter::once(id_column)
            .chain(columns.iter().map(AsRef::as_ref))
            .collect();
        csv.header(&header)?;
        for (row, id) in ids.iter().enumerate() {
            csv.text(id.as_ref());
            for value in &matrix[row * width..(row + 1) * width] {
                csv.number(*value);
            }
            csv.end_row()?;
        }
        csv.finish().map(|_| ())
    })
}

/// Writes columns of numbers of equal length as CSV, their names in the header. NaN becomes an empty
/// cell.
///
/// # Errors
/// [`DataError::Shape`] if lengths differ; if the file cannot be written.
pub fn write_columns_csv<N: AsRef<str>, C: AsRef<[f64]>>(
    path: impl AsRef<Path>,
    names: &[N],
    columns: &[C],
) -> Result<(), DataError> {
    let path = path.as_ref();
    let n_rows = check_columns(path, names.len(), columns)?;
    files::write(path, |output| {
        let mut csv = CsvWriter::new(output);
        csv.header(names)?;
        for row in 0..n_rows {
            for column in columns {
                csv.number(column.as_ref()[row]);
            }
            csv.end_row()?;
        }
        csv.finish().map(|_| ())
    })
}

/// Writes columns of numbers of equal length as Parquet.
///
/// # Errors
/// As [`write_columns_csv`].
pub fn write_columns_parquet<N: AsRef<str>, C: AsRef<[f64]>>(
    path: impl AsRef<Path>,
    names: &[N],
    columns: &[C],
) -> Result<(), DataError> {
    let path = path.as_ref();
    check_columns(path, names.len(), columns)?;
    let columns: Vec<NamedColumn<'_>> = names
        .iter()
        .zip(columns)
        .map(|(name, values)| NamedColumn::Numbers(name.as_ref(), values.as_ref()))
        .collect();
    write_columns(path, &columns)
}

/// The number of rows of columns that go with `n_names` names.
fn check_columns<C: AsRef<[f64]>>(
    path: &Path,
    n_names: usize,
    columns: &[C],
) -> Result<usize, DataError> {
    let shape = |what, expected, found| {
        Err(DataError::Shape {
            path: path.to_path_buf(),
            what,
            expected,
            found,
        })
    };
    if columns.len() != n_names {
        return shape("columns", n_names, columns.len());
    }
    let n_rows = columns.first().map_or(0, |column| column.as_ref().len());
    match columns
        .iter()
        .find(|column| column.as_ref().len() != n_rows)
    {
        Some(other) => shape("rows in every column", n_rows, other.as_ref().len()),
        None => Ok(n_rows),
    }
}

/// Writes an array in NumPy's format 1.0, little-endian and row-major.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npy(path: impl AsRef<Path>, array: &Array) -> Result<(), DataError> {
    files::write(path.as_ref(), |output| {
        output.write_all(&npy_header(array))?;
        match array.data() {
            ArrayData::F64(v) => v
                .iter()
                .try_for_each(|x| output.write_all(&x.to_le_bytes())),
            ArrayData::F32(v) => v
                .iter()
                .try_for_each(|x| output.write_all(&x.to_le_bytes())),
        }
    })
}

/// The magic, the version, the header's length and a Python dictionary, padded with blanks to a
/// multiple of 64 bytes.
fn npy_header(array: &Array) -> Vec<u8> {
    const PREAMBLE: usize = 10;
    let kind = match array.data() {
        ArrayData::F64(_) => "<f8",
        ArrayData::F32(_) => "<f4",
    };
    // A Python tuple: a single element keeps its comma.
    let shape = match array.shape() {
        [n] => format!("{n},"),
        shape => shape
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    };
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    let length = (PREAMBLE + text.len() + 1).next_multiple_of(64) - PREAMBLE;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    // A shape that needs more than 65,535 characters has no more than a hundred dimensions.
    let length = u16::try_from(length).expect("arrays have a handful of dimensions");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend(length.to_le_bytes());
    header.extend(text.into_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{TableOptions, read_table};

    #[test]
    fn an_npy_file_is_byte_for_byte_numpy_s_own() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.npy");
        write_npy(&path, &Array::f64(&[2, 1], vec![1.5, -2.0])).unwrap();
        // Written by NumPy 2: np.save(path, np.array([[1.5], [-2.0]])).
        let mut expected = b"\x93NUMPY\x01\x00v\x00".to_vec();
        let dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }";
        expected.extend(format!("{dictionary:<117}\n").into_bytes());
        expected.extend([0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        for (shape, text) in [
            (vec![], "()"),
            (vec![3], "(3,)"),
            (vec![1, 3, 1], "(1, 3, 1)"),
        ] {
            let n = shape.iter().product::<usize>();
            let header = npy_header(&Array::f32(&shape, vec![0.0; n]));
            let header = String::from_utf8_lossy(&header).into_owned();
            assert!(header.contains(&format!(
                "'<f4', 'fortran_order': False, 'shape': {text}, }}"
            )));
        }
    }

    #[test]
    fn a_matrix_reads_back_as_a_table() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("m.csv");
        let matrix = [0.1, f64::NAN, -1e-300, 1e300];
        write_matrix_csv(&path, "item", &["a,b", "c"], &["x", "y"], &matrix).unwrap();
        let table = read_table(&path, &TableOptions::default()).unwrap();
        assert_eq!(table.names(), ["item", "x", "y"]);
        assert_eq!(table.text("item").unwrap().get(0), Some("a,b"));
        assert_eq!(table.numeric("x").unwrap(), [0.1, -1e-300]);
        assert!(table.column("y").unwrap().is_missing(0));
        let error = write_matrix_csv(&path, "item", &["a"], &["x", "y"], &matrix).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected 2 entries of the matrix, found 4")
        );
    }
}
