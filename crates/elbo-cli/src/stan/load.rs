//! A program and its data, from files to a density.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use elbo::stan::run::{RunError, RunErrorKind, RunLimits, Value, read_data};
use elbo::stan::typed::{BlockKind, Program};
use elbo::stan::{Checked, Included, Includes, Limits, Model, Sources, Style, check};

use crate::console::{Notes, to_stderr};
use crate::failure::{Failure, nearest};

/// The name of the program within a fit.
pub(crate) const PROGRAM: &str = "program.stan";
/// The name of the data within a fit, by their format.
pub(crate) const DATA: [&str; 2] = ["data.json", "data.R"];

/// A program with its data, ready to be evaluated.
pub(crate) struct Loaded {
    /// The density.
    pub model: Model,
    /// The program's file, without its folder.
    pub name: String,
    /// The file with the data, as it was named.
    pub data: Option<PathBuf>,
    /// What a fit keeps to be opened again: names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// For how many draws so far the program refused to generate quantities.
    pub n_refused: AtomicUsize,
    sources: Sources,
}

impl Loaded {
    /// An error of a run as one message with its place.
    pub(crate) fn failure(&self, error: &RunError) -> Failure {
        failure(error, &self.sources, self.data.as_deref())
    }

    /// An error of a run as a sentence with its place.
    pub(crate) fn describe(&self, error: &RunError) -> String {
        error.describe(&self.sources)
    }

