//! Tests of the checker: it must report suites with a planted bug, and no others.

mod domain;
mod product;
mod runtime;
