//! One measurement, and the goals, for people.

use std::fmt;

use xtask::table::Table;

use crate::goals::{Bound, Judged};
use crate::latency::Percentiles;
use crate::measure::Measurement;
use crate::plan::Load;

/// From this part of the machine on, what others use is worth telling.
const DISTURBING_PERCENT: f64 = 5.0;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub(super) struct Run<'a>(pub(super) &'a Measurement);

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        let spans = run.spans_per_saga.map(|spans| format!(", with tracing ({spans:.1} spans/saga received)"));
        let products = if run.products == 1 { "one product".into() } else { format!("{} products", run.products) };
        let (load, storage, spans) = (capitalized(&run.load.title()), &run.storage, spans.unwrap_or_default());
        writeln!(f, "{load}, {products}, {storage}, {} orders before{spans}", run.orders_before)?;
        let (finals, seconds) = (run.outcomes.tally.finals(), run.outcomes.elapsed.as_secs_f64());
        writeln!(f, "  {:.1} sagas/s: {finals} in {seconds:.1} s", run.sagas_per_second())?;
        writeln!(f, "\n{}", latencies(run))?;
        if !run.hops.is_empty() {
            writeln!(f, "{}", hops(run))?;
        }
        writeln!(f, "{}", processes(run))?;
        self.others(f)?;
        self.kafka(f)?;
        self.verdict(f)
    }
}

fn latencies(run: &Measurement) -> Table {
    let header: Vec<_> = std::iter::once("latency in ms").chain(Percentiles::HEADER).collect();
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5]);
    let outcomes = &run.outcomes;
    let mut rows = vec![("POST to 202", outcomes.accepted), ("POST to final event", outcomes.finished)];
    if matches!(run.load, Load::Open(_)) {
        // Part of the two above, and this program's fault or the machine's.
        rows.push(("due to sent", outcomes.sent_late));
    }
    for (name, percentiles) in rows {
        table.row(std::iter::once(name.to_owned()).chain(percentiles.cells()).collect());
    }
    table
}

/// The way of an order, step by step.
fn hops(run: &Measurement) -> Table {
    let mut table = Table::new(&["from", "to", "p50 ms", "p99 ms", "reached at"], &[2, 3, 4]);
    for hop in &run.hops {
        let ms = [hop.took.p50_ms, hop.took.p99_ms, hop.reached_p50_ms].map(|ms| format!("{ms:.2}"));
        table.row([hop.from.clone(), hop.to.clone()].into_iter().chain(ms).collect());
    }
    table
}

/// Each goal, what was measured, and whether it is met.
pub(super) fn goals(goals: &[Judged]) -> Table {
    let mut table = Table::new(&["goal", "bound", "measured", ""], &[1, 2]);
    for Judged { goal, bound, unit, measured, is_met } in goals {
        let (sign, limit) = match bound {
            Bound::AtLeast(least) => ('≥', least),
            Bound::AtMost(most) => ('≤', most),
        };
        let verdict = match is_met {
            Some(true) => "✔ met",
            Some(false) => "✘ not met",
            None => "not measured in this run",
        };
        let measured = measured.map(|measured| format!("{} {unit}", figure(measured)));
        table.row(vec![
            (*goal).to_owned(),
            format!("{sign} {limit} {unit}"),
            measured.unwrap_or_else(|| "–".to_owned()),
            verdict.to_owned(),
        ]);
    }
    table
}

