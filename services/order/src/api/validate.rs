//! Validation of request bodies. Every error has its position.

use std::collections::BTreeSet;

use contracts::{MAX_TEXT_LEN, order::Address};
use web::{FieldError, Problem};

use super::requests::NewOrder;

/// Maximum lines in an order.
pub(super) const LINES_MAX: usize = 50;
/// Maximum units of one SKU in an order.
pub(super) const QUANTITY_MAX: u32 = 1000;

/// Validates an order and reports all errors at once.
pub(super) fn order(order: &NewOrder) -> Result<(), Problem> {
    let mut errors = Vec::new();
    text(&mut errors, "/customer", &order.customer);
    text(&mut errors, "/payment_method", &order.payment_method);
    lines(&mut errors, order);
    address(&mut errors, &order.address);
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// Checks that a text is neither blank nor too long. Its length counts characters, as in the OpenAPI document.
pub(super) fn text(errors: &mut Vec<FieldError>, pointer: &str, text: &str) {
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT_LEN {
        errors.push(FieldError::new(pointer, format!("must be 1 to {MAX_TEXT_LEN} characters, not only blanks")));
    }
}

fn lines(errors: &mut Vec<FieldError>, order: &NewOrder) {
    if !(1..=LINES_MAX).contains(&order.lines.len()) {
        errors.push(FieldError::new("/lines", format!("must be 1 to {LINES_MAX} lines")));
    }
    let mut skus = BTreeSet::new();
    for (index, line) in order.lines.iter().enumerate() {
        if !(1..=QUANTITY_MAX).contains(&line.quantity) {
            errors.push(FieldError::new(format!("/lines/{index}/quantity"), format!("must be 1 to {QUANTITY_MAX}")));
        }
        if !skus.insert(&line.sku) {
            errors.push(FieldError::new(format!("/lines/{index}/sku"), "duplicate SKU; use one line per SKU"));
        }
    }
}

fn address(errors: &mut Vec<FieldError>, address: &Address) {
    let Address { name, street, city, postal_code, country } = address;
    for (field, value) in [("name", name), ("street", street), ("city", city), ("postal_code", postal_code)] {
        text(errors, &format!("/address/{field}"), value);
    }
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        errors.push(FieldError::new("/address/country", "must be two upper-case letters (ISO 3166-1 alpha-2)"));
    }
}
