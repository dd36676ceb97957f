//! What makes no sense in a request is refused, with the place of each fault.

use std::collections::BTreeSet;

use contracts::{MAX_TEXT_LEN, order::Address};
use web::{FieldError, Problem};

use super::orders::NewOrder;

/// Lines in an order at most.
pub(super) const LINES_MAX: usize = 50;
/// Units of one SKU in an order at most.
pub(super) const QUANTITY_MAX: u32 = 1000;

/// Finds all faults at once.
pub(super) fn order(order: &NewOrder) -> Result<(), Problem> {
    let mut faults = Vec::new();
    text(&mut faults, "/customer", &order.customer);
    text(&mut faults, "/payment_method", &order.payment_method);
    lines(&mut faults, order);
    address(&mut faults, &order.address);
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// A text that people will read: there, and not endless. It is counted in characters, as the API's description does.
pub(super) fn text(faults: &mut Vec<FieldError>, pointer: &str, text: &str) {
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT_LEN {
        faults.push(FieldError::new(pointer, format!("must be 1 to {MAX_TEXT_LEN} characters, not only blanks")));
    }
}

fn lines(faults: &mut Vec<FieldError>, order: &NewOrder) {
    if !(1..=LINES_MAX).contains(&order.lines.len()) {
        faults.push(FieldError::new("/lines", format!("must be 1 to {LINES_MAX} lines")));
    }
    let mut skus = BTreeSet::new();
    for (index, line) in order.lines.iter().enumerate() {
        if !(1..=QUANTITY_MAX).contains(&line.quantity) {
            faults.push(FieldError::new(format!("/lines/{index}/quantity"), format!("must be 1 to {QUANTITY_MAX}")));
        }
        if !skus.insert(&line.sku) {
            faults.push(FieldError::new(format!("/lines/{index}/sku"), "is in a line before; one line per SKU"));
        }
    }
}

fn address(faults: &mut Vec<FieldError>, address: &Address) {
    let Address { name, street, city, postal_code, country } = address;
    for (field, value) in [("name", name), ("street", street), ("city", city), ("postal_code", postal_code)] {
        text(faults, &format!("/address/{field}"), value);
    }
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        faults.push(FieldError::new("/address/country", "must be two upper-case letters (ISO 3166-1 alpha-2)"));
    }
}
