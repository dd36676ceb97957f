//! The figures as pictures: SVG files for documents, readable on light and on dark pages.

mod cpu;
mod label;
mod latency;
mod style;
mod throughput;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::measure::Measurement;

/// Draws what these measurements have figures for, and tells which files.
///
/// # Errors
/// A file can't be written.
pub(crate) fn draw(runs: &[Measurement], dir: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let pictures = [
        ("throughput.svg", throughput::draw(runs)?),
        ("latency.svg", latency::draw(runs)?),
        ("cpu.svg", cpu::draw(runs)?),
    ];
    let mut files = Vec::new();
    for (name, picture) in pictures {
        let Some(picture) = picture else { continue };
        let file = dir.join(name);
        fs::write(&file, picture).with_context(|| format!("cannot write {}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Closed, Load, Until};
    use crate::purpose::Purpose;
    use crate::report::tests::run;

    fn closed(purpose: Purpose) -> Measurement {
        let load = Closed { clients: 48, in_flight: 5, until: Until::Elapsed(Duration::from_secs(2)) };
        let mut run = Measurement { purpose, load: Load::Closed(load), ..run(100, 2, None) };
        run.outcomes.each_second = vec![50, 60, 3];
        run
    }

    #[test]
    fn each_picture_has_its_runs() {
        let runs =
            [closed(Purpose::Maximum), closed(Purpose::Hot), Measurement { purpose: Purpose::Calm, ..run(9, 9, None) }];
        let throughput = throughput::draw(&runs).unwrap().unwrap();
        assert!(throughput.contains("hot SKU") && !throughput.contains("20 orders/s"), "{throughput}");
        let latency = latency::draw(&runs).unwrap().unwrap();
        assert!(latency.contains("20 orders/s") && latency.contains("p99.9"), "{latency}");
        let cpu = cpu::draw(&runs).unwrap().unwrap();
        assert!(cpu.contains("hot SKU") && cpu.contains("order"), "{cpu}");
    }

    #[test]
    fn there_is_no_picture_of_nothing() {
        let none = |picture: Result<Option<String>>| picture.unwrap().is_none();
        assert!(none(throughput::draw(&[])) && none(latency::draw(&[])) && none(cpu::draw(&[])));
    }
}
