//! Tables of every format, and what bad input is answered with.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Format;
use crate::columnar::{NamedColumn, write_columns};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn read(name: &str, content: impl AsRef<[u8]>, options: &TableOptions) -> Result<Table, String> {
    let folder = Folder::new();
    let path = folder.file(name, content);
    let prefix = format!("{}/", folder.0.path().display());
    read_table(path, options).map_err(|e| e.to_string().replace(&prefix, ""))
}

fn read_plain(content: &str) -> Result<Table, String> {
    read("t.csv", content, &TableOptions::default())
}

fn select(columns: &[&str]) -> TableOptions {
    let columns = Some(columns.iter().map(|c| (*c).to_owned()).collect());
    TableOptions {
        columns,
        ..TableOptions::default()
    }
}

fn format(name: &str) -> TableOptions {
    TableOptions {
        format: Some(name.parse().unwrap()),
        ..TableOptions::default()
    }
}

#[test]
fn columns_are_numeric_or_categories_by_their_cells() {
    let table = read_plain("x,kind,y\n1,b,NA\n,a,2.5\nNaN,,-3e2\n4,b,\n").unwrap();
    assert_eq!(table.names(), ["x", "kind", "y"]);
    assert_eq!(table.n_rows(), 4);
    let x = table.numeric("x").unwrap();
    assert!(
        x[0] == 1.0 && x[1].is_nan() && x[2].is_nan() && x[3] == 4.0,
        "{x:?}"
    );
    let kind = table.text("kind").unwrap();
    assert_eq!(kind.levels(), ["a", "b"]);
    assert_eq!(kind.codes(), [1, 0, MISSING, 1]);
    assert_eq!((kind.get(0), kind.get(2)), (Some("b"), None));
    assert_eq!(table.n_missing(), 5);
    assert!(table.all_missing_rows().is_empty());
}

#[test]
fn every_delimiter_and_header_is_told_from_the_content() {
    let cases = [
        "a,b\n1,2\n3,4\n",
        "a\tb\r\n1\t2\r\n3\t4",
        "a;b\n1;2\n\n3;4\n\n",
        "a|b\n1|2\n3|4\n",
        "  a  b \n 1 2\n3\t 4\n",
        "a::b\n1::2\n3::4\n",
        "\u{feff}a,b\n1,2\n3,4\n",
    ];
    for text in cases {
        let table = read_plain(text).unwrap();
        assert_eq!(table.names(), ["a", "b"], "{text:?}");
        assert_eq!(table.matrix().unwrap(), [1.0, 2.0, 3.0, 4.0], "{text:?}");
    }
    let bare = read_plain("1,2\n3,4\n").unwrap();
    assert_eq!(bare.names(), ["column_1", "column_2"]);
    assert_eq!(bare.n_rows(), 2);
}

#[test]
fn what_is_told_from_the_content_can_be_overridden() {
    let options = TableOptions {
        header: Some(true),
        ..TableOptions::default()
    };
    assert_eq!(
        read("t.csv", "1,2\n3,4\n", &options).unwrap().names(),
        ["1", "2"]
    );
    let options = TableOptions {
        text_columns: vec!["a".to_owned()],
        ..TableOptions::default()
    };
    let table = read("t.csv", "a,b\n10,2\n9,4\n", &options).unwrap();
    assert_eq!(table.text("a").unwrap().levels(), ["10", "9"]);
    let table = read("t.txt", "a;b,c\n1;2,3\n", &format("semicolon")).unwrap();
    assert_eq!(table.names(), ["a", "b,c"]);
}

#[test]
fn columns_come_in_the_order_in_which_they_are_selected() {
    let table = read("t.csv", "a,b,c\n1,2,x\n3,4,y\n", &select(&["b", "a"])).unwrap();
    assert_eq!(table.names(), ["b", "a"]);
    assert_eq!(table.matrix().unwrap(), [2.0, 1.0, 4.0, 3.0]);
    assert_eq!(table.select(&["a"]).unwrap().matrix().unwrap(), [1.0, 3.0]);
}

