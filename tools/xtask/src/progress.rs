//! Progress of long steps: a spinner on a terminal, plain lines elsewhere, nothing in tests.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);

/// Reports progress on standard error, or hides it.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    shown: bool,
}

/// A step in progress. Dropping it without [`ProgressStep::done`] prints that it did not finish.
#[derive(Debug)]
pub struct ProgressStep {
    what: String,
    started: Instant,
    bar: Option<ProgressBar>,
    shown: bool,
    ended: bool,
}

impl Progress {
    /// Prints progress on standard error.
    pub fn shown() -> Self {
        Self { shown: true }
    }

    /// Prints nothing.
    pub fn quiet() -> Self {
        Self { shown: false }
    }

    /// Prints one line.
    pub fn print(self, line: &str) {
        if self.shown {
            eprintln!("{line}");
        }
    }

    /// Begins a step.
    pub fn step(self, what: impl Into<String>) -> ProgressStep {
        let what = what.into();
        let bar = (self.shown && stderr().is_terminal()).then(|| spinner(&what));
        self.begin(what, bar)
    }

    /// Begins a step of known length, with a bar instead of the spinner. [`ProgressStep::reached`] moves the bar.
    pub fn step_of(self, what: impl Into<String>, length: u64) -> ProgressStep {
        let what = what.into();
        let bar = (self.shown && stderr().is_terminal()).then(|| bar(&what, length));
        self.begin(what, bar)
    }

    /// Begins a step that prints its own progress, without a spinner.
    pub fn step_shown_by_itself(self, what: impl Into<String>) -> ProgressStep {
        self.begin(what.into(), None)
    }

    fn begin(self, what: String, bar: Option<ProgressBar>) -> ProgressStep {
        if self.shown && bar.is_none() {
            eprintln!("… {what}");
        }
        ProgressStep { what, started: Instant::now(), bar, shown: self.shown, ended: false }
    }
}

impl ProgressStep {
    /// Shows the state of the step.
    pub fn note(&self, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {state}", self.what));
        }
    }

    /// Moves the bar to this position.
    pub fn reached(&self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        }
    }

    /// Ends the step successfully, with its result.
    pub fn done(mut self, outcome: &str) {
        let seconds = self.started.elapsed().as_secs_f32();
        self.end(&format!("✔ {outcome} ({seconds:.1} s)"));
    }

    fn end(&mut self, line: &str) {
        self.ended = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.shown {
            eprintln!("{line}");
        }
    }
}

impl Drop for ProgressStep {
    fn drop(&mut self) {
        if !self.ended {
            let line = format!("✘ {}: not finished", self.what);
            self.end(&line);
        }
    }
}

fn spinner(what: &str) -> ProgressBar {
    ticking(ProgressBar::new_spinner(), what, "{spinner} {msg} [{elapsed}]")
}

fn bar(what: &str, length: u64) -> ProgressBar {
    ticking(ProgressBar::new(length), what, "{spinner} {msg} {wide_bar} {pos}/{len} [{elapsed}]")
}

fn ticking(bar: ProgressBar, what: &str, template: &str) -> ProgressBar {
    let bar = bar.with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
