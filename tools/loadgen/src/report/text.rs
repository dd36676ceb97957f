//! Text report: measurements, then goals.

use std::fmt;

use xtask::table::Table;

use super::bench_report::BenchReport;
use super::goals::{GoalBound, GoalResult};
use super::selection;
use crate::floor::{Floors, SAGA_HOPS};
use crate::load::plan::Load;
use crate::measure::label;
use crate::measure::measurement::{Measurement, per_saga};
use crate::results::latency::Percentiles;

/// Minimum use of the machine by other programs, in percent, that the report mentions.
const DISTURBING_PERCENT: f64 = 5.0;

const MEGABYTE: f64 = 1_000_000.0;
const KILOBYTE: f64 = 1_000.0;

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, Kafka {}", counted(self.cores.into(), "core"), self.broker)?;
        for run in self.runs() {
            write!(f, "\n{}", RunText(run))?;
        }
        if self.runs().len() > 1 {
            write!(f, "\n{}", summary(self.runs()))?;
        }
        if let Some(ratio) = selection::tracing_ratio(self.runs()) {
            writeln!(f, "\nThroughput with tracing: {:.1} % of the throughput without", ratio * 100.0)?;
        }
        for missing in &self.results.missing {
            writeln!(f, "\nNot measured: {missing}")?;
        }
        if self.goals.is_empty() { Ok(()) } else { write!(f, "\n{}", goal_table(&self.goals)) }
    }
}

struct RunText<'a>(&'a Measurement);

impl fmt::Display for RunText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        let spans = run.spans_per_saga.map(|spans| format!(", with tracing ({spans:.1} spans/saga)"));
        let (load, storage, spans) = (capitalized(&run.load.title()), &run.storage, spans.unwrap_or_default());
        let products = counted(run.products.into(), "product");
        writeln!(f, "{load}, {products}, {storage}, {} stored{spans}", counted(run.orders_before, "order"))?;
        let (finals, seconds) = (counted(run.result.finished.count, "saga"), run.result.elapsed.as_secs_f64());
        writeln!(f, "  {:.1} sagas/s: {finals} in {seconds:.1} s", run.sagas_per_second())?;
        writeln!(f, "\n{}", latencies(run))?;
        if !run.hops.is_empty() {
            writeln!(f, "{}", hops(run))?;
        }
        if let Some(floors) = &run.floors {
            writeln!(f, "{}", floor_table(floors))?;
            let ratio = run.result.finished.p50_ms / floors.chain.p50_ms;
            writeln!(f, "  The median saga takes {ratio:.2} times as long as the bare chain\n")?;
        }
        writeln!(f, "{}", processes(run))?;
        let memory = &run.cost.memory_of_services;
        writeln!(
            f,
            "  Services together: {:.1} KB/saga written to the disk; memory {} MB at most, median {} MB",
            run.written_bytes_per_saga() / KILOBYTE,
            megabytes(memory.peak_bytes),
            megabytes(memory.steady_bytes),
        )?;
        self.others(f)?;
        self.kafka(f)?;
        self.orders(f)
    }
}

/// One row for each measurement.
fn summary(runs: &[Measurement]) -> Table {
    let header =
        ["load", "sagas/s", "p50 ms", "p99 ms", "p99.9 ms", "202 p50 ms", "CPU ms", "disk KB", "peak MB", "median MB"];
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for run in runs {
        let (finished, memory) = (&run.result.finished, &run.cost.memory_of_services);
        let ms = [finished.p50_ms, finished.p99_ms, finished.p99_9_ms, run.result.accepted.p50_ms];
        let mut cells = vec![label::of(run), format!("{:.0}", run.sagas_per_second())];
        cells.extend(ms.map(|ms| format!("{ms:.1}")));
        cells.push(run.suite_cpu_ms().map(|ms| format!("{ms:.3}")).unwrap_or_default());
        cells.push(format!("{:.1}", run.written_bytes_per_saga() / KILOBYTE));
        cells.extend([memory.peak_bytes, memory.steady_bytes].map(megabytes));
        table.row(cells);
    }
    table
}

fn latencies(run: &Measurement) -> Table {
    let header: Vec<_> = std::iter::once("latency in ms").chain(Percentiles::HEADER).collect();
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5]);
    let result = &run.result;
    let mut rows = vec![("POST to 202", result.accepted), ("POST to end seen", result.finished)];
    if matches!(run.load, Load::Open(_)) {
        // Part of the two rows above, caused by this program or the machine.
        rows.push(("due to sent", result.sent_late));
    }
    for (name, percentiles) in rows {
        table.row(std::iter::once(name.to_owned()).chain(percentiles.cells()).collect());
    }
    table
}

fn floor_table(floors: &Floors) -> Table {
    let header: Vec<_> = std::iter::once("floor in ms").chain(Percentiles::HEADER).collect();
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5]);
    let chain = format!("bare chain of {SAGA_HOPS} hops");
    let rows = [("SQLite commit", &floors.commit), ("bare hop", &floors.hop), (&chain, &floors.chain)];
    for (name, percentiles) in rows {
        table.row(std::iter::once(name.to_owned()).chain(percentiles.fine_cells()).collect());
    }
    table
}