#[test]
fn compressed_text_reads_as_the_text() {
    let text = "a,b\n1,2\n3,4\n";
    let gz = |text: &str| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(text.as_bytes()).unwrap();
        gz.finish().unwrap()
    };
    // Two members after one another, as `cat a.gz b.gz` makes them.
    let (gz, more) = (gz(text), gz("5,6\n"));
    let members = [gz.clone(), more].concat();
    assert_eq!(
        read("t.csv.gz", members, &TableOptions::default())
            .unwrap()
            .n_rows(),
        3
    );
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zst = ruzstd::encoding::compress_to_vec(text.as_bytes(), level);
    assert_eq!(
        read("t.csv.zst", &zst, &TableOptions::default())
            .unwrap()
            .n_rows(),
        2
    );
    let more = ruzstd::encoding::compress_to_vec(&b"5,6\n"[..], level);
    let frames = [zst, more].concat();
    assert_eq!(
        read("t.csv.zst", frames, &TableOptions::default())
            .unwrap()
            .n_rows(),
        3
    );
    let cut = read("t.csv.gz", &gz[..gz.len() - 9], &TableOptions::default()).unwrap_err();
    assert!(cut.contains("t.csv.gz is damaged"), "{cut}");
}

#[test]
fn parquet_reads_as_the_same_table() {
    let folder = Folder::new();
    let path = folder.0.path().join("t.parquet");
    let columns = [
        NamedColumn::Numbers("x", &[1.5, f64::NAN, 3.0]),
        NamedColumn::Texts("kind", &["b", "NA", "a"].map(str::to_owned)),
    ];
    write_columns(&path, &columns).unwrap();
    let table = read_table(&path, &TableOptions::default()).unwrap();
    assert_eq!(table.numeric("x").unwrap()[2], 3.0);
    assert!(table.column("x").unwrap().is_missing(1));
    assert_eq!(table.text("kind").unwrap().codes(), [1, MISSING, 0]);
    assert_eq!(
        table.place(2, None).to_string(),
        format!("{}, row 3", path.display())
    );

    let bytes = fs::read(&path).unwrap();
    for length in [8, 40, bytes.len() - 3] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = read_table(&path, &TableOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("t.parquet is damaged"), "{error}");
    }
}

/// Bad inputs, and what the message must say.
#[test]
fn bad_input_is_named_with_its_place() {
    let cases = [
        ("", "t.csv is empty"),
        ("\n\n", "t.csv is empty"),
        ("a,b\n", "t.csv has a header but no rows"),
        (
            "a,b\n1,2\n3\n",
            "t.csv, line 3: expected 2 cells, found 1; mend the row, or set the \
                           delimiter (split at ',')",
        ),
        (
            "a,b\n1,2\n\n3,inf\n",
            "t.csv, line 4, column 'b': 'inf' is infinite",
        ),
        (
            "a,b\n1,2\n3,1e999\n",
            "t.csv, line 3, column 'b': '1e999' is infinite",
        ),
        (
            "a,b\n1,2\n3,\"x\n",
            "t.csv, line 3: a quote opened here is never closed",
        ),
        (
            "a,b,a\n1,2,3\n",
            "t.csv: two columns are named 'a'; rename one",
        ),
    ];
    for (content, message) in cases {
        let error = read_plain(content).unwrap_err();
        assert!(error.starts_with(message), "{content:?} says: {error}");
    }
}

#[test]
fn text_where_a_number_is_due_is_named_with_its_place() {
    let table = read_plain("a,b\n1,2\n\"x\ny\",3\n4,abc\n").unwrap();
    let error = table.numeric("b").unwrap_err().to_string();
    assert!(
        error.ends_with(
            "t.csv, line 5, column 'b': expected a number, found 'abc'; a missing \
                             value is an empty cell, NA or NaN"
        ),
        "{error}"
    );
    let table = read_plain("a,b\n1,2\n,3\n").unwrap();
    let error = table.require_complete().unwrap_err().to_string();
    assert!(
        error.contains("line 3, column 'a': the value is missing"),
        "{error}"
    );
}

#[test]
fn a_missing_column_is_answered_with_the_nearest_name() {
    let error = read("t.csv", "eruptions,waiting\n1,2\n", &select(&["eruption"])).unwrap_err();
    let message = "t.csv: there is no column 'eruption' (did you mean 'eruptions'?); it has \
                   'eruptions', 'waiting'";
    assert_eq!(error, message);
    let error = read("t.csv", "eruptions,waiting\n1,2\n", &select(&["zzz"])).unwrap_err();
    assert!(!error.contains("did you mean"), "{error}");
}

