//! What a measurement is called in a picture.

use crate::measure::Measurement;
use crate::plan::Load;
use crate::purpose::Purpose;

/// A few words.
pub(super) fn of(run: &Measurement) -> String {
    match (run.purpose, &run.load) {
        (Purpose::Hot, _) => "hot SKU".into(),
        (Purpose::Untraced, _) => "tracing off".into(),
        (Purpose::Traced, _) => "tracing on".into(),
        (Purpose::Postgres | Purpose::PostgresManyClients, Load::Closed(closed)) => {
            format!("PostgreSQL, {} clients", closed.clients)
        }
        (Purpose::FewOrders | Purpose::ManyOrders, _) => format!("{} orders stored", grouped(run.orders_before)),
        (Purpose::Half, Load::Open(schedule)) => format!("half the maximum, {}/s", schedule.rate()),
        (_, Load::Open(schedule)) => format!("{} orders/s", schedule.rate()),
        (_, Load::Closed(closed)) => format!("{} clients", closed.clients),
    }
}

/// With a comma after each third digit.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_in_groups_of_three() {
        let texts = [0, 999, 1_000, 10_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "10,000", "1,234,567"]);
    }
}
