//! Raw little-endian arrays: what both sides of a comparison read.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

macro_rules! raw {
    ($write:ident, $read:ident, $type:ty) => {
        #[doc = concat!("Writes an array of `", stringify!($type), "`.")]
        pub(crate) fn $write(folder: &Path, name: &str, values: &[$type]) -> Result<()> {
            let path = folder.join(name);
            let file =
                File::create(&path).with_context(|| format!("creating {}", path.display()))?;
            let mut out = BufWriter::new(file);
            for value in values {
                out.write_all(&value.to_le_bytes())?;
            }
            Ok(out.flush()?)
        }

        #[doc = concat!("Reads an array of `", stringify!($type), "`.")]
        pub(crate) fn $read(folder: &Path, name: &str) -> Result<Vec<$type>> {
            let path = folder.join(name);
            let bytes =
                std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let (chunks, _) = bytes.as_chunks::<{ size_of::<$type>() }>();
            Ok(chunks
                .iter()
                .map(|chunk| <$type>::from_le_bytes(*chunk))
                .collect())
        }
    };
}

raw!(write_f64, read_f64, f64);
raw!(write_f32, read_f32, f32);
raw!(write_u32, read_u32, u32);
