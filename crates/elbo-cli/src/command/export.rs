//! `elbo export FIT --what embeddings`: vectors of users and items for other programs.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use elbo::math::arrays::Array;
use elbo_data::export::{write_matrix_csv, write_npy};

use crate::console::Results;
use crate::failure::Failure;
use crate::frame::refuse_existing;
use crate::model::Embedding;
use crate::stored;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Embeddings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// users.csv and items.csv: an id, the bias, then the factors.
    Csv,
    /// users.npy and items.npy (float64; bias and factors of one in a row), ids in users.ids.csv and items.ids.csv.
    Npy,
}

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit of ratings
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// What to export
    #[arg(long, value_enum, default_value = "embeddings", value_name = "WHAT")]
    what: What,
    /// Format of the files
    #[arg(long, value_enum, default_value = "csv", value_name = "FORMAT")]
    format: Format,
    /// Directory to write into; it is made if need be, the files must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("export"))
        .about("Write embeddings of users and items as CSV or NPY")
}

/// Runs it.
///
/// # Errors
/// If the fit has no embeddings, or a file cannot be written.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let What::Embeddings = options.what;
    let embeddings = stored::read(&options.fit)?.open()?.embeddings()?;
    let names = |e: &Embedding| match options.format {
        Format::Csv => vec![format!("{}.csv", e.name)],
        Format::Npy => vec![format!("{}.npy", e.name), format!("{}.ids.csv", e.name)],
    };
    for name in embeddings.iter().flat_map(names) {
        refuse_existing(&options.out.join(name))?;
    }
    std::fs::create_dir_all(&options.out)
        .map_err(|e| Failure::input(format!("{} cannot be made: {e}", options.out.display())))?;
    let mut stdout = Results::stdout();
    for embedding in &embeddings {
        write(&options.out, embedding, options.format)?;
        for name in names(embedding) {
            stdout.line(&options.out.join(name).display().to_string())?;
        }
    }
    stdout.finish()?;
    Ok(0)
}

fn write(folder: &Path, embedding: &Embedding, format: Format) -> Result<(), Failure> {
    let (ids, columns) = (&embedding.ids, &embedding.columns);
    let csv = folder.join(format!("{}.csv", embedding.name));
    match format {
        Format::Csv => write_matrix_csv(csv, "id", ids, columns, &embedding.vectors)?,
        Format::Npy => {
            let shape = [ids.len(), columns.len()];
            let array = Array::f64(&shape, embedding.vectors.clone());
            write_npy(folder.join(format!("{}.npy", embedding.name)), &array)?;
            let nothing: [&str; 0] = [];
            let path = folder.join(format!("{}.ids.csv", embedding.name));
            write_matrix_csv(path, "id", ids, &nothing, &[])?;
        }
    }
    Ok(())
}
