//! `elbo check PROGRAM`: whether a Stan program means something, and what it declares.
//!
//! Diagnostics go to stderr as a compiler's do, the outline to stdout. What a program includes is
//! looked for in its own folder and nowhere else.

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::stan::typed::{BlockKind, Program};
use elbo::stan::{Checked, Included, Includes, Limits, Severity, Style, check};
use serde_json::{Value, json};

use crate::console::{Results, to_stderr};
use crate::failure::{Failure, Kind};

#[derive(Debug, Args)]
struct Options {
    /// A Stan program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Print the program in canonical form instead of what it declares
    #[arg(long, conflicts_with = "json")]
    canonical: bool,
    /// Print one JSON object: "ok", "diagnostics", and what every block declares
    #[arg(long)]
    json: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("check"))
        .about("Check a Stan program: errors and warnings with their places, or what it declares")
}

/// Runs it.
///
/// # Errors
/// If the program cannot be read. A program with errors is no failure; the exit code is 2.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let bytes = read(&options.program).map_err(|error| {
        Failure::input(format!(
            "cannot read {}: {error}",
            options.program.display()
        ))
        .help("the first argument is a file with a Stan program")
    })?;
    let name = options.program.display().to_string();
    let mut folder = Folder::of(&options.program);
    let checked = check(&name, &bytes, &mut folder, &Limits::default());
    let style = if std::io::stderr().is_terminal() {
        Style::Coloured
    } else {
        Style::Plain
    };
    let text = checked.render(style);
    if !text.is_empty() {
        to_stderr(text.trim_end());
    }
    let mut stdout = Results::stdout();
    if options.json {
        stdout.line(&object(&name, &checked).to_string())?;
    } else if let Some(program) = &checked.program {
        if options.canonical {
            stdout.line(program.to_string().trim_end())?;
        } else {
            outline(&mut stdout, program)?;
        }
    }
    stdout.finish()?;
    Ok(if checked.program.is_some() {
        0
    } else {
        Kind::Input.exit_code()
    })
}

/// A file's bytes, or one more than the limit allows, which the check reports.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(Limits::default().source_bytes as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

const BLOCKS: [BlockKind; 5] = [
    BlockKind::Data,
    BlockKind::TransformedData,
    BlockKind::Parameters,
    BlockKind::TransformedParameters,
    BlockKind::GeneratedQuantities,
];

/// What every block declares, names in a column.
fn outline(stdout: &mut Results, program: &Program) -> Result<(), Failure> {
    let blocks = BLOCKS.map(|kind| (kind, program.outline(kind)));
    let widest = blocks
        .iter()
        .flat_map(|(_, declared)| declared)
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0)
        .min(30);
    for (kind, declared) in blocks {
        if !declared.is_empty() {
            stdout.line(kind.name())?;
        }
        for (name, r#type) in declared {
            stdout.line(&format!("  {name:widest$}  {type}"))?;
        }
    }
    Ok(())
}

fn object(name: &str, checked: &Checked) -> Value {
    let diagnostics: Vec<Value> = checked
        .diagnostics
        .iter()
        .map(|d| {
            let place = checked.sources.locate(d.span);
            json!({
                "code": d.code.id(),
                "severity": if d.severity() == Severity::Error { "error" } else { "warning" },
                "message": d.message,
                "file": place.file.name,
                "line": place.line,
                "column": place.column,
                "hints": d.hints,
            })
        })
        .collect();
    let mut object = serde_json::Map::new();
    object.insert("model".into(), json!(name));
    object.insert("ok".into(), json!(checked.program.is_some()));
    object.insert("diagnostics".into(), json!(diagnostics));
    if let Some(program) = &checked.program {
        for kind in BLOCKS {
            let declared: serde_json::Map<String, Value> = program
                .outline(kind)
                .into_iter()
                .map(|(name, r#type)| (name.to_string(), json!(r#type)))
                .collect();
            object.insert(kind.name().replace(' ', "_"), json!(declared));
        }
    }
    Value::Object(object)
}

/// The folder of a program, the only one that is read.
struct Folder(PathBuf);

impl Folder {
    fn of(program: &Path) -> Self {
        let folder = program.parent().unwrap_or(Path::new(""));
        Self(if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        })
    }
}

impl Includes for Folder {
    fn find(&mut self, name: &str, from: &str) -> Result<Included, String> {
        // Relative to the including file, as compilers do it.
        let near = Path::new(from).parent().unwrap_or(Path::new("")).join(name);
        let candidates = [near, self.0.join(name)];
        let path = candidates
            .iter()
            .find(|path| path.is_file())
            .ok_or_else(|| format!("there is no such file in {}", self.0.display()))?;
        // One name for every way to spell it, so that circles are seen.
        let resolve = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
        let (found, folder) = (resolve(path)?, resolve(&self.0)?);
        let inside = found
            .strip_prefix(&folder)
            .map_err(|_| format!("it lies outside {}", self.0.display()))?;
        Ok(Included {
            name: self.0.join(inside).display().to_string(),
            bytes: read(path).map_err(|error| error.to_string())?,
        })
    }
}
