//! Documents made of what the services say that they do, and of real runs of their deciders.

pub mod asyncapi;
pub mod board;
pub mod markdown;
pub mod sequence;
