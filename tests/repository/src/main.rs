//! Prints the findings of all rules for the paths given as arguments, or for the whole repository.

use std::process::ExitCode;

use repository::{CHECKS, Repository};

fn main() -> anyhow::Result<ExitCode> {
    let mut repository = Repository::of_current_directory()?;
    // A file in the middle of an edit must not hide the findings of all others.
    for path in repository.drop_unparsable() {
        eprintln!("skipping {path}: not valid Rust");
    }
    let folders: Vec<String> = std::env::args().skip(1).map(|path| path.trim_matches(['.', '/']).to_owned()).collect();
    let wanted = |path: &str| folders.is_empty() || folders.iter().any(|folder| path.starts_with(folder.as_str()));
    let mut total = 0;
    for (name, check) in CHECKS {
        let mut findings = check(&repository);
        findings.retain(|finding| wanted(&finding.path));
        for finding in &findings {
            println!("{name}: {finding}");
        }
        total += findings.len();
        eprintln!("{name}: {} findings", findings.len());
    }
    Ok(if total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
