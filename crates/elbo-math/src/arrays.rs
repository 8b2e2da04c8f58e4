//! Named arrays: what a posterior is made of when it is saved, loaded or handed to another language.
//!
//! Deliberately absent: how they are stored (`elbo-data`) and what they mean (the models).

use std::collections::BTreeMap;

/// The numbers of an array; large local state is kept in single precision.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrayData {
    /// Double precision.
    F64(Vec<f64>),
    /// Single precision.
    F32(Vec<f32>),
}

/// A row-major array with a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    data: ArrayData,
}

impl Array {
    /// An array in double precision.
    ///
    /// # Panics
    /// If the shape does not hold as many numbers as are given.
    pub fn f64(shape: &[usize], data: Vec<f64>) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            data.len(),
            "shape and data differ"
        );
        Self {
            shape: shape.to_vec(),
            data: ArrayData::F64(data),
        }
    }

    /// An array in single precision.
    ///
    /// # Panics
    /// If the shape does not hold as many numbers as are given.
    pub fn f32(shape: &[usize], data: Vec<f32>) -> Self {
        assert_eq!(
            shape.iter().product::<usize>(),
            data.len(),
            "shape and data differ"
        );
        Self {
            shape: shape.to_vec(),
            data: ArrayData::F32(data),
        }
    }

    /// A single number.
    pub fn scalar(value: f64) -> Self {
        Self::f64(&[], vec![value])
    }

    /// The extent of each dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row-major.
    pub fn data(&self) -> &ArrayData {
        &self.data
    }

    /// The numbers in double precision.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            ArrayData::F64(v) => v.clone(),
            ArrayData::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
        }
    }

    /// The numbers in single precision; double ones are rounded.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to storage precision is the point"
    )]
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.data {
            ArrayData::F64(v) => v.iter().map(|x| *x as f32).collect(),
            ArrayData::F32(v) => v.clone(),
        }
    }
}

/// Arrays by name, in the order of their names.
pub type Arrays = BTreeMap<String, Array>;
