//! Programs with what the front end says about them.
//!
//! `corpus/good` holds programs without errors: beside each stand its warnings and its canonical
//! form. `corpus/bad` holds programs with errors: beside each stand the diagnostics. All are written
//! for this corpus. After a deliberate change, `UPDATE_CORPUS=1 cargo test -p elbo-stan --test corpus`
//! writes the expected files anew; read the difference before it is committed.
//!
//! A first line `// limit: tokens 10` checks a program under that limit. `#include` finds the files of
//! `corpus/included`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use elbo_stan::{Checked, Code, Included, Includes, Limits, Style, check};

struct Folder(PathBuf);

impl Includes for Folder {
    fn find(&mut self, name: &str, _from: &str) -> Result<Included, String> {
        if name.contains("..") {
            return Err("it lies outside the program's folder".to_owned());
        }
        fs::read(self.0.join(name))
            .map(|bytes| Included {
                name: name.to_owned(),
                bytes,
            })
            .map_err(|_| "there is no such file".to_owned())
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn programs(kind: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(corpus().join(kind))
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "stan"))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The limits that a program's first line asks for.
fn limits(bytes: &[u8]) -> Limits {
    let mut limits = Limits::default();
    let text = String::from_utf8_lossy(bytes);
    let Some(line) = text
        .lines()
        .next()
        .and_then(|l| l.strip_prefix("// limit: "))
    else {
        return limits;
    };
    let (name, value) = line
        .split_once(' ')
        .expect("a limit has a name and a value");
    let value = value.parse().expect("a limit is a number");
    let slot = match name {
        "source_bytes" => &mut limits.source_bytes,
        "tokens" => &mut limits.tokens,
        "nesting" => &mut limits.nesting,
        "depth" => &mut limits.depth,
        "includes" => &mut limits.includes,
        "diagnostics" => &mut limits.diagnostics,
        other => panic!("there is no limit `{other}`"),
    };
    *slot = value;
    limits
}

fn checked(path: &Path) -> Checked {
    let bytes = fs::read(path).expect("a program of the corpus can be read");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut folder = Folder(corpus().join("included"));
    check(&name, &bytes, &mut folder, &limits(&bytes))
}

/// Compares with the file beside the program, or writes it.
fn compare(path: &Path, text: &str, differences: &mut String) {
    let beside = path.with_extension("expected");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        fs::write(&beside, text).expect("the corpus can be written");
        return;
    }
    let expected = fs::read_to_string(&beside).unwrap_or_default();
    if expected != text {
        writeln!(
            differences,
            "{}: expected\n{expected}\nfound\n{text}",
            path.display()
        )
        .expect("a string can be written to");
    }
}

#[test]
fn good_programs_have_their_canonical_form() {
    let mut differences = String::new();
    for path in programs("good") {
        let checked = checked(&path);
        let Some(program) = &checked.program else {
            panic!("{}\n{}", path.display(), checked.render(Style::Plain));
        };
        let text = format!("{}{program}", checked.render(Style::Plain));
        compare(&path, &text, &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn canonical_programs_check_to_themselves() {
    for path in programs("good") {
        let text = checked(&path)
            .program
            .map(|p| p.to_string())
            .unwrap_or_default();
        let again = check(
            "canonical.stan",
            text.as_bytes(),
            &mut elbo_stan::NoIncludes,
            &Limits::default(),
        );
        let twice = again.program.as_ref().map(ToString::to_string);
        assert_eq!(
            twice.as_deref(),
            Some(text.as_str()),
            "{}\n{}",
            path.display(),
            again.render(Style::Plain)
        );
    }
}

#[test]
fn bad_programs_have_their_diagnostics() {
    let mut differences = String::new();
    for path in programs("bad") {
        let checked = checked(&path);
        assert!(checked.program.is_none(), "{}", path.display());
        assert!(checked.errors() > 0, "{}", path.display());
        compare(&path, &checked.render(Style::Plain), &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_kind_of_diagnostic_occurs() {
    let found: BTreeSet<Code> = programs("good")
        .into_iter()
        .chain(programs("bad"))
        .flat_map(|path| checked(&path).diagnostics)
        .map(|diagnostic| diagnostic.code)
        .collect();
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !found.contains(code))
        .map(|code| code.id())
        .collect();
    assert!(missing.is_empty(), "no program shows {missing:?}");
}

#[test]
fn every_error_points_at_its_file() {
    for path in programs("bad") {
        let checked = checked(&path);
        for diagnostic in &checked.diagnostics {
            let place = checked.sources.locate(diagnostic.span);
            assert!(place.line >= 1 && place.column >= 1);
            assert!(!diagnostic.message.ends_with('.'), "{}", diagnostic.message);
        }
    }
}
