//! Elementary functions over slices.