    /// Refuses what would be refused after the fit: quantities that cannot be computed.
    ///
    /// # Errors
    /// The first of them.
    pub(crate) fn check_quantities(&self) -> Result<(), Failure> {
        let origin = vec![0.0; self.model.dimension()];
        match self.model.constrain(&origin, 1, 0) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// The unconstrained point at which the parameters have the values of a file.
    ///
    /// # Errors
    /// If it cannot be read, or a value is missing or outside its constraint.
    pub(crate) fn point(&self, path: &Path) -> Result<Vec<f64>, Failure> {
        let values = parse(path, &read_all(path)?)?;
        self.model.unconstrain(&values).map_err(|error| {
            Failure::input(format!("{}: {}", path.display(), error.message))
                .help("it takes a value for every parameter, in the format of the data")
        })
    }

    /// What an unconstrained coordinate is called: as the parameter whose only one it is, where every
    /// number of a parameter has one.
    pub(crate) fn coordinate(&self, i: usize) -> String {
        let columns = self.model.columns().iter();
        let mut parameters = columns.filter(|c| c.block == BlockKind::Parameters);
        if parameters.clone().count() == self.model.dimension()
            && let Some(column) = parameters.nth(i)
        {
            return column.name.clone();
        }
        format!("unconstrained coordinate {}", i + 1)
    }
}

/// Reads, checks and prepares a program; `seed` is that of random numbers in transformed data.
///
/// # Errors
/// Whatever is wrong with the program or the data.
pub(crate) fn load(
    program: &Path,
    data: Option<&Path>,
    seed: u64,
    notes: Notes,
) -> Result<Loaded, Failure> {
    let bytes = read_program(program).map_err(|error| unreadable(program, &error))?;
    let text = match data {
        Some(path) => Some(read_all(path)?),
        None => None,
    };
    let name = program.file_name().map_or_else(
        || program.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    prepare(program, &bytes, data, text, seed, notes, name)
}

/// Prepares what was kept in a fit.
///
/// # Errors
/// If it is damaged, or the program means something else to this version.
pub(crate) fn reload(dir: &Path, name: &str, seed: u64) -> Result<Loaded, Failure> {
    let program = elbo_data::fit::read_file(dir, PROGRAM)?;
    let found = DATA.iter().find(|data| dir.join(data).is_file());
    let text = match found {
        Some(data) => Some(elbo_data::fit::read_file(dir, data)?),
        None => None,
    };
    let data = found.map(|data| dir.join(data));
    let quiet = Notes::new(true);
    let path = dir.join(PROGRAM);
    prepare(
        &path,
        &program,
        data.as_deref(),
        text,
        seed,
        quiet,
        name.to_owned(),
    )
}

fn prepare(
    path: &Path,
    bytes: &[u8],
    data: Option<&Path>,
    text: Option<Vec<u8>>,
    seed: u64,
    notes: Notes,
    name: String,
) -> Result<Loaded, Failure> {
    let title = path.display().to_string();
    let Checked {
        program, sources, ..
    } = checked(&title, bytes, path, notes);
    let program = program.ok_or_else(|| {
        Failure::input(format!("{title} is no program that can be run"))
            .help("mend what is listed above; `elbo check` lists it again")
    })?;
    let values = match (&text, data) {
        (Some(text), Some(path)) => parse(path, text)?,
        _ => BTreeMap::new(),
    };
    note_extra(&program, &values, notes);
    let mut files = vec![(PROGRAM.to_owned(), kept_program(&program, &sources, bytes))];
    if let Some(text) = text {
        let json = text.trim_ascii_start().starts_with(b"{");
        files.push((DATA[usize::from(!json)].to_owned(), text));
    }
    let mut limits = RunLimits::default();
    limits.seed = seed;
    let mut say = |text: &str| {
        if !notes.quiet() {
            to_stderr(text);
        }
    };
    let model = Model::new(program, &values, &limits, &mut say)
        .map_err(|error| failure(&error, &sources, data))?;
    Ok(Loaded {
        model,
        name,
        data: data.map(Path::to_path_buf),
        files,
        n_refused: AtomicUsize::new(0),
        sources,
    })
}

/// Values by name, from either format.
fn parse(path: &Path, text: &[u8]) -> Result<BTreeMap<String, Value>, Failure> {
    read_data(text).map_err(|message| {
        Failure::input(format!("{}: {message}", path.display()))
            .help("values are read from JSON, or from R's dump format (x <- c(1, 2))")
    })
}

/// The program checked, what there is to say about it printed.
fn checked(title: &str, bytes: &[u8], path: &Path, notes: Notes) -> Checked {
    let mut folder = Folder::of(path);
    let checked = check(title, bytes, &mut folder, &Limits::default());
    let style = if std::io::stderr().is_terminal() {
        Style::Coloured
    } else {
        Style::Plain
    };
    let wrong = checked.program.is_none();
    if wrong || !notes.quiet() {
        let text = checked.render(style);
        if !text.is_empty() {
            to_stderr(text.trim_end());
        }
    }
    checked
}

/// The text that a fit keeps: as written, or in one piece where it is made of several files.
fn kept_program(program: &Program, sources: &Sources, bytes: &[u8]) -> Vec<u8> {
    if sources.files().len() > 1 {
        program.to_string().into_bytes()
    } else {
        bytes.to_vec()
    }
}

/// Names that the program does not declare are left alone, which may be a slip.
fn note_extra(program: &Program, values: &BTreeMap<String, Value>, notes: Notes) {
    let declared: Vec<&str> = program
        .declarations(BlockKind::Data)
        .flat_map(|declaration| &declaration.variables)
        .map(|(id, _)| &*program.variables[id.0].name)
        .collect();
    for name in values.keys() {
        if !declared.contains(&name.as_str()) {
            let missing = declared.iter().copied();
            let missing = missing.filter(|declared| !values.contains_key(*declared));
            let hint = nearest(name, missing)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            notes.note(format!(
                "the data have `{name}`, which the program does not declare{hint}"
            ));
        }
    }
}

fn failure(error: &RunError, sources: &Sources, data: Option<&Path>) -> Failure {
    let failure = Failure::input(error.describe(sources));
    match (error.kind, data) {
        (RunErrorKind::Data | RunErrorKind::Constraint, Some(path)) => {
            failure.help(format!("the data are those of {}", path.display()))
        }
        (RunErrorKind::Data, None) => failure.help("give a file with the data after the program's"),
        (RunErrorKind::Unsupported, _) => {
            failure.help("this version cannot evaluate it; the rest of the program is fine")
        }
        _ => failure,
    }
}

/// What to say of a program that is not there.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("cannot read {}: {error}", path.display()))
        .help("the first argument is a file with a Stan program")
}

/// A file's bytes, or one more than the limit allows, which the check reports.
pub(crate) fn read_program(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(Limits::default().source_bytes as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_all(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::input(format!("cannot read {}: {error}", path.display()))
            .help("the second argument is a file with the data, JSON or R's dump")
    })
}

/// The folder of a program, the only one that is read.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// That of a program's file.
    pub(crate) fn of(program: &Path) -> Self {
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
            bytes: read_program(path).map_err(|error| error.to_string())?,
        })
    }
}
