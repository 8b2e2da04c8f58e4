//! Any program that passes the checks, run without data within tight limits.

#![no_main]

use std::collections::BTreeMap;

use elbo_stan::run::RunLimits;
use elbo_stan::{DensityOptions, Limits, Model, NoIncludes, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let checked = check("fuzz.stan", bytes, &mut NoIncludes, &Limits::default());
    let Some(program) = checked.program else { return };
    let mut limits = RunLimits::default();
    limits.steps = 20_000;
    limits.steps_per_number = 0;
    limits.bytes = 1 << 20;
    let Ok(model) = Model::new(program, &BTreeMap::new(), &limits, &mut |_| {}) else {
        return;
    };
    let point = vec![0.1; model.dimension()];
    let mut gradient = vec![0.0; point.len()];
    let options = DensityOptions::default();
    let _ = model.log_density(options, &point, &mut gradient);
    let _ = model.constrain(&point, 1, 1);
});
