//! Fits: written, read back, overwritten, refused.

use std::fs;

use elbo_math::arrays::Array;
use serde_json::json;
use tempfile::TempDir;

use super::*;

fn example() -> StoredFit {
    let mut fit = StoredFit::default();
    fit.record.model = "gmm".to_owned();
    fit.record.elbo = Some(-1234.5678901234567);
    fit.record.verdict = Verdict::Good;
    fit.record.converged = true;
    fit.record.options.insert("components".to_owned(), json!(6));
    fit.record
        .extra
        .insert("n_effective_components".to_owned(), json!(2));
    fit.record.data.columns = vec!["a".to_owned(), "b".to_owned()];
    fit.arrays.insert(
        "means".to_owned(),
        Array::f64(&[2, 2], vec![0.1, -1e-300, 1e300, 1.0 / 3.0]),
    );
    fit.arrays.insert(
        "items".to_owned(),
        Array::f32(&[3], vec![0.1, -2.5, f32::MIN_POSITIVE]),
    );
    fit.arrays.insert(
        "log_weights".to_owned(),
        Array::f64(&[2], vec![0.0, f64::NEG_INFINITY]),
    );
    fit.arrays.insert("sigma".to_owned(), Array::scalar(0.7));
    let awkward = ["", " NA ", "a,\"b\"\n", "\u{1f3a5} ünï", "\0"].map(str::to_owned);
    fit.labels.insert("users".to_owned(), awkward.to_vec());
    fit.trace = vec![
        TracePoint {
            iteration: 1,
            seconds: 0.001,
            elbo: -2e5,
            elbo_error: 0.0,
        },
        TracePoint {
            iteration: 2,
            seconds: 1.0 / 3.0,
            elbo: -1.1e5,
            elbo_error: 0.25,
        },
    ];
    fit
}

fn example_draws() -> Draws {
    let mut draws = Draws::new(vec!["mu".to_owned(), "theta.1".to_owned()]);
    draws.push(&[0.1, 1e-300]);
    draws.push(&[-1.0 / 3.0, 12345678.9]);
    draws
}

/// The names in a directory, hidden ones too.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_fit_reads_back_as_it_was_written() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("deep/er/fit");
    write_fit(&out, &example(), Some(&example_draws()), false).unwrap();
    assert_eq!(read_fit(&out).unwrap(), example());
    assert_eq!(read_draws(&out).unwrap(), Some(example_draws()));
    assert_eq!(
        names(&out),
        [
            "draws.parquet",
            "fit.json",
            "labels.json",
            "trace.csv",
            "variational.safetensors"
        ]
    );
    assert_eq!(
        names(out.parent().unwrap()),
        ["fit"],
        "nothing temporary is left"
    );
}

#[test]
fn a_fit_without_iterations_or_draws_reads_back() {
    let dir = TempDir::new().unwrap();
    let fit = StoredFit {
        trace: Vec::new(),
        ..example()
    };
    write_fit(dir.path().join("f"), &fit, None, false).unwrap();
    assert_eq!(read_fit(dir.path().join("f")).unwrap(), fit);
    assert_eq!(read_draws(dir.path().join("f")).unwrap(), None);
}

#[test]
fn an_existing_output_is_refused_unless_it_may_be_overwritten() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("fit");
    check_out(&out, false).unwrap();
    write_fit(&out, &example(), Some(&example_draws()), false).unwrap();
    let error = check_out(&out, false).unwrap_err().to_string();
    assert!(
        error.contains("exists already; choose another name"),
        "{error}"
    );
    assert!(write_fit(&out, &example(), None, false).is_err());

    let mut other = example();
    other.record.seed = 7;
    write_fit(&out, &other, None, true).unwrap();
    assert_eq!(read_fit(&out).unwrap().record.seed, 7);
    assert_eq!(
        read_draws(&out).unwrap(),
        None,
        "nothing of the old fit is left"
    );
    assert_eq!(names(dir.path()), ["fit"]);
}

#[test]
fn a_directory_that_is_no_fit_is_never_overwritten() {
    let dir = TempDir::new().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    check_out(&home, false).expect("an empty directory is as good as none");
    fs::write(home.join("thesis.tex"), "x").unwrap();
    let error = check_out(&home, true).unwrap_err().to_string();
    assert!(
        error.contains("is not a fit (it has no fit.json)"),
        "{error}"
    );
    assert!(check_out(home.join("thesis.tex"), true).is_err());
    assert_eq!(names(&home), ["thesis.tex"]);
}

