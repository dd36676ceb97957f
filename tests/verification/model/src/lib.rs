//! The saga as a whole, in memory, in every order in which things can happen: the real deciders, policies and outside
//! calls of the four services, and between them whatever a network, two providers, customers and a clock may do.
//!
//! - A `World` is the whole saga at one moment; its `act` does one thing and checks what must hold always.
//! - [`explore`](explore()) follows every schedule; [`follow`] one. A failure says what is broken and lists what happened,
//!   step by step.
//! - [`choreography`] is what the services say that they do; the model proves it, and [`documents`] are made of it.
//!
//! A crash needs no step of its own: before the commit nothing has happened and the record is still to come; after the
//! commit the record comes again.

pub mod bounds;
mod choices;
pub mod choreography;
pub mod documents;
mod explore;
mod providers;
mod rules;
mod services;
mod setting;
mod story;
mod world;

pub use explore::{Explored, explore, follow, run};
pub use setting::{Card, Destination, Guarantees, PRODUCTION, Setting, Story, WITHOUT_ANY, WITHOUT_INBOX};
pub use world::{Observed, Step};
