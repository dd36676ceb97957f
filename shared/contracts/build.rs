//! A schema file that is added must be embedded, although no source file changed.

fn main() {
    println!("cargo::rerun-if-changed=schemas");
}
