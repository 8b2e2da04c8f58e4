//! Integrals in one dimension: Gauss–Hermite for expectations under a normal, adaptive
//! Gauss–Kronrod for anything else.
