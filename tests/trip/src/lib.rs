#![doc = include_str!("../README.md")]

pub mod api;
pub mod contracts;
pub mod flight;
pub mod hotel;
pub mod journal;
