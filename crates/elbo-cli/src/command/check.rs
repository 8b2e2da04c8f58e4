//! `elbo check PROGRAM [DATA]`: whether a Stan program means something, what it declares, and with data
//! what will be computed.
//!
//! Diagnostics go to stderr as a compiler's do, the outline to stdout. What a program includes is
//! looked for in its own folder and nowhere else.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::graph::PlateSummary;
use elbo::graph::geometry::Recoordinated;
use elbo::stan::typed::{BlockKind, Program};
use elbo::stan::{Checked, Limits, Severity, Style, check};
use serde_json::{Value, json};

use crate::console::{Notes, Results, to_stderr};
use crate::failure::{Failure, Kind};
use crate::stan::{self, Folder, Loaded, read_program, unreadable};

#[derive(Debug, Args)]
struct Options {
    /// A Stan program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Data to check against its declarations; what is computed, and in which plates, is then printed
    #[arg(value_name = "DATA", conflicts_with = "canonical")]
    data: Option<PathBuf>,
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
        .about("Check a Stan program: errors and warnings with their places, or what it declares and computes")
}

/// Runs it.
///
/// # Errors
/// If the program cannot be read. A program with errors is no failure; the exit code is 2.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let bytes =
        read_program(&options.program).map_err(|error| unreadable(&options.program, &error))?;
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
    let loaded = match &options.data {
        Some(_) if checked.program.is_some() => {
            let data = options.data.as_deref();
            Some(stan::load(&options.program, data, 0, Notes::new(true))?)
        }
        _ => None,
    };
    let mut stdout = Results::stdout();
    if options.json {
        let mut object = object(&name, &checked);
        if let Some(loaded) = &loaded {
            object["dimension"] = json!(loaded.model.dimension());
            object["plates"] = plates(loaded);
            let changed = loaded.model.recoordinated();
            let changed = changed.iter().map(|group| {
                json!({
                    "parameters": stems(loaded, &group.coordinates),
                    "density": group.density,
                    "degrees": group.degrees.len(),
                    "standardised": group.standardised,
                })
            });
            object["recoordinated"] = json!(changed.collect::<Vec<Value>>());
        }
        stdout.line(&object.to_string())?;
    } else if let Some(program) = &checked.program {
        if options.canonical {
            stdout.line(program.to_string().trim_end())?;
        } else {
            outline(&mut stdout, program)?;
        }
    }
    if let (Some(loaded), false) = (&loaded, options.json) {
        computation(&mut stdout, loaded)?;
    }
    stdout.finish()?;
    Ok(if checked.program.is_some() {
        0
    } else {
        Kind::Input.exit_code()
    })
}

/// What is computed with these data, as the graph tells it.
fn computation(stdout: &mut Results, loaded: &Loaded) -> Result<(), Failure> {
    stdout.line("")?;
    match loaded.model.summary() {
        Some(summary) => stdout.line(summary.to_string().trim_end())?,
        None => stdout.line("every point is rejected")?,
    }
    if loaded.model.is_branching() {
        stdout.line("parameters decide what is computed; this is what holds at the origin")?;
    }
    let changed = loaded.model.recoordinated();
    if !changed.is_empty() {
        stdout.line("\nfitted in other coordinates")?;
    }
    for group in changed {
        stdout.line(&format!(
            "  {}  {}",
            stems(loaded, &group.coordinates).join(", "),
            why(&group)
        ))?;
    }
    Ok(())
}

/// Why coordinates are changed, and how.
fn why(group: &Recoordinated) -> String {
    let mut parts = Vec::new();
    if !group.degrees.is_empty() {
        parts.push("centred as far as is learnt");
    }
    if group.standardised {
        parts.push("made normal");
    }
    if parts.is_empty() {
        parts.push("in units of its prior");
    }
    format!("{}: {}", group.density, parts.join(", "))
}

/// The parameters that coordinates belong to.
fn stems(loaded: &Loaded, coordinates: &[usize]) -> Vec<String> {
    let mut stems: Vec<String> = Vec::new();
    for &i in coordinates {
        let name = loaded.coordinate(i);
        let stem = name.split('.').next().unwrap_or(&name).to_owned();
        if stems.last() != Some(&stem) {
            stems.push(stem);
        }
    }
    stems
}

fn plates(loaded: &Loaded) -> Value {
    let plates = loaded.model.summary().map_or(&[][..], |s| &s.plates);
    let object = |plate: &PlateSummary| {
        let terms: serde_json::Map<String, Value> = plate
            .each_row
            .terms
            .iter()
            .map(|(name, count)| (name.clone(), json!(count)))
            .collect();
        json!({"rows": plate.n_rows, "terms": terms, "data_bytes_per_row": plate.data_bytes_per_row})
    };
    json!(plates.iter().map(object).collect::<Vec<Value>>())
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
