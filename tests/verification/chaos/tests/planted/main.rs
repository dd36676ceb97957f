//! The checker is checked: suites with one bug each, of which it must find out. And some without, of which it must not.

mod cores;
mod product;
mod shell;
