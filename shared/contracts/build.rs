//! Rebuilds the crate when a schema file is added, because the schemas are embedded.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
}
