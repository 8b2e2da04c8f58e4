//! Any bytes as data, in JSON and in R's dump format.

#![no_main]

use elbo_stan::run::{read_json, read_rdump};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_json(bytes);
    let _ = read_rdump(bytes);
});