#[test]
fn a_wrong_delimiter_is_answered_with_the_right_one() {
    let error = read("t.csv", "a\tb\n1\t2\n", &format("csv")).unwrap_err();
    assert_eq!(
        error,
        "t.csv: split at ',', every row is a single cell, but the rows split evenly \
                       at tabs; set the delimiter or the format"
    );
    let error = read("t.csv", "a\n1\n", &select(&["b"])).unwrap_err();
    assert!(
        error.starts_with("t.csv: there is no column 'b'"),
        "{error}"
    );
}

#[test]
fn what_is_no_text_table_is_refused_with_advice() {
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "t.csv",
            b"a,b\n1,\xe9x\n",
            "t.csv, line 2, column 'b': not UTF-8",
        ),
        ("t.xlsx", b"PK\x03\x04....", "unpack it first"),
        ("t.csv", b"\xff\xfea\0,\0", "iconv -f UTF-16"),
        ("t.bz2", b"BZh91AY&SY", "compress with gzip or zstd"),
        (
            "t.parquet",
            b"a,b\n1,2\n",
            "is damaged: it is named as Parquet",
        ),
        ("t.parquet", b"PAR1xxxxPAR1", "t.parquet is damaged"),
    ];
    for (name, content, message) in cases {
        let error = read(name, content, &TableOptions::default()).unwrap_err();
        assert!(error.contains(message), "{name} says: {error}");
    }
    let missing = read_table("/nonexistent/t.csv", &TableOptions::default()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "/nonexistent/t.csv: there is no such file; check the path"
    );
    let folder = read_table(std::env::temp_dir(), &TableOptions::default()).unwrap_err();
    assert!(folder.to_string().contains("is a directory"), "{folder}");
    assert!("cvs".parse::<Format>().is_err());
}

#[test]
fn batches_hold_the_rows_of_the_whole_table_in_every_pass() {
    let folder = Folder::new();
    let kinds = ["red", "green", "", "blue"];
    let lines: Vec<String> = (0..1000)
        .map(|i| format!("{i}.5,{}\n", kinds[i % 4]))
        .collect();
    let text = format!("x,kind\n{}", lines.concat());
    let path = folder.file("t.csv", &text);
    let whole = read_table(&path, &TableOptions::default()).unwrap();
    let source = TableSource::open(&path, &TableOptions::default()).unwrap();
    assert_eq!(source.n_rows(), 1000);
    for batch_rows in [1000, 7, 4096] {
        let (mut x, mut codes) = (Vec::new(), Vec::new());
        for batch in source.batches(batch_rows).unwrap() {
            let batch = batch.unwrap();
            assert!(batch.n_rows() <= batch_rows);
            let first = format!("{}, line {}", path.display(), x.len() + 2);
            assert_eq!(batch.place(0, None).to_string(), first);
            x.extend_from_slice(batch.numeric("x").unwrap());
            codes.extend_from_slice(batch.text("kind").unwrap().codes());
            let levels = batch.text("kind").unwrap().levels();
            assert_eq!(levels, whole.text("kind").unwrap().levels());
        }
        assert_eq!(x, whole.numeric("x").unwrap());
        assert_eq!(codes, whole.text("kind").unwrap().codes());
    }
}

proptest! {
    #[test]
    fn numbers_and_texts_survive_writing_and_reading(
        rows in prop::collection::vec((proptest::num::f64::NORMAL, "[a-z,\"\n\r;: é]{1,9}"), 1..20)
    ) {
        let mut csv = crate::delimited::CsvWriter::new(Vec::new());
        csv.header(&["x", "text", "last"]).unwrap();
        for (x, text) in &rows {
            csv.number(*x);
            csv.text(text);
            csv.number(1.0);
            csv.end_row().unwrap();
        }
        let table = read("t.csv", csv.finish().unwrap(), &format("csv")).unwrap();
        let numbers: Vec<f64> = rows.iter().map(|(x, _)| *x).collect();
        prop_assert_eq!(table.numeric("x").unwrap(), &numbers);
        // Blanks around a category do not count.
        let column = table.column("text").unwrap();
        for (row, (_, text)) in rows.iter().enumerate() {
            let found = match column.values() {
                Values::Text(categories) => categories.get(row).unwrap_or(""),
                Values::Numeric(_) => "",
            };
            prop_assert_eq!(found, text.trim_matches([' ', '\n', '\r']));
        }
    }
}
