//! Plots as SVG files for documents, readable on light and dark pages.

mod cpu;
mod latency;
mod style;
mod throughput;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::measure::measurement::Measurement;

/// Draws all plots for which there are measurements, and returns their files.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn draw(runs: &[Measurement], dir: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("failed to create {}", dir.display()))?;
    let pictures = [
        ("throughput.svg", throughput::draw(runs)?),
        ("latency.svg", latency::draw(runs)?),
        ("cpu.svg", cpu::draw(runs)?),
    ];
    let mut files = Vec::new();
    for (name, picture) in pictures {
        let Some(picture) = picture else { continue };
        let file = dir.join(name);
        fs::write(&file, picture).with_context(|| format!("failed to write {}", file.display()))?;
        files.push(file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::scenario::BenchScenario;
    use crate::report::fixtures::{in_flight, run};

    fn closed(scenario: BenchScenario) -> Measurement {
        let mut run = in_flight(48, 2);
        run.scenario = scenario;
        run.result.each_second = vec![50, 60];
        run
    }

    #[test]
    fn plots_show_their_scenarios() {
        let runs = [closed(BenchScenario::Plain), closed(BenchScenario::Postgres), run(9, 9, None)];
        let throughput = throughput::draw(&runs).unwrap().unwrap();
        assert!(throughput.contains("PostgreSQL") && !throughput.contains("20 orders/s"), "{throughput}");
        let latency = latency::draw(&runs).unwrap().unwrap();
        assert!(latency.contains("20 orders/s") && latency.contains("p99.9"), "{latency}");
        let cpu = cpu::draw(&runs).unwrap().unwrap();
        assert!(cpu.contains("PostgreSQL") && cpu.contains("order"), "{cpu}");
    }

    #[test]
    fn no_plot_without_measurements() {
        let none = |picture: Result<Option<String>>| picture.unwrap().is_none();
        assert!(none(throughput::draw(&[])) && none(latency::draw(&[])) && none(cpu::draw(&[])));
    }
}
