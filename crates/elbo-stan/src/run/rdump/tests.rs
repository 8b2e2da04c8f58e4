//! Values as R means them, and what is said about text that is no data.

use super::*;

fn one(text: &str) -> Result<Value, String> {
    let data = read_rdump(format!("x <- {text}\n").as_bytes())?;
    Ok(data["x"].clone())
}

fn ints(shape: &[usize], entries: &[i32]) -> Value {
    Value::Ints(Tensor::new(shape.to_vec(), entries.to_vec()))
}

fn reals(shape: &[usize], entries: &[f64]) -> Value {
    Value::Reals(Tensor::new(shape.to_vec(), entries.to_vec()))
}

#[test]
fn numbers_and_lists_have_the_narrowest_type() {
    assert_eq!(one("3"), Ok(Value::int(3)));
    assert_eq!(one("-3L"), Ok(Value::int(-3)));
    assert_eq!(one("3."), Ok(Value::real(3.0)));
    assert_eq!(one(".5"), Ok(Value::real(0.5)));
    assert_eq!(one("- 1.5E+2"), Ok(Value::real(-150.0)));
    assert_eq!(one("3000000000"), Ok(Value::real(3e9)));
    assert_eq!(one("c(5)"), Ok(ints(&[1], &[5])));
    assert_eq!(one("c(1, 2,\n  3)"), Ok(ints(&[3], &[1, 2, 3])));
    assert_eq!(
        one("c(1, 2.5, -Inf)"),
        Ok(reals(&[3], &[1.0, 2.5, f64::NEG_INFINITY]))
    );
    assert_eq!(one("c(TRUE, FALSE)"), Ok(ints(&[2], &[1, 0])));
}

#[test]
fn ranges_run_both_ways_and_stand_in_lists() {
    assert_eq!(one("1:4"), Ok(ints(&[4], &[1, 2, 3, 4])));
    assert_eq!(one("2:-1"), Ok(ints(&[4], &[2, 1, 0, -1])));
    assert_eq!(one("c(9, 1:2)"), Ok(ints(&[3], &[9, 1, 2])));
    assert_eq!(
        one("structure(1:4, .Dim = c(2L, 2L))"),
        Ok(ints(&[2, 2], &[1, 3, 2, 4]))
    );
}

#[test]
fn the_first_axis_runs_fastest_in_the_text_and_the_last_in_the_value() {
    // R: aperm(array(1:12, c(2, 3, 2))) read from front to back.
    let expected = [1, 7, 3, 9, 5, 11, 2, 8, 4, 10, 6, 12];
    let value = one("structure(c(1,2,3,4,5,6,7,8,9,10,11,12), .Dim = c(2, 3, 2))");
    assert_eq!(value, Ok(ints(&[2, 3, 2], &expected)));
    // R 4 writes the attribute without its dot.
    assert_eq!(
        one("structure(c(1, 2.5), dim = 1:2)"),
        Ok(reals(&[1, 2], &[1.0, 2.5]))
    );
}

#[test]
fn empty_values_keep_their_shape() {
    assert_eq!(one("integer(0)"), Ok(ints(&[0], &[])));
    assert_eq!(one("c()"), Ok(ints(&[0], &[])));
    assert_eq!(one("double(2)"), Ok(reals(&[2], &[0.0, 0.0])));
    assert_eq!(
        one("structure(integer(0), .Dim = c(3L, 0L))"),
        Ok(ints(&[3, 0], &[]))
    );
}

#[test]
fn names_may_be_quoted_and_comments_and_equals_signs_stand_about() {
    let text = b"# data\n\"J\" <- 8L; 'y' = c(1) # one\n`a.b` <-\n2\n";
    let data = read_rdump(text).expect("it reads");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["J", "a.b", "y"]);
    assert_eq!(data["a.b"], Value::int(2));
}

#[test]
fn the_format_is_told_by_its_first_character() {
    assert_eq!(
        read_data(b" \n {\"x\": 1}").map(|d| d["x"].clone()),
        Ok(Value::int(1))
    );
    assert_eq!(
        read_data(b"x <- 1").map(|d| d["x"].clone()),
        Ok(Value::int(1))
    );
    assert_eq!(read_data(b"").map(|d| d.len()), Ok(0));
    assert!(read_data(b"[1]").is_err_and(|e| e.contains("an object")));
}

#[test]
fn what_is_no_data_is_named_with_its_place() {
    for (text, expected, column) in [
        ("c(1, NA)", "missing (NA)", 11),
        ("c(1 2)", "expected `,` or `)`, found `2`", 10),
        ("c(1, c(2))", "`c` inside `c`", 11),
        ("c(1,", "the end of the file", 1),
        ("\"three", "has no end", 6),
        ("three", "`three` is no number", 6),
        ("1.2.3", "`1.2.3` is no number", 6),
        ("-three", "`three` is no number", 6),
        ("1e", "`1e` is no number", 6),
        ("list(1)", "`list` is no number", 6),
        ("1:2000000000", "more than 16777216 numbers", 8),
        ("integer(2000000000)", "more than 16777216 numbers", 14),
        ("integer(-1)", "-1 is no length", 14),
        ("1:2.5", "a range ends with an int", 8),
        (
            "structure(c(1, 2), .Dim = c(2, 2))",
            "[2, 2], and there are 2",
            39,
        ),
        ("structure(1:2, .Dim = c(-1, -2))", "are counts", 36),
        (
            "structure(1:2, .Dimnames = c(1))",
            "`.Dimnames` is not read",
            21,
        ),
        ("structure(1:2, .Dim = 2, a = 1)", "only `.Dim`", 29),
        (
            "structure(1, .Dim = c(4000000000, 4000000000, 4000000000))",
            "are counts",
            62,
        ),
        ("3 $", "`$` has no meaning", 8),
        ("3\nx <- 4", "occurs twice", 6),
        ("\u{e9}", "the byte 0xc3", 6),
    ] {
        let message = one(text).expect_err(text);
        assert!(message.contains(expected), "{message}");
        assert!(message.ends_with(&format!(" column {column}")), "{message}");
        assert!(message.contains("line "), "{message}");
    }
    assert!(one("3 $").is_err_and(|message| !message.starts_with("`x`")));
    assert!(one("NA").is_err_and(|message| message.starts_with("`x`: ")));
}
