//! What all pictures have in common.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::measure::Measurement;
use crate::plan::Load;

/// In pixels.
pub(super) const WIDTH: i32 = 860;

/// The background is the picture's own, so that it looks the same on any page.
const PAPER: RGBColor = RGBColor(252, 252, 253);
const EDGE: RGBColor = RGBColor(208, 215, 222);
pub(super) const INK: RGBColor = RGBColor(31, 35, 40);
pub(super) const MUTED: RGBColor = RGBColor(89, 99, 110);
pub(super) const GRID: RGBColor = RGBColor(228, 231, 235);

/// Told apart also by most of those who see fewer colours.
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

/// Whatever the reader's system has.
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

const MARGIN: i32 = 24;
const SWATCH: i32 = 12;

/// Where title and legend end and the diagram begins.
pub(super) const TOP: i32 = 92;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The color of the line, or the bar, with this number.
pub(super) fn color(index: usize) -> RGBColor {
    COLORS[index % COLORS.len()]
}

/// Text of this height in pixels.
pub(super) fn text(pixels: f64, color: RGBColor) -> TextStyle<'static> {
    // What the library writes is smaller by this factor.
    (FONT, pixels * 1.24).into_font().color(&color)
}

/// A picture of this height, with a title and, below, what its colors mean; the rest is drawn by `diagram` on what is left.
///
/// # Errors
/// It can't be drawn.
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
        root.fill(&PAPER).map_err(undrawn)?;
        root.draw(&Rectangle::new([(0, 0), (WIDTH - 1, height - 1)], EDGE)).map_err(undrawn)?;
        root.draw(&Text::new(title.to_owned(), (MARGIN, 22), text(17.0, INK))).map_err(undrawn)?;
        draw_legend(&root, legend)?;
        diagram(&root.margin(TOP, MARGIN, MARGIN, MARGIN))?;
        root.present().map_err(undrawn)?;
    }
    Ok(svg)
}

/// In one line, or more if they don't fit.
fn draw_legend(root: &Area<'_>, entries: &[(String, RGBColor)]) -> Result<()> {
    let (mut x, mut y) = (MARGIN, 52);
    for (name, color) in entries {
        let width = SWATCH + 6 + text_width(name) + 20;
        if x + width > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 18);
        }
        let swatch = Rectangle::new([(x, y), (x + SWATCH, y + SWATCH)], color.filled());
        root.draw(&swatch).map_err(undrawn)?;
        let style = text(13.0, INK).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(name.clone(), (x + SWATCH + 6, y + SWATCH / 2), style)).map_err(undrawn)?;
        x += width;
    }
    Ok(())
}

/// About, in pixels, of the legend's letters: which font it will be is not known.
fn text_width(text: &str) -> i32 {
    i32::try_from(text.chars().count() * 7).unwrap_or(WIDTH)
}

/// The measurements of closed loops that are no comparison of their own.
pub(super) fn is_closed(run: &Measurement) -> bool {
    matches!(run.load, Load::Closed(_))
}

/// The library's errors borrow what they are about.
pub(super) fn undrawn(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("a plot can't be drawn: {error}")
}
