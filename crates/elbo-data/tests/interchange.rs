//! Files exchanged with other tools: Parquet files that pyarrow wrote (`fixtures/make.py`).

use std::path::PathBuf;

use elbo_data::ratings::{RatingsOptions, read_ratings};
use elbo_data::table::{MISSING, TableOptions, TableSource, read_table};

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures", name]
        .iter()
        .collect()
}

/// The columns of a table in which NaN equals NaN.
fn numbers(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().map(|v| (!v.is_nan()).then_some(*v)).collect()
}

#[test]
fn parquet_of_every_compression_reads_alike() {
    let zstd = cfg!(feature = "zstd").then_some("zstd");
    for name in ["none", "snappy", "gzip", "lz4", "plain_v2"]
        .into_iter()
        .chain(zstd)
    {
        let path = fixture(&format!("{name}.parquet"));
        let table = read_table(&path, &TableOptions::default()).unwrap();
        let column = |name| numbers(table.numeric(name).unwrap());
        assert_eq!(
            column("user"),
            [Some(7.0), Some(1001.0), None, Some(7.0), Some(12.0)],
            "{name}"
        );
        assert_eq!(
            column("rating"),
            [Some(4.5), Some(3.0), None, None, Some(-0.5)]
        );
        assert_eq!(
            column("flag"),
            [Some(1.0), None, Some(0.0), Some(1.0), Some(1.0)]
        );
        assert_eq!(column("price"), [Some(1.25), None, Some(-3.5), None, None]);
        assert_eq!(
            column("small"),
            [Some(255.0), Some(0.0), None, Some(1.0), Some(2.0)]
        );
        assert_eq!(
            column("day"),
            [Some(0.0), Some(1.0), None, Some(19000.0), Some(2.0)]
        );
        let item = table.text("item").unwrap();
        assert_eq!(item.levels(), ["a", "b", "ü"]);
        assert_eq!(item.codes(), [0, 1, 0, MISSING, 2]);

        let source = TableSource::open(&path, &TableOptions::default()).unwrap();
        let sizes: Vec<usize> = source
            .batches(3)
            .unwrap()
            .map(|batch| batch.unwrap().n_rows())
            .collect();
        assert_eq!(sizes, [3, 2], "batches cross row groups");
    }
}

#[cfg(not(feature = "zstd"))]
#[test]
fn parquet_with_zstd_is_refused_with_the_feature_named() {
    let error = read_table(fixture("zstd.parquet"), &TableOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("column 'user' is compressed with zstd"),
        "{error}"
    );
    assert!(error.contains("build elbo with the feature 'zstd', or write the file with snappy"));
}

#[test]
fn parquet_that_is_not_read_says_why() {
    let cases = [
        (
            "brotli.parquet",
            "is compressed with brotli, which this build does not read; write",
        ),
        (
            "nested.parquet",
            "column 'nested.list.element' is nested; select other columns",
        ),
        ("empty.parquet", "has a header but no rows"),
    ];
    for (name, message) in cases {
        let error = read_table(fixture(name), &TableOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{name} says: {error}");
    }
    let columns = Some(vec!["x".to_owned()]);
    let flat = TableOptions {
        columns,
        ..TableOptions::default()
    };
    let table = read_table(fixture("nested.parquet"), &flat).unwrap();
    assert_eq!(table.numeric("x").unwrap(), [1.0, 2.0]);
}

#[test]
fn ratings_in_parquet_say_where_an_id_is_missing() {
    let error = read_ratings(fixture("snappy.parquet"), &RatingsOptions::default()).unwrap_err();
    assert!(error.to_string().ends_with(
        "snappy.parquet, row 3, column 'user': the value is missing, and is needed here; drop the \
         row or fill it in"
    ));
}

#[test]
fn a_damaged_parquet_file_is_an_error_or_reads() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("t.parquet");
    let bytes = std::fs::read(fixture("plain_v2.parquet")).unwrap();
    let mut refused = 0;
    for position in (4..bytes.len()).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[position] ^= [0x01, 0x80, 0xff][position % 3];
        std::fs::write(&path, &damaged).unwrap();
        refused += usize::from(read_table(&path, &TableOptions::default()).is_err());
    }
    // Many a flip changes a number or a name, which nothing can notice.
    assert!(refused > bytes.len() / 50, "{refused} refused");
}

#[test]
fn the_shipped_tables_have_their_published_shapes() {
    let cases = [
        (
            "faithful.csv",
            272,
            &["rownames", "eruptions", "waiting"][..],
        ),
        ("galaxies.csv", 82, &["rownames", "dat"]),
        (
            "diabetes.csv",
            442,
            &[
                "age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "target",
            ],
        ),
    ];
    for (name, n_rows, names) in cases {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../data", name]
            .iter()
            .collect();
        let table = read_table(path, &TableOptions::default()).unwrap();
        assert_eq!((table.n_rows(), table.n_missing()), (n_rows, 0), "{name}");
        assert_eq!(table.names(), names);
        assert_eq!(table.matrix().unwrap().len(), n_rows * names.len());
    }
}