/// Hops of the orders, in the order of their ends.
fn hops(run: &Measurement) -> Table {
    let mut table = Table::new(&["from", "to", "p50 ms", "p99 ms", "reached at"], &[2, 3, 4]);
    for hop in &run.hops {
        let ms = [hop.took.p50_ms, hop.took.p99_ms, hop.reached_p50_ms].map(|ms| format!("{ms:.2}"));
        table.row([hop.from.clone(), hop.to.clone()].into_iter().chain(ms).collect());
    }
    table
}

/// All goals with measured values.
fn goal_table(goals: &[GoalResult]) -> Table {
    let mut table = Table::new(&["goal", "bound", "measured", "floor", "ratio", ""], &[1, 2, 3, 4]);
    for GoalResult { goal, bound, unit, measured, floor, is_met } in goals {
        let bound = match bound {
            GoalBound::AtLeast(least) => format!("≥ {least} {unit}"),
            GoalBound::AtMost(most) => format!("≤ {most} {unit}"),
            GoalBound::TimesFloor(times) => format!("≤ {times} × floor"),
        };
        let status = match is_met {
            Some(true) => "✔ met",
            Some(false) => "✘ not met",
            None => "not measured in this run",
        };
        let ratio = measured.zip(*floor).map(|(measured, floor)| format!("{:.2}", measured / floor));
        let shown = |value: &Option<f64>| value.map(|value| format!("{} {unit}", figure(value)));
        table.row(vec![
            (*goal).to_owned(),
            bound,
            shown(measured).unwrap_or_else(|| "-".to_owned()),
            shown(floor).unwrap_or_default(),
            ratio.unwrap_or_default(),
            status.to_owned(),
        ]);
    }
    table
}

/// Formats a figure with few significant digits.
fn figure(value: f64) -> String {
    match value {
        value if value == 0.0 || value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

fn processes(run: &Measurement) -> Table {
    let header = ["process", "ready ms", "CPU s", "CPU ms/saga", "disk KB/saga", "peak MB", "database bytes/saga"];
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5, 6]);
    for process in &run.cost.processes {
        let service = catalog::ServiceName::find(process.name);
        let ready = service.map(|service| run.ready_after[service]);
        let database = service.and_then(|service| Some(run.database_bytes_per_saga.as_ref()?[service]));
        let written = process.written_bytes.map(|bytes| per_saga(bytes, run.result.finished.count) / KILOBYTE);
        table.row(vec![
            process.name.to_owned(),
            ready.map(|time| time.as_millis().to_string()).unwrap_or_default(),
            format!("{:.2}", process.cpu_seconds),
            per_saga_ms(process.cpu_seconds, run),
            written.map(|kilobytes| format!("{kilobytes:.1}")).unwrap_or_default(),
            process.peak_memory_bytes.map(megabytes).unwrap_or_default(),
            database.map(|bytes| format!("{bytes:.0}")).unwrap_or_default(),
        ]);
    }
    let all = run.cost.processes.iter().map(|process| process.cpu_seconds).sum();
    let sums = [("all", Some(all)), ("all but bench", run.cost.suite_cpu_seconds())];
    for (name, seconds) in sums.into_iter().filter_map(|(name, seconds)| Some((name, seconds?))) {
        table.row(vec![name.to_owned(), String::new(), format!("{seconds:.2}"), per_saga_ms(seconds, run)]);
    }
    table
}

fn per_saga_ms(seconds: f64, run: &Measurement) -> String {
    run.ms_per_saga(seconds).map(|ms| format!("{ms:.3}")).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MEGABYTE)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A number with its noun: `1 request`, `2 requests`.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl RunText<'_> {
    fn has_broker(&self) -> bool {
        self.0.cost.processes.iter().any(|process| process.name == "broker")
    }

    fn others(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0.cost.others_ratio * 100.0;
        if percent < DISTURBING_PERCENT {
            return Ok(());
        }
        let others = if self.has_broker() { "Other programs" } else { "Other programs, perhaps including the broker," };
        writeln!(f, "  {others} used {percent:.0} % of the machine, which lowers these figures")
    }

    fn kafka(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        write!(f, "  Kafka: {:.2} records/saga, ", run.records_per_saga)?;
        match run.topic_bytes_per_saga {
            Some(bytes) => writeln!(f, "{bytes:.0} bytes/saga in the topics")?,
            None => writeln!(f, "size unknown: the broker's files are not on this machine")?,
        }
        if !self.has_broker() {
            writeln!(f, "  Processor time of the broker unknown: it is not a process of this machine")?;
        }
        Ok(())
    }

    fn orders(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.0.result.counts;
        if counts.busy_answers > 0 {
            let responses = counted(counts.busy_answers, "response");
            writeln!(f, "  {responses} with status 429 or 503; the orders were sent again")?;
        }
        let (placed, finals, confirmed, cancelled) =
            (counts.placed, counts.finals(), counts.confirmed, counts.cancelled);
        if finals == placed {
            writeln!(f, "✔ every order became final: {placed} placed, {confirmed} confirmed, {cancelled} cancelled")?;
        } else {
            let placed = counted(placed, "order");
            writeln!(f, "✘ {} of {placed} did not become final", counts.placed.saturating_sub(finals))?;
        }
        if counts.given_up > 0 {
            let orders = counted(counts.given_up, "order");
            writeln!(f, "✘ {orders} not accepted: every response had status 429 or 503")?;
        }
        if let Some(failure) = &self.0.result.failure {
            writeln!(f, "✘ {} failed; first error: {failure}", counted(counts.failed, "request"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
