//! Tests of the checker: it must report violations for every planted bug, and none without a bug.

mod domain;
mod product;
mod runtime;
