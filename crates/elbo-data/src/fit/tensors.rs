//! `variational.safetensors`: every number of `q`.
//!
//! The one idea: the format holds shapes and raw numbers and nothing that could run. Deliberately
//! absent: types other than single and double precision, which no posterior has.

use std::borrow::Cow;
use std::path::Path;

use elbo_math::arrays::{Array, ArrayData, Arrays};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};

use super::files;
use crate::DataError;

/// The name of the arrays within a fit.
const FILE: &str = "variational.safetensors";

/// An array as the format wants to see it.
struct Tensor<'a>(&'a Array);

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.data() {
            ArrayData::F64(_) => Dtype::F64,
            ArrayData::F32(_) => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match self.0.data() {
            ArrayData::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ArrayData::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        match self.0.data() {
            ArrayData::F64(v) => 8 * v.len(),
            ArrayData::F32(v) => 4 * v.len(),
        }
    }
}

/// Writes the arrays of a fit.
pub(super) fn write(dir: &Path, arrays: &Arrays) -> Result<(), DataError> {
    write_arrays(dir.join(FILE), arrays)
}

/// Writes arrays as a safetensors file.
///
/// # Errors
/// [`DataError::ParameterIsNan`]; [`DataError::DiskFull`] and other failures to write.
pub fn write_arrays(path: impl AsRef<Path>, arrays: &Arrays) -> Result<(), DataError> {
    let path = path.as_ref().to_path_buf();
    refuse_nan(&path, arrays)?;
    let tensors = arrays
        .iter()
        .map(|(name, array)| (name.as_str(), Tensor(array)));
    let bytes = safetensors::serialize(tensors, None).map_err(|e| DataError::Write {
        path: path.clone(),
        source: std::io::Error::other(e.to_string()),
    })?;
    files::write(&path, |output| std::io::Write::write_all(output, &bytes))
}

/// Reads the arrays of a fit.
pub(super) fn read(dir: &Path) -> Result<Arrays, DataError> {
    let (path, bytes) = files::read(dir, FILE)?;
    let damaged = |detail: String| DataError::Damaged {
        path: path.clone(),
        detail,
    };
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let mut arrays = Arrays::new();
    for (name, tensor) in tensors.tensors() {
        let array = array(&tensor)
            .ok_or_else(|| damaged(format!("array '{name}' is of type {:?}", tensor.dtype())))?;
        arrays.insert(name, array);
    }
    refuse_nan(&path, &arrays)?;
    Ok(arrays)
}

fn array(tensor: &TensorView<'_>) -> Option<Array> {
    let (doubles, _) = tensor.data().as_chunks::<8>();
    let (singles, _) = tensor.data().as_chunks::<4>();
    match tensor.dtype() {
        Dtype::F64 => {
            let numbers = doubles.iter().map(|b| f64::from_le_bytes(*b)).collect();
            Some(Array::f64(tensor.shape(), numbers))
        }
        Dtype::F32 => {
            let numbers = singles.iter().map(|b| f32::from_le_bytes(*b)).collect();
            Some(Array::f32(tensor.shape(), numbers))
        }
        _ => None,
    }
}

/// Infinities may stand in a posterior (the log weight of an empty component); NaN never may.
fn refuse_nan(path: &Path, arrays: &Arrays) -> Result<(), DataError> {
    for (name, array) in arrays {
        let nan = match array.data() {
            ArrayData::F64(v) => v.iter().position(|x| x.is_nan()),
            ArrayData::F32(v) => v.iter().position(|x| x.is_nan()),
        };
        if let Some(index) = nan {
            let (path, name) = (path.to_path_buf(), name.clone());
            return Err(DataError::ParameterIsNan { path, name, index });
        }
    }
    Ok(())
}
