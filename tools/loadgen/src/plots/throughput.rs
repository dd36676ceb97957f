//! Plot of the sagas that ended in each second, for loads with a constant number in flight.

use anyhow::Result;
use plotters::prelude::*;

use super::style::{self, Area, GRID, INK, MUTED, plot_error};
use crate::measure::label::{self, grouped};
use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;

const HEIGHT: i32 = 400;

/// Line of one measurement.
struct ThroughputLine {
    name: String,
    color: RGBColor,
    each_second: Vec<u64>,
}

/// Draws the plot. Returns `None` without such a load.
///
/// # Errors
/// The plot cannot be drawn.
pub(super) fn draw(runs: &[Measurement]) -> Result<Option<String>> {
    let lines: Vec<_> = runs.iter().filter(|run| is_shown(run)).enumerate().filter_map(line).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let legend: Vec<_> = lines.iter().map(|line| (line.name.clone(), line.color)).collect();
    let title = "Throughput with a constant number in flight: sagas that ended per second";
    style::picture(HEIGHT, title, &legend, |area| diagram(area, &lines)).map(Some)
}

/// Returns whether the plot includes the measurement. The cost of tracing is not part of it.
fn is_shown(run: &Measurement) -> bool {
    style::is_closed(run) && !matches!(run.scenario, BenchScenario::Untraced | BenchScenario::Traced)
}

fn line((index, run): (usize, &Measurement)) -> Option<ThroughputLine> {
    let each_second = run.result.each_second.clone();
    let line = ThroughputLine { name: label::of(run), color: style::color(index), each_second };
    (!line.each_second.is_empty()).then_some(line)
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn diagram(area: &Area<'_>, lines: &[ThroughputLine]) -> Result<()> {
    let longest = lines.iter().map(|line| line.each_second.len()).max().unwrap_or(1).max(2);
    let most = lines.iter().flat_map(|line| &line.each_second).max().copied().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(1.0..longest as f64, 0.0..most as f64 * 1.08)
        .map_err(plot_error)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(style::text(12.0, MUTED))
        .axis_desc_style(style::text(12.0, INK))
        .y_labels(6)
        .y_desc("sagas/s")
        .x_desc("second")
        .x_label_formatter(&|second| format!("{second:.0}"))
        .y_label_formatter(&|sagas| thousands(*sagas))
        .draw()
        .map_err(plot_error)?;
    for line in lines {
        let points = line.each_second.iter().enumerate().map(|(second, &sagas)| (second as f64 + 1.0, sagas as f64));
        chart.draw_series(LineSeries::new(points, line.color.stroke_width(2))).map_err(plot_error)?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a label of an axis that begins with 0")]
fn thousands(sagas: f64) -> String {
    grouped(sagas.round() as u64)
}
