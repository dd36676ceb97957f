//! Layout and style that all plots share.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::load::plan::Load;
use crate::measure::measurement::Measurement;

/// Width of a plot, in pixels.
pub(super) const WIDTH: i32 = 860;

/// Background of the plot, so that it looks the same on any page.
const PAPER: RGBColor = RGBColor(252, 252, 253);
const EDGE: RGBColor = RGBColor(208, 215, 222);
pub(super) const INK: RGBColor = RGBColor(31, 35, 40);
pub(super) const MUTED: RGBColor = RGBColor(89, 99, 110);
pub(super) const GRID: RGBColor = RGBColor(228, 231, 235);

/// Distinguishable for most people with colour vision deficiency.
const COLORS: [RGBColor; 8] = [
    RGBColor(9, 105, 218),
    RGBColor(217, 95, 2),
    RGBColor(26, 127, 55),
    RGBColor(130, 80, 223),
    RGBColor(191, 57, 137),
    RGBColor(154, 103, 0),
    RGBColor(14, 138, 148),
    RGBColor(110, 119, 129),
];

/// Fonts of the reader's system.
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

const MARGIN: i32 = 24;
const SWATCH: i32 = 12;

/// Height of title and legend, in pixels.
pub(super) const TOP: i32 = 92;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Colour of the line or bar with this index.
pub(super) fn color(index: usize) -> RGBColor {
    COLORS[index % COLORS.len()]
}

/// Text style of this height in pixels.
pub(super) fn text(pixels: f64, color: RGBColor) -> TextStyle<'static> {
    // The library writes text smaller by this factor.
    (FONT, pixels * 1.24).into_font().color(&color)
}

/// Draws a plot with title and legend. `diagram` draws the rest.
///
/// # Errors
/// The plot cannot be drawn.
pub(super) fn picture(
    height: i32,
    title: &str,
    legend: &[(String, RGBColor)],
    diagram: impl FnOnce(&Area<'_>) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&PAPER).map_err(plot_error)?;
        root.draw(&Rectangle::new([(0, 0), (WIDTH - 1, height - 1)], EDGE)).map_err(plot_error)?;
        root.draw(&Text::new(title.to_owned(), (MARGIN, 22), text(17.0, INK))).map_err(plot_error)?;
        draw_legend(&root, legend)?;
        diagram(&root.margin(TOP, MARGIN, MARGIN, MARGIN))?;
        root.present().map_err(plot_error)?;
    }
    Ok(svg)
}

/// Draws the legend in as many lines as it needs.
fn draw_legend(root: &Area<'_>, entries: &[(String, RGBColor)]) -> Result<()> {
    let (mut x, mut y) = (MARGIN, 52);
    for (name, color) in entries {
        let width = SWATCH + 6 + text_width(name) + 20;
        if x + width > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 18);
        }
        let swatch = Rectangle::new([(x, y), (x + SWATCH, y + SWATCH)], color.filled());
        root.draw(&swatch).map_err(plot_error)?;
        let style = text(13.0, INK).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(name.clone(), (x + SWATCH + 6, y + SWATCH / 2), style)).map_err(plot_error)?;
        x += width;
    }
    Ok(())
}

/// Approximate width of the legend's text in pixels; the font is unknown.
fn text_width(text: &str) -> i32 {
    i32::try_from(text.chars().count() * 7).unwrap_or(WIDTH)
}

/// Returns whether the measurement is a closed loop.
pub(super) fn is_closed(run: &Measurement) -> bool {
    matches!(run.load, Load::Closed(_))
}

/// Converts an error of the library, which borrows from the plot.
pub(super) fn plot_error(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("failed to draw a plot: {error}")
}
