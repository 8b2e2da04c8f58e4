//! Bad input and wrong usage: one clear message with its place, exit 2, nothing written.

use crate::harness::{Place, Run, shipped};

/// Runs a command that has to be refused, and checks that it leaves nothing behind.
fn refused(place: &Place, arguments: &str, expected: &[&str]) -> Run {
    let before = place.names();
    let run = place.run(arguments);
    assert_eq!(run.code, 2, "elbo {arguments}\n{}", run.stderr);
    assert_eq!(run.stdout, "", "elbo {arguments}");
    assert!(
        run.stderr.starts_with("error: ") || run.stderr.contains("\nerror: "),
        "{}",
        run.stderr
    );
    for text in expected {
        assert!(
            run.stderr.contains(text),
            "elbo {arguments}: no '{text}' in\n{}",
            run.stderr
        );
    }
    assert_eq!(place.names(), before, "elbo {arguments} left something");
    run
}

#[test]
fn unusable_tables_are_refused_with_their_place() {
    let place = Place::new();
    let table = |text: &str| place.write("t.csv", text);

    refused(
        &place,
        "fit gmm nowhere.csv --out D",
        &["nowhere.csv", "no such file"],
    );
    table("");
    refused(&place, "fit gmm t.csv --out D", &["t.csv", "is empty"]);
    table("x,y\n");
    refused(&place, "fit gmm t.csv --out D", &["t.csv", "no rows"]);
    table("x;y\n1;2\n3;4\n5;7\n");
    let options = "fit gmm t.csv --format csv --out D";
    refused(&place, options, &["t.csv", "';'"]);
    table("x,y\n1,2\n3,4,5\n");
    refused(
        &place,
        "fit gmm t.csv --out D",
        &["t.csv, line 3", "expected 2 cells, found 3"],
    );
    table("x,y\n1,2\n3,many\n");
    let options = "fit gmm t.csv --columns x,y --out D";
    refused(&place, options, &["t.csv, line 3, column 'y'", "'many'"]);
    table("x,y\n1,2\n3,inf\n");
    refused(
        &place,
        "fit gmm t.csv --out D",
        &["t.csv, line 3, column 'y'", "infinite"],
    );
    table("x,y\n1,2\n,\n3,4\n6,5\n");
    let options = "fit gmm t.csv --components 1 --out D";
    refused(
        &place,
        options,
        &["t.csv, line 3", "every value of the row is missing"],
    );
    table("x,y\n1,2\n3,1\n2,4\n");
    let options = "fit gmm t.csv --components 4 --out D";
    refused(&place, options, &["components 4", "3 rows"]);
    table("x,y\n1,1\n1,1\n1,1\n");
    let options = "fit gmm t.csv --components 1 --out D";
    refused(&place, options, &["'x' is constant", "no column is left"]);
}

#[test]
fn regressions_refuse_missing_values_and_say_where() {
    let place = Place::new();
    place.write("t.csv", "x,z,y\n1,2,3\n2,NaN,1\n3,1,4\n");
    for model in ["linear", "ard", "logistic"] {
        let arguments = format!("fit {model} t.csv --target y --out D");
        refused(
            &place,
            &arguments,
            &["t.csv, line 3, column 'z'", "missing"],
        );
    }
    place.write("t.csv", "x,y\n1,3\n2,\n3,4\n");
    let arguments = "fit linear t.csv --target y --out D";
    refused(&place, arguments, &["t.csv, line 3, column 'y'", "missing"]);
    place.write("t.csv", "x,y\n1,low\n2,high\n3,low\n");
    refused(
        &place,
        arguments,
        &["t.csv, line 2, column 'y'", "expected a number", "'low'"],
    );
    let arguments = "fit logistic t.csv --target x --out D";
    refused(
        &place,
        arguments,
        &["t.csv, column 'x'", "3 different values, expected two"],
    );
    let arguments = "fit logistic t.csv --target y --positive hgih --out D";
    refused(&place, arguments, &["'high'"]);
}

