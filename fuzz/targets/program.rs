//! Any bytes as a Stan program: diagnostics, drawn, and never a panic.

#![no_main]

use elbo_stan::{Limits, NoIncludes, Style, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let checked = check("fuzz.stan", bytes, &mut NoIncludes, &Limits::default());
    let text = checked.render(Style::Plain);
    assert!(checked.program.is_some() || !text.is_empty());
    if let Some(program) = checked.program {
        // What is printed is a program again.
        let printed = program.to_string();
        let again = check("printed.stan", printed.as_bytes(), &mut NoIncludes, &Limits::default());
        assert!(again.program.is_some(), "{printed}\n{}", again.render(Style::Plain));
    }
});
