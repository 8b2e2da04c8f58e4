//! Coding and standardising: names, levels, refusals.

use super::fixtures::{RAW, Table};
use super::{Coding, Column, Design, DesignConfig};
use crate::conformance::assert_close;

fn colours() -> Vec<Option<&'static str>> {
    vec![
        Some("red"),
        Some("blue"),
        Some("red"),
        Some("green"),
        Some("blue"),
    ]
}

const SIZES: [f64; 5] = [1.0, 2.0, 4.0, 8.0, 5.0];

fn design() -> Design {
    let columns = [
        Column::Numeric {
            name: "size",
            values: &SIZES,
        },
        Column::Numeric {
            name: "ones",
            values: &[1.0; 5],
        },
        Column::Categorical {
            name: "colour",
            values: &colours(),
        },
    ];
    Design::new(&columns, DesignConfig::default()).unwrap()
}

#[test]
fn levels_but_the_first_become_named_columns_and_constants_are_dropped() {
    let design = design();
    let names = design.coding().column_names();
    assert_eq!(names, ["size", "colour[green]", "colour[red]"]);
    assert_eq!(design.coding().input_names(), ["size", "colour"]);
    assert_eq!(
        design.notes(),
        ["column 'ones' is constant and was dropped"]
    );
    assert_eq!(
        design.coding().input_of_weight(),
        [None, Some(0), Some(1), Some(1)]
    );
}

#[test]
fn coded_columns_have_mean_zero_and_unit_standard_deviation() {
    let design = design();
    for j in 1..4 {
        let column: Vec<f64> = (0..5).map(|i| design.x[(i, j)]).collect();
        let mean = column.iter().sum::<f64>() / 5.0;
        let square = column.iter().map(|v| v * v).sum::<f64>() / 5.0;
        assert_close([mean, square], [0.0, 1.0], 1e-12, "moments");
    }
    assert!((0..5).all(|i| design.x[(i, 0)] == 1.0));
    // Treatment coding: mean 2/5 and variance 6/25 for red.
    let red = (1.0 - 0.4) / 0.24_f64.sqrt();
    assert_close([design.x[(0, 3)]], [red], 1e-12, "red");
}

#[test]
fn new_rows_are_coded_like_the_old_ones_in_any_column_order() {
    let design = design();
    let columns = [
        Column::Categorical {
            name: "colour",
            values: &colours(),
        },
        Column::Numeric {
            name: "unrelated",
            values: &[f64::NAN; 5],
        },
        Column::Numeric {
            name: "size",
            values: &SIZES,
        },
    ];
    assert_eq!(design.coding().code(&columns).unwrap(), *design.x);
}

#[test]
fn a_coding_survives_being_stored() {
    let coding = design().coding().clone();
    let mut arrays = elbo_math::arrays::Arrays::new();
    coding.store(&mut arrays);
    assert_eq!(Coding::load(&arrays).unwrap(), coding);
}

#[test]
fn unusable_cells_are_named_with_row_and_column() {
    let coding = design().coding().clone();
    let message = |colour: Option<&'static str>, size: f64| {
        let columns = [
            Column::Numeric {
                name: "size",
                values: &[1.0, size],
            },
            Column::Categorical {
                name: "colour",
                values: &[Some("red"), colour],
            },
        ];
        coding.code(&columns).unwrap_err().to_string()
    };
    let unseen = message(Some("pink"), 1.0);
    assert!(unseen.contains("row 2") && unseen.contains("'colour'") && unseen.contains("'pink'"));
    let missing = message(None, 1.0);
    assert!(missing.contains("row 2") && missing.contains("'colour'"));
    let nan = message(Some("red"), f64::NAN);
    assert!(nan.contains("row 2") && nan.contains("'size'") && nan.contains("missing"));
    assert!(message(Some("red"), f64::INFINITY).contains("infinity"));
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let table = Table::simulated(5, 2, 1);
    let coding = table.design(RAW).coding().clone();
    let inputs = table.inputs();
    let missing = coding.code(&inputs[..1]).unwrap_err().to_string();
    assert!(missing.contains("'x1'"), "{missing}");
    let short = [
        inputs[0],
        Column::Numeric {
            name: "x1",
            values: &[1.0],
        },
    ];
    assert!(coding.code(&short).is_err());
    let text = [
        inputs[0],
        Column::Categorical {
            name: "x1",
            values: &[Some("a"); 5],
        },
    ];
    assert!(coding.code(&text).is_err());
    let twice = [inputs[0], inputs[0]];
    assert!(Design::new(&twice, RAW).is_err());
    assert!(Design::new(&[], RAW).is_err());
    assert!(Design::weighted(&inputs, &[1.0, 1.0, -1.0, 1.0, 1.0], RAW).is_err());
    assert!(Design::weighted(&inputs, &[0.0; 5], RAW).is_err());
    assert!(Design::weighted(&inputs, &[1.0; 4], RAW).is_err());
}

#[test]
fn units_beyond_the_square_root_of_the_float_range_are_standardised() {
    let values = [1.0, 2.0, 4.0, 8.0, 5.0];
    let expected = Design::new(
        &[Column::Numeric {
            name: "x",
            values: &values,
        }],
        DesignConfig::default(),
    );
    let expected = expected.unwrap();
    for unit in [1e-250, 1e250] {
        let scaled = values.map(|v| unit * v);
        let column = Column::Numeric {
            name: "x",
            values: &scaled,
        };
        let design = Design::new(&[column], DesignConfig::default()).unwrap();
        assert_close(design.x.as_slice(), expected.x.as_slice(), 1e-12, "coded");
    }
}