#[test]
fn unusable_ratings_are_refused_with_their_place() {
    let place = Place::new();
    let ratings = |text: &str| place.write("r.csv", text);
    let arguments = "fit factor r.csv --out D";
    ratings("user,item,rating\na,b,3\na,c,good\n");
    refused(
        &place,
        arguments,
        &["r.csv, line 3, column 'rating'", "'good'"],
    );
    ratings("user,item,rating\na,b,3\na,c,inf\n");
    refused(
        &place,
        arguments,
        &["r.csv, line 3, column 'rating'", "infinite"],
    );
    ratings("user,item,rating\na,b,3\na,c,\n");
    refused(&place, arguments, &["r.csv, line 3", "missing"]);
    ratings("user,item,rating\na,b,3\n,c,4\n");
    refused(
        &place,
        arguments,
        &["r.csv, line 3, column 'user'", "missing"],
    );
    ratings("user,item,rating\na,b,3\nb,c,4\n");
    refused(
        &place,
        "fit factor r.csv --holdout 1.5 --out D",
        &["holdout"],
    );
    refused(
        &place,
        "fit factor r.csv --mu-sd -1 --out D",
        &["--mu-sd -1", "positive"],
    );
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let place = Place::new();
    let data = shipped("faithful.csv");
    refused(&place, "fti gmm", &["unknown command 'fti'", "'fit'"]);
    refused(&place, "fit gmmm x.csv", &["unknown model 'gmmm'", "'gmm'"]);
    refused(&place, "fit model.stan x.csv", &["model.stan", "Stan"]);
    refused(&place, "generate gmn --out R", &["'gmn'", "'gmm'"]);
    refused(
        &place,
        &format!("fit gmm {data} --compnents 3"),
        &["--compnents", "--components"],
    );
    let columns = format!("fit gmm {data} --columns erruptions,waiting --out D");
    refused(
        &place,
        &columns,
        &["'erruptions'", "did you mean 'eruptions'?"],
    );
    let target = format!("fit linear {data} --target wating --out D");
    refused(&place, &target, &["'wating'", "did you mean 'waiting'?"]);
    refused(&place, &format!("fit linear {data}"), &["--target"]);
    refused(
        &place,
        &format!("fit gmm {data} --format cvs"),
        &["unknown format 'cvs'"],
    );
    refused(
        &place,
        &format!("fit gmm {data} --covariance ful"),
        &["'ful'", "full"],
    );
    let method = format!("fit gmm {data} --method streming");
    refused(&place, &method, &["'streming'", "streaming"]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let place = Place::new();
    let data = shipped("faithful.csv");
    for (options, expected) in [
        ("--components 0", "components 0"),
        ("--weight-concentration -1", "weight-concentration"),
        ("--max-iters 0", "--max-iters 0"),
        ("--rel-tol nan", "--rel-tol"),
        ("--restarts 0", "restarts"),
        ("--method stochastic --batch-size 0", "batch-size"),
        (
            "--method stochastic --forgetting-rate 2",
            "--forgetting-rate 2",
        ),
        ("--seed many", "'many'"),
        ("--threads 1000000", "1000000"),
    ] {
        refused(
            &place,
            &format!("fit gmm {data} {options} --out D"),
            &[expected],
        );
    }
    let columns = format!("fit gmm {data} --columns waiting,waiting");
    refused(&place, &columns, &["'waiting' twice"]);
    let target = format!("fit linear {data} --target waiting --columns waiting");
    refused(
        &place,
        &target,
        &["'waiting' cannot be an input and the target"],
    );
}

#[test]
fn what_is_no_fit_or_a_broken_one_is_refused() {
    let place = Place::new();
    refused(&place, "summary D", &["D", "no such file"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    refused(&place, "summary empty", &["empty is not a fit"]);
    let data = shipped("diabetes.csv");
    let fit = format!("fit linear {data} --target target --overwrite --out D");

    place.ok(&fit);
    let json = std::fs::read_to_string(place.path("D/fit.json")).unwrap();
    place.write(
        "D/fit.json",
        &json.replace("\"format_version\": 1", "\"format_version\": 99"),
    );
    refused(&place, "summary D", &["format version 99", "update"]);
    place.write("D/fit.json", &json[..json.len() / 2]);
    refused(&place, "summary D", &["D/fit.json is damaged"]);

    place.write("D/fit.json", &json);
    let numbers = std::fs::read(place.path("D/variational.safetensors")).unwrap();
    std::fs::write(
        place.path("D/variational.safetensors"),
        &numbers[..numbers.len() / 2],
    )
    .unwrap();
    for command in ["summary D", "draws D", &format!("predict D {data}")] {
        refused(&place, command, &["damaged"]);
    }
    std::fs::remove_file(place.path("D/variational.safetensors")).unwrap();
    refused(&place, "summary D", &["variational.safetensors"]);

    place.ok(&fit);
    refused(
        &place,
        "recommend D --user 1",
        &["does not recommend", "factor"],
    );
    refused(&place, "export D --out E", &["no embeddings"]);
    refused(
        &place,
        "draws D --parameters wieghts",
        &["'wieghts'", "did you mean 'weights'?"],
    );
    refused(&place, "draws D --n 0", &["--n 0"]);
    refused(
        &place,
        &format!("predict D {data} --level 90"),
        &["--level 90", "0.9"],
    );
    refused(
        &place,
        &format!("predict D {}", shipped("faithful.csv")),
        &["no column 'age'"],
    );
    refused(
        &place,
        &format!("fit linear {data} --target target --warm-start D"),
        &["--warm-start"],
    );
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let place = Place::new();
    let (faithful, diabetes) = (shipped("faithful.csv"), shipped("diabetes.csv"));
    place.write("r.csv", "user,item,rating\na,b,3\nb,c,4\n");
    place.write("t.csv", "x,y\n1,0\n2,1\n3,0\n5,1\n");
    let gmm = format!("fit gmm {faithful} --components 2");
    let linear = format!("fit linear {diabetes} --target target");
    let logistic = "fit logistic t.csv --target y".to_owned();
    let factor = "fit factor r.csv --rank 0".to_owned();
    for (fit, options, expected) in [
        (
            &linear,
            "--restarts 3",
            ["linear has no use for --restarts", "gmm"],
        ),
        (
            &gmm,
            "--batch-size 10",
            ["--batch-size", "--method stochastic or streaming"],
        ),
        (&gmm, "--delay 2", ["--delay", "--method stochastic"]),
        (
            &gmm,
            "--forgetting-rate 0.6",
            ["--forgetting-rate", "--method batch"],
        ),
        (
            &gmm,
            "--method stochastic --restarts 2",
            ["--restarts", "--method batch"],
        ),
        (
            &factor,
            "--method streaming --delay 2",
            ["--delay", "--method streaming"],
        ),
        (&factor, "--scratch .", ["--scratch", "--method streaming"]),
        (&logistic, "--prior-sd 2", ["--prior-sd", "--prior fixed"]),
        (
            &logistic,
            "--prior fixed --prior-rate 2",
            ["--prior-rate", "--prior shared"],
        ),
        (
            &logistic,
            "--sign-certainty 0.9",
            ["--sign-certainty", "--prior relevance"],
        ),
    ] {
        refused(&place, &format!("{fit} {options} --out D"), &expected);
    }
    place.ok(&format!("{gmm} --out D"));
    for option in ["--restarts 2", "--init random"] {
        let name = option.split(' ').next().expect("a name");
        refused(
            &place,
            &format!("{gmm} --warm-start D {option}"),
            &[name, "--warm-start"],
        );
    }
    for option in ["--level 0.5", "--new-ratings r.csv"] {
        let name = option.split(' ').next().expect("a name");
        refused(
            &place,
            &format!("predict D {faithful} {option}"),
            &[name, "no effect"],
        );
    }
    // What is typed as it would be anyway is not in the way of scripts where it is of use.
    place.ok(&format!("{gmm} --restarts 1"));
}
