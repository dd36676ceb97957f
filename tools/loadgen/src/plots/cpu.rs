//! Plot of the processor time of a saga, by process.

use anyhow::Result;
use catalog::ServiceName;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{self, Area, GRID, INK, MUTED, plot_error};
use crate::measure::label;
use crate::measure::measurement::Measurement;

/// Height of a row and of its bar, in pixels.
const ROW: i32 = 34;
const BAR: i32 = 20;

/// Height of the axis below the bars, in pixels.
const AXIS: i32 = 44;

/// Margins left and right of the bars, for names and sums, in pixels.
const LEFT: i32 = 200;
const RIGHT: i32 = 60;

/// Minimum sagas per second of a shown measurement.
const BUSY_MIN: f64 = 40.0;

const BROKER: RGBColor = RGBColor(87, 96, 106);
const POSTGRES: RGBColor = RGBColor(130, 80, 223);
const BENCH: RGBColor = RGBColor(191, 197, 204);

/// Colours of the services in the order of the catalog; used again from the start if there are more services.
const SERVICES: [RGBColor; 6] = [
    RGBColor(9, 105, 218),
    RGBColor(26, 127, 55),
    RGBColor(212, 149, 12),
    RGBColor(217, 95, 2),
    RGBColor(191, 57, 137),
    RGBColor(14, 138, 148),
];

/// Processes with their colours, in the order of a bar's parts.
fn palette() -> Vec<(&'static str, RGBColor)> {
    let services = ServiceName::all().map(ServiceName::name).zip(SERVICES.into_iter().cycle());
    [("broker", BROKER), ("postgres", POSTGRES)].into_iter().chain(services).chain([("bench", BENCH)]).collect()
}

struct CpuBar {
    name: String,
    /// Parts in milliseconds, with their colours.
    parts: Vec<(f64, RGBColor)>,
}

/// Draws the plot. Returns `None` without measurements.
///
/// # Errors
/// The plot cannot be drawn.
pub(super) fn draw(runs: &[Measurement]) -> Result<Option<String>> {
    // Idle processes dominate the time per saga if few sagas end, and these bars would dwarf all others.
    let busy = runs.iter().filter(|run| run.sagas_per_second() >= BUSY_MIN);
    let bars: Vec<_> = busy.filter_map(bar).collect();
    if bars.is_empty() {
        return Ok(None);
    }
    let took_part = |name| runs.iter().flat_map(|run| &run.cost.processes).any(|process| process.name == name);
    let known = palette().into_iter().filter(|(name, _)| took_part(*name));
    let legend: Vec<_> = known.map(|(name, color)| (name.to_owned(), color)).collect();
    let rows = i32::try_from(bars.len())? * ROW;
    let title = "Processor time of one saga, by process";
    style::picture(style::TOP + rows + AXIS + 24, title, &legend, |area| diagram(area, &bars, rows)).map(Some)
}

fn bar(run: &Measurement) -> Option<CpuBar> {
    let part = |(name, color): (&str, RGBColor)| {
        let process = run.cost.processes.iter().find(|process| process.name == name)?;
        Some((run.ms_per_saga(process.cpu_seconds)?, color))
    };
    let parts: Vec<_> = palette().into_iter().filter_map(part).collect();
    (!parts.is_empty()).then(|| CpuBar { name: label::of(run), parts })
}

impl CpuBar {
    fn sum(&self) -> f64 {
        self.parts.iter().map(|(ms, _)| ms).sum()
    }
}

fn diagram(area: &Area<'_>, bars: &[CpuBar], rows: i32) -> Result<()> {
    let longest = bars.iter().map(CpuBar::sum).fold(0.0, f64::max).max(0.001);
    let (bars_area, axis) = area.split_vertically(rows);
    let width = bars_area.dim_in_pixel().0.cast_signed() - LEFT - RIGHT;
    #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
    let x = |ms: f64| LEFT + (ms / longest * f64::from(width)).round() as i32;
    let step = step(longest);
    for mark in (0..).map(|number| f64::from(number) * step).take_while(|mark| *mark <= longest) {
        bars_area.draw(&PathElement::new([(x(mark), 0), (x(mark), rows)], GRID)).map_err(plot_error)?;
        let style = style::text(12.0, MUTED).pos(Pos::new(HPos::Center, VPos::Top));
        axis.draw(&Text::new(number(mark), (x(mark), 6), style)).map_err(plot_error)?;
    }
    let style = style::text(12.0, INK).pos(Pos::new(HPos::Center, VPos::Top));
    axis.draw(&Text::new("ms of CPU per saga", (LEFT + width / 2, 26), style)).map_err(plot_error)?;
    for (middle, bar) in (0..).map(|row| row * ROW + ROW / 2).zip(bars) {
        draw_bar(&bars_area, bar, middle, x)?;
    }
    Ok(())
}

/// Draws a bar with its name on the left and its sum on the right.
fn draw_bar(area: &Area<'_>, bar: &CpuBar, middle: i32, x: impl Fn(f64) -> i32) -> Result<()> {
    let name = style::text(13.0, INK).pos(Pos::new(HPos::Right, VPos::Center));
    area.draw(&Text::new(bar.name.clone(), (LEFT - 10, middle), name)).map_err(plot_error)?;
    let mut begin = 0.0;
    for (ms, color) in &bar.parts {
        let corners = [(x(begin), middle - BAR / 2), (x(begin + ms), middle + BAR / 2)];
        area.draw(&Rectangle::new(corners, color.filled())).map_err(plot_error)?;
        begin += ms;
    }
    let sum = style::text(12.0, INK).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(format!("{begin:.2}"), (x(begin) + 8, middle), sum)).map_err(plot_error)
}

/// Round distance between marks, of which the longest bar has four to ten.
fn step(longest: f64) -> f64 {
    let decade = 10_f64.powf(longest.log10().floor());
    let steps = [0.1, 0.2, 0.5, 1.0].map(|part| part * decade);
    steps.into_iter().find(|step| longest / step < 10.0).unwrap_or(decade)
}

fn number(ms: f64) -> String {
    let text = format!("{ms:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_has_round_marks() {
        assert_eq!([0.9, 1.0, 1.58, 4.2, 7.0].map(|longest| number(step(longest))), ["0.1", "0.2", "0.2", "0.5", "1"]);
    }
}
