//! Documents generated from the declared reactions and from runs of the real deciders.

pub mod asyncapi;
pub mod board;
pub mod markdown;
pub mod sequence;
