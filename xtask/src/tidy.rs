//! Rules that the compiler does not know, checked as an ordinary test.
//!
//! Each rule returns the places that break it, with what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crates of ours a crate may depend on: the arrows of ARCHITECTURE.md.
const ARROWS: [(&str, &[&str]); 12] = [
    ("elbo-math", &[]),
    ("elbo-testkit", &["elbo-math"]),
    ("elbo-dist", &["elbo-math"]),
    ("elbo-models", &["elbo-math", "elbo-dist"]),
    ("elbo-graph", &["elbo-math", "elbo-dist"]),
    ("elbo-vi", &["elbo-math", "elbo-dist", "elbo-graph"]),
    (
        "elbo-stan",
        &["elbo-math", "elbo-dist", "elbo-graph", "elbo-vi"],
    ),
    ("elbo-data", &["elbo-math"]),
    (
        "elbo",
        &[
            "elbo-math",
            "elbo-dist",
            "elbo-models",
            "elbo-graph",
            "elbo-stan",
            "elbo-vi",
        ],
    ),
    ("elbo-cli", &["elbo", "elbo-data"]),
    ("elbo-bench", &["elbo", "elbo-data"]),
    ("xtask", &[]),
];

/// A source file longer than this is two files; tests and tables aside.
const MOST_LINES: usize = 500;

/// Everything that breaks a rule.
pub(crate) fn faults(root: &Path) -> Vec<String> {
    let files = tracked_files(root);
    let mut faults = arrows(root);
    faults.extend(citations(root, &files));
    faults.extend(sources(root, &files));
    faults.extend(architecture_names_every_crate(root));
    faults
}

fn tracked_files(root: &Path) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git lists the files");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(PathBuf::from)
        .filter(|path| root.join(path).is_file())
        .collect()
}

/// Dependencies between our crates follow the arrows; dev-dependencies may also use the testkit.
fn arrows(root: &Path) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root)
        .output()
        .expect("cargo describes the workspace");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let mut faults = Vec::new();
    for package in metadata["packages"]
        .as_array()
        .expect("metadata lists packages")
    {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed.get(name) else {
            faults.push(format!(
                "{name}: a new crate; say in tidy.rs and ARCHITECTURE.md what it may use"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let ours = target == "elbo" || target.starts_with("elbo-");
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if ours && !allowed.contains(&target) && !(for_tests && target == "elbo-testkit") {
                faults.push(format!(
                    "{name} → {target}: this arrow is not in ARCHITECTURE.md"
                ));
            }
        }
    }
    faults
}

/// Every `[@key]` is in docs/references.bib, and every entry there is cited.
fn citations(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let bib = fs::read_to_string(root.join("docs/references.bib")).unwrap_or_default();
    let known: BTreeSet<&str> = bib
        .lines()
        .filter_map(|line| line.strip_prefix('@')?.split_once('{')?.1.strip_suffix(','))
        .collect();
    let mut faults = Vec::new();
    let mut cited = BTreeSet::new();
    for path in files
        .iter()
        .filter(|p| has_extension(p, &["rs", "md"]) && !is_tidy(p))
    {
        let text = fs::read_to_string(root.join(path)).unwrap_or_default();
        for key in cited_keys(&text) {
            if !known.contains(key.as_str()) {
                faults.push(format!(
                    "{}: [@{key}] is not in docs/references.bib",
                    path.display()
                ));
            }
            cited.insert(key);
        }
    }
    for key in known.iter().filter(|key| !cited.contains(**key)) {
        faults.push(format!("docs/references.bib: {key} is cited nowhere"));
    }
    faults
}

fn cited_keys(text: &str) -> Vec<String> {
    text.split("[@")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect()
}

/// Rust files open with `//!`, are not too long, and hold no skipped test.
fn sources(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut faults = Vec::new();
    for path in files
        .iter()
        .filter(|p| has_extension(p, &["rs"]) && !is_tidy(p))
    {
        let text = fs::read_to_string(root.join(path)).unwrap_or_default();
        if !text.starts_with("//!") {
            faults.push(format!(
                "{}: say at the top (//!) what this file is",
                path.display()
            ));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES && !is_test(path) {
            faults.push(format!(
                "{}: {lines} lines; is it one idea?",
                path.display()
            ));
        }
        if text.contains("#[ignore") {
            faults.push(format!("{}: a skipped test checks nothing", path.display()));
        }
    }
    faults
}

fn architecture_names_every_crate(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    ARROWS
        .iter()
        .filter(|(name, _)| !text.contains(&format!("`{name}`")))
        .map(|(name, _)| format!("ARCHITECTURE.md: no section names `{name}`"))
        .collect()
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| wanted.contains(&e))
}

fn is_test(path: &Path) -> bool {
    path.iter()
        .any(|part| part == "tests" || part == "tests.rs" || part == "conformance.rs")
}

/// This file quotes what it looks for.
fn is_tidy(path: &Path) -> bool {
    path.ends_with("xtask/src/tidy.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let faults = faults(&crate::root());
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }

    #[test]
    fn citation_keys_are_found() {
        assert_eq!(
            cited_keys("by `[@hoffman2013svi, eq. 22]` and [@dlmf]"),
            ["hoffman2013svi", "dlmf"]
        );
    }
}
