//! A checkout of posteriordb: which posteriors there are, their programs, data and reference draws.
//!
//! The one idea: everything comes as bytes, so that what is compared is exactly what the checkout
//! holds. Deliberately absent: what any of it means.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// A checkout.
pub(crate) struct Checkout {
    database: PathBuf,
}

/// A posterior: a program with data.
pub(crate) struct Posterior {
    pub(crate) name: String,
    pub(crate) program: String,
    pub(crate) data: String,
    /// The name of the reference draws that the checkout holds.
    pub(crate) draws: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    model_name: String,
    data_name: String,
    reference_posterior_name: Option<String>,
}

/// Draws of one quantity, chain by chain.
pub(crate) type Chains = Vec<Vec<f64>>;

impl Checkout {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let database = path.join("posterior_database");
        anyhow::ensure!(
            database.join("posteriors").is_dir(),
            "{} is no checkout of posteriordb: it has no posterior_database/posteriors",
            path.display()
        );
        Ok(Self { database })
    }

    /// Every posterior, by name.
    pub(crate) fn posteriors(&self) -> Result<Vec<Posterior>> {
        let mut found = Vec::new();
        for file in std::fs::read_dir(self.database.join("posteriors"))? {
            let path = file?.path();
            if path.extension().is_some_and(|e| e == "json") {
                let bytes = std::fs::read(&path)?;
                let entry: Entry = serde_json::from_slice(&bytes)
                    .with_context(|| format!("reading {}", path.display()))?;
                let draws = entry.reference_posterior_name;
                found.push(Posterior {
                    name: entry.name,
                    program: entry.model_name,
                    data: entry.data_name,
                    draws: draws.filter(|name| self.draws_path(name).is_file()),
                });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The program's text.
    pub(crate) fn program(&self, posterior: &Posterior) -> Result<String> {
        let name = format!("models/stan/{}.stan", posterior.program);
        let path = self.database.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// The data's bytes, if the checkout holds them.
    pub(crate) fn data(&self, posterior: &Posterior) -> Result<Option<Vec<u8>>> {
        let name = format!("data/data/{}.json.zip", posterior.data);
        let path = self.database.join(name);
        path.is_file().then(|| unzipped(&path)).transpose()
    }

    /// Reference draws, by quantity.
    pub(crate) fn draws(&self, name: &str) -> Result<BTreeMap<String, Chains>> {
        let path = self.draws_path(name);
        let chains: Vec<BTreeMap<String, Vec<f64>>> = serde_json::from_slice(&unzipped(&path)?)
            .with_context(|| format!("reading {}", path.display()))?;
        let mut draws: BTreeMap<String, Chains> = BTreeMap::new();
        for chain in chains {
            for (quantity, values) in chain {
                draws.entry(quantity).or_default().push(values);
            }
        }
        Ok(draws)
    }

    /// The checkout's commit, if git knows it.
    pub(crate) fn commit(&self) -> Option<String> {
        let output = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(&self.database)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    }

    fn draws_path(&self, name: &str) -> PathBuf {
        let name = format!("reference_posteriors/draws/draws/{name}.json.zip");
        self.database.join(name)
    }
}

/// The only file of an archive.
fn unzipped(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("unzipping {}", path.display());
    let file = std::fs::File::open(path).with_context(context)?;
    let mut archive = zip::ZipArchive::new(file).with_context(context)?;
    let mut bytes = Vec::new();
    let mut entry = archive.by_index(0).with_context(context)?;
    entry.read_to_end(&mut bytes).with_context(context)?;
    Ok(bytes)
}
