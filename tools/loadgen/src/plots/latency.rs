//! Plot of latencies, by percentile.

use std::f64::consts::LOG10_2;
use std::ops::Range;

use anyhow::Result;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;

use super::style::{self, Area, GRID, INK, MUTED, plot_error};
use crate::measure::label;
use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;
use crate::results::latency::QuantilePoint;

const HEIGHT: i32 = 400;

/// Labels of the axis of percentiles, with the negative decimal logarithm of the remaining fraction.
const QUANTILES: [(&str, f64); 5] = [("p50", LOG10_2), ("p90", 1.0), ("p99", 2.0), ("p99.9", 3.0), ("p99.99", 4.0)];

/// Marks per decade on the logarithmic axis of times.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// Draws the plot. Returns `None` without latencies.
///
/// # Errors
/// The plot cannot be drawn.
pub(super) fn draw(runs: &[Measurement]) -> Result<Option<String>> {
    let known = runs.iter().filter(|run| is_shown(run) && !run.result.finished_curve.is_empty());
    let lines: Vec<_> = known.enumerate().map(|(index, run)| (run, style::color(index))).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let legend: Vec<_> = lines.iter().map(|(run, color)| (label::of(run), *color)).collect();
    let curves: Vec<_> = lines.iter().map(|(run, color)| (run.result.finished_curve.as_slice(), *color)).collect();
    let title = "Latency: from sending an order, or its due time, until its end is seen";
    style::picture(HEIGHT, title, &legend, |area| diagram(area, &curves)).map(Some)
}

/// Returns whether the plot includes the measurement: the loads of the main table.
fn is_shown(run: &Measurement) -> bool {
    run.scenario == BenchScenario::Plain
}

fn diagram(area: &Area<'_>, curves: &[(&[QuantilePoint], RGBColor)]) -> Result<()> {
    let times = curves.iter().flat_map(|(curve, _)| *curve).map(|point| point.ms.max(0.1));
    let shortest = times.clone().fold(f64::INFINITY, f64::min);
    let longest = times.fold(shortest, f64::max);
    let marks = marks(shortest, longest);
    let ups: Vec<f64> = marks.iter().map(|ms| ms.log10()).collect();
    let across: Vec<f64> = QUANTILES.map(|(_, left)| left).to_vec();
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .margin_right(24)
        .build_cartesian_2d(LatencyAxis(across), LatencyAxis(ups))
        .map_err(plot_error)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(style::text(12.0, MUTED))
        .axis_desc_style(style::text(12.0, INK))
        .y_desc("ms")
        .x_desc("percentile")
        .x_label_formatter(&|left| name_of(*left))
        .y_label_formatter(&|exponent| rounded(10_f64.powf(*exponent)))
        .draw()
        .map_err(plot_error)?;
    for (curve, color) in curves {
        let points = curve.iter().map(|point| (-(1.0 - point.quantile).log10(), point.ms.max(0.1).log10()));
        chart.draw_series(LineSeries::new(points, color.stroke_width(2))).map_err(plot_error)?;
    }
    Ok(())
}

/// Axis that starts and ends with a mark.
struct LatencyAxis(Vec<f64>);

impl Ranged for LatencyAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
    fn map(&self, value: &f64, (begin, end): (i32, i32)) -> i32 {
        let Range { start, end: last } = self.range();
        begin + ((value - start) / (last - start) * f64::from(end - begin)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.0.clone()
    }

    fn range(&self) -> Range<f64> {
        self.0[0]..self.0[self.0.len() - 1]
    }
}

/// Round marks that enclose the range from `shortest` to `longest`; at least two.
fn marks(shortest: f64, longest: f64) -> Vec<f64> {
    let decades = (-1..8).map(|exponent| 10_f64.powi(exponent));
    let all: Vec<f64> = decades.flat_map(|decade| STEPS.map(|step| step * decade)).collect();
    let first = all.iter().rposition(|mark| *mark <= shortest).unwrap_or(0).min(all.len() - 2);
    let last = all.iter().position(|mark| *mark >= longest).unwrap_or(all.len() - 1).max(first + 1);
    all[first..=last].to_vec()
}

fn name_of(left: f64) -> String {
    let named = QUANTILES.iter().find(|(_, known)| (known - left).abs() < 1e-6);
    named.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
}

fn rounded(ms: f64) -> String {
    if ms < 0.95 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_enclose_all_times() {
        let texts = |shortest, longest| marks(shortest, longest).into_iter().map(rounded).collect::<Vec<_>>().join(" ");
        assert_eq!(texts(11.5, 30.5), "10 20 50");
        assert_eq!(texts(0.7, 3.0), "0.5 1 2 5");
        assert_eq!(texts(20.0, 20.0), "20 50");
    }
}