#[test]
fn a_failed_write_leaves_the_old_fit_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("fit");
    write_fit(&out, &example(), None, false).unwrap();
    let mut broken = example();
    broken
        .arrays
        .insert("z".to_owned(), Array::f64(&[2], vec![1.0, f64::NAN]));
    let error = write_fit(&out, &broken, None, true)
        .unwrap_err()
        .to_string();
    let message = "fit/variational.safetensors: entry 1 of 'z' is not a number";
    assert!(error.contains(message), "{error}");
    assert_eq!(read_fit(&out).unwrap(), example());
    assert_eq!(names(dir.path()), ["fit"]);
}

#[test]
fn a_full_disk_is_named_with_the_file_that_was_to_be_written() {
    let dir = TempDir::new().unwrap();
    let staged = StagedDirectory::create(dir.path().join("fit"), false, "fit.json").unwrap();
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let error = DataError::from_write(&staged.path().join("trace.csv"), full);
    let error = staged.name_target(error).to_string();
    let message = "fit/trace.csv cannot be written: the disk is full; free some space or write \
                   elsewhere";
    assert!(
        error.ends_with(message) && !error.contains("fit.tmp"),
        "{error}"
    );
    drop(staged);
    assert_eq!(names(dir.path()), [""; 0], "what was not committed is gone");
}

#[test]
fn a_fit_of_another_version_is_refused() {
    let dir = TempDir::new().unwrap();
    for (version, advice) in [
        (99, "written by a newer elbo"),
        (0, "written by an older elbo"),
    ] {
        fs::write(
            dir.path().join("fit.json"),
            format!("{{\"format_version\": {version}}}"),
        )
        .unwrap();
        let error = read_fit(dir.path()).unwrap_err().to_string();
        assert!(error.contains(advice), "{error}");
    }
}

#[test]
fn a_damaged_fit_is_refused_with_the_file_named() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("fit");
    let missing = read_fit(&out).unwrap_err().to_string();
    assert!(missing.contains("there is no such file"), "{missing}");
    for file in ["fit.json", "variational.safetensors", "labels.json"] {
        write_fit(&out, &example(), None, true).unwrap();
        let bytes = fs::read(out.join(file)).unwrap();
        fs::write(out.join(file), &bytes[..bytes.len() - 5]).unwrap();
        let error = read_fit(&out).unwrap_err().to_string();
        assert!(
            error.contains(file) && error.contains("is damaged"),
            "{error}"
        );
        fs::remove_file(out.join(file)).unwrap();
        let error = read_fit(&out).unwrap_err().to_string();
        assert!(
            error.contains(&format!("is not a fit: it has no {file}")),
            "{error}"
        );
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn draws_round_trip_through_csv_and_parquet() {
    let dir = TempDir::new().unwrap();
    let (csv, parquet) = (dir.path().join("d.csv"), dir.path().join("d.parquet"));
    example_draws().write_csv(&csv).unwrap();
    example_draws().write_parquet(&parquet).unwrap();
    assert_eq!(
        fs::read_to_string(&csv).unwrap().lines().next(),
        Some("mu,theta.1")
    );
    assert_eq!(Draws::read(csv).unwrap(), example_draws());
    assert_eq!(Draws::read(parquet).unwrap(), example_draws());
}

#[test]
fn further_files_come_back_byte_for_byte() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("fit");
    let program = b"model { }\n\xff";
    let more = |dir: &Path| {
        let file = |name: &str| dir.join(name);
        write_file(&file("program.stan"), |out| out.write_all(program))?;
        write_file(&file("chains/1.csv"), |out| out.write_all(b"lp__\n"))
    };
    write_fit_with(&out, &example(), None, false, more).unwrap();
    assert_eq!(read_file(&out, "program.stan").unwrap(), program);
    assert_eq!(read_file(&out, "chains/1.csv").unwrap(), b"lp__\n");
    assert_eq!(read_fit(&out).unwrap(), example());
    let error = read_file(&out, "data.json").unwrap_err().to_string();
    assert!(error.contains("it has no data.json"), "{error}");
}

#[test]
fn a_bound_of_which_nothing_is_known_reads_back_as_missing() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("fit");
    let mut fit = example();
    fit.trace[0].elbo = f64::NEG_INFINITY;
    fit.trace[1].elbo_error = f64::INFINITY;
    write_fit(&out, &fit, None, false).unwrap();
    let trace = read_fit(&out).unwrap().trace;
    assert!(trace[0].elbo.is_nan() && trace[1].elbo_error.is_nan());
    assert_eq!(trace[1].elbo, fit.trace[1].elbo);
}
