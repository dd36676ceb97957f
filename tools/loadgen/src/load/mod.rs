//! Load: plans, schedules and the clients that send orders.

pub(crate) mod generator;
pub(crate) mod order_api;
pub(crate) mod order_bodies;
pub(crate) mod plan;
pub(crate) mod schedule;
