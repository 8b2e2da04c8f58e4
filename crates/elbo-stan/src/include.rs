//! Where the text of an `#include` comes from.
//!
//! This crate opens no files: the caller decides what a name means, which folders may be read, and
//! says no with a sentence for the user. Cycles and quantity are watched by the lexer, not here.

use std::collections::BTreeMap;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Identifies the file: two inclusions of the same file have the same name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Finds included files.
pub trait Includes {
    /// Finds what `#include name` means in the file called `from`.
    ///
    /// # Errors
    ///
    /// A sentence for the user: not found, outside the permitted folder, unreadable.
    fn find(&mut self, name: &str, from: &str) -> Result<Included, String>;
}

/// Permits no inclusion.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn find(&mut self, _name: &str, _from: &str) -> Result<Included, String> {
        Err("there is no folder to include files from here".to_owned())
    }
}

/// Included files held in memory, by name.
impl Includes for BTreeMap<String, Vec<u8>> {
    fn find(&mut self, name: &str, _from: &str) -> Result<Included, String> {
        self.get(name)
            .map(|bytes| Included {
                name: name.to_owned(),
                bytes: bytes.clone(),
            })
            .ok_or_else(|| "there is no such file".to_owned())
    }
}