/// With as many decimals as tell something.
fn figure(value: f64) -> String {
    match value {
        value if value == 0.0 || value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

fn processes(run: &Measurement) -> Table {
    let header = ["process", "ready ms", "CPU s", "CPU ms/saga", "peak MiB", "database bytes/saga"];
    let mut table = Table::new(&header, &[1, 2, 3, 4, 5]);
    let mut sum = 0.0;
    for process in &run.cost.processes {
        sum += process.cpu_seconds;
        let database = run
            .database_bytes_per_saga
            .iter()
            .flat_map(xtask::PerService::iter)
            .find(|(service, _)| service.name() == process.name);
        let ready = run.ready_after.iter().find(|(service, _)| service.name() == process.name);
        table.row(vec![
            process.name.to_owned(),
            ready.map(|(_, time)| time.as_millis().to_string()).unwrap_or_default(),
            format!("{:.2}", process.cpu_seconds),
            per_saga_ms(process.cpu_seconds, run),
            #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
            process.peak_memory_bytes.map(|bytes| mebibytes(bytes as f64)).unwrap_or_default(),
            database.map(|(_, bytes)| format!("{bytes:.0}")).unwrap_or_default(),
        ]);
    }
    table.row(vec!["all".to_owned(), String::new(), format!("{sum:.2}"), per_saga_ms(sum, run)]);
    table
}

fn per_saga_ms(seconds: f64, run: &Measurement) -> String {
    run.ms_per_saga(seconds).map(|ms| format!("{ms:.3}")).unwrap_or_default()
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1}", bytes / MEBIBYTE)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Run<'_> {
    fn has_broker(&self) -> bool {
        self.0.cost.processes.iter().any(|process| process.name == "broker")
    }

    fn others(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0.cost.others_ratio * 100.0;
        if percent < DISTURBING_PERCENT {
            return Ok(());
        }
        let who = if self.has_broker() { "Other programs" } else { "Other programs, perhaps the broker among them," };
        writeln!(f, "  {who} used {percent:.0} % of the machine meanwhile: that much is missing in these figures.")
    }

    fn kafka(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        write!(f, "  Kafka: {:.2} records/saga, ", run.records_per_saga)?;
        match run.topic_bytes_per_saga {
            Some(bytes) => writeln!(f, "{bytes:.0} bytes/saga in the topics")?,
            None => writeln!(f, "bytes unknown: the broker's files are not on this machine or not known")?,
        }
        if !self.has_broker() {
            writeln!(f, "  The broker's processor time is unknown: it is not a process of this program or machine")?;
        }
        let Some(limit) = run.limit else { return Ok(()) };
        let written = run.sagas_per_second() * run.records_per_saga;
        writeln!(
            f,
            "  Raw limit: one idempotent producer, acks=all, {} bytes each: {:.0} records/s.\n  \
             The suite wrote {written:.0} records/s, {:.1} % of it, as events that are decided and stored.",
            limit.record_bytes,
            limit.records_per_second,
            written * 100.0 / limit.records_per_second,
        )
    }

    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.0.outcomes.tally;
        if tally.busy_answers > 0 {
            writeln!(f, "  {} answers were 503; their orders were sent again later", tally.busy_answers)?;
        }
        let (placed, finals, cancelled) = (tally.placed, tally.finals(), tally.cancelled);
        if finals == placed {
            writeln!(f, "✔ every order became final: {placed} placed, {} confirmed, {cancelled} cancelled", {
                tally.confirmed
            })?;
        } else {
            writeln!(f, "✘ {} of {placed} orders did not become final", placed.saturating_sub(finals))?;
        }
        if tally.given_up > 0 {
            writeln!(f, "✘ {} orders were never accepted, only answered 503", tally.given_up)?;
        }
        if let Some(failure) = &self.0.outcomes.failure {
            writeln!(f, "✘ {} requests failed, the first: {failure}", tally.failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_good_run_says_so_and_what_is_unknown() {
        let text = Run(&run(100, 5, None)).to_string();
        for part in [
            "Open loop, 20 orders/s, 100 products, SQLite, 1000 orders before\n",
            "20.0 sagas/s: 100 in 5.0 s",
            "POST to final event  12.0",
            "sent  OrderPlaced decided   12.01   12.01       12.50\n",
            "order         321   0.50        5.000      19.1                 1234\n",
            "Other programs, perhaps the broker among them, used 25 %",
            "bytes unknown",
            "broker's processor time is unknown",
            "120 records/s, 1.0 % of it",
            "✔ every order became final: 100 placed, 100 confirmed, 0 cancelled",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn a_bad_run_says_what_is_missing() {
        let mut bad = run(103, 5, Some(25.0));
        (bad.outcomes.tally.failed, bad.outcomes.failure) = (1, Some("no answer in time".into()));
        let text = Run(&bad).to_string();
        for part in ["25.0 spans/saga", "✘ 3 of 103 orders did not become final", "✘ 1 requests failed, the first: no"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn a_goal_says_whether_it_is_met() {
        let judged = |measured: Option<f64>, is_met| Judged {
            goal: "latency",
            bound: Bound::AtMost(0.4),
            unit: "ms",
            measured,
            is_met,
        };
        let goals = [judged(Some(0.39), Some(true)), judged(Some(1234.5), Some(false)), judged(None, None)];
        let text = super::goals(&goals).to_string();
        for part in ["latency  ≤ 0.4 ms  0.390 ms  ✔ met", "1234 ms  ✘ not met", "–  not measured in this run"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
