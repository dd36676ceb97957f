//! The table of a service's reactions.

use std::any::Any;

use cloudevent::{ContractError, EventData, EventType, Meta};

/// A service's reaction: the command that follows from a trigger. Written with [`reactions!`](crate::reactions).
#[derive(Debug)]
pub struct Reaction<Command: 'static> {
    pub info: ReactionInfo,
    /// Conversion of the event to the command; `None` for requests and timers.
    pub handler: Option<Handler<Command>>,
}

/// A reaction as data, from which the documents are generated.
#[derive(Debug, Clone, Copy)]
pub struct ReactionInfo {
    pub trigger: Trigger,
    /// Name of the command's variant.
    pub command: &'static str,
    /// Effect in a few words, with the service as their subject.
    pub summary: &'static str,
    /// Contract events that may follow, at once or after a provider's response.
    pub emits: &'static [&'static EventType],
}

/// Reads data, written in a version.
type Decode = fn(&Meta, &str, &[u8]) -> Result<Box<dyn Any>, ContractError>;

/// Conversion of an event to a command.
#[derive(Debug)]
pub struct Handler<Command> {
    event: &'static EventType,
    decode: Decode,
    command: fn(&dyn Any, &Meta) -> Option<Command>,
}

/// Cause of a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// An event of another service, by its name.
    Event(&'static str),
    /// An HTTP request of a person, named by role.
    Request(&'static str),
    /// A timer.
    Deadline,
}

impl<Command> Handler<Command> {
    /// Handler of events of type `E`. `command` returns `None` if the data has another type.
    pub const fn new<E: EventData>(command: fn(&dyn Any, &Meta) -> Option<Command>) -> Self {
        Self { event: E::TYPE, decode: |meta, version, data| Ok(Box::new(meta.decode::<E>(version, data)?)), command }
    }
}

impl<Command> Reaction<Command> {
    /// Type of the event that the service reacts to; `None` for requests and timers.
    pub fn event(&self) -> Option<&'static EventType> {
        self.handler.as_ref().map(|handler| handler.event)
    }

    /// The command that follows from an event's data. Returns `None` if the data has another type.
    pub fn handle(&self, meta: &Meta, data: &dyn Any) -> Option<Command> {
        (self.handler.as_ref()?.command)(data, meta)
    }

    /// Decodes an event's data, written in `version`, and returns the command that follows.
    ///
    /// # Errors
    /// The data breaks its contract.
    pub fn read(&self, meta: &Meta, version: &str, data: &[u8]) -> Result<Option<Command>, ContractError> {
        let Some(handler) = &self.handler else { return Ok(None) };
        let event = (handler.decode)(meta, version, data)?;
        Ok((handler.command)(&*event, meta))
    }
}

/// Declares a service's reactions, one per line, as a `&'static [Reaction<Command>]`:
///
/// ```text
/// on DoorOpened(opened, meta) => Count(opened.visitors): "counts the visitors", [VisitorsCounted];
/// request "guard" => Reset: "starts again at zero", [CounterReset];
/// deadline => Report: "reports the day's visitors", [DayReported];
/// ```
///
/// `on` binds the event's data and, if wanted, its [`Meta`]; the right-hand side is a variant of the `Command` in scope. The
/// text completes "the service ...". The brackets list the contract events that may follow, at once or later.
#[macro_export]
macro_rules! reactions {
    (@rows [$($done:tt)*]) => { &[$($done)*] };
    (@rows [$($done:tt)*]
        on $event:ident ($data:pat $(, $meta:pat)?) => $command:ident $arguments:tt : $summary:literal, [$($emits:ident),*];
        $($rest:tt)*
    ) => {
        $crate::reactions!(@rows [$($done)* $crate::Reaction {
            info: $crate::ReactionInfo {
                trigger: $crate::Trigger::Event(<$event as $crate::cloudevent::EventData>::TYPE.name),
                command: stringify!($command),
                summary: $summary,
                emits: &[$(<$emits as $crate::cloudevent::EventData>::TYPE),*],
            },
            handler: Some($crate::Handler::new::<$event>(|event, _meta| {
                let $data = event.downcast_ref::<$event>()?;
                $(let $meta = _meta;)?
                Some(Command::$command $arguments)
            })),
        },] $($rest)*)
    };
    (@rows [$($done:tt)*] request $who:literal => $command:ident: $summary:literal, [$($emits:ident),*]; $($rest:tt)*) => {
        $crate::reactions!(@rows [$($done)* $crate::Reaction {
            info: $crate::ReactionInfo {
                trigger: $crate::Trigger::Request($who),
                command: stringify!($command),
                summary: $summary,
                emits: &[$(<$emits as $crate::cloudevent::EventData>::TYPE),*],
            },
            handler: None,
        },] $($rest)*)
    };
    (@rows [$($done:tt)*] deadline => $command:ident: $summary:literal, [$($emits:ident),*]; $($rest:tt)*) => {
        $crate::reactions!(@rows [$($done)* $crate::Reaction {
            info: $crate::ReactionInfo {
                trigger: $crate::Trigger::Deadline,
                command: stringify!($command),
                summary: $summary,
                emits: &[$(<$emits as $crate::cloudevent::EventData>::TYPE),*],
            },
            handler: None,
        },] $($rest)*)
    };
    (@rows $($row:tt)*) => { compile_error!(concat!("not a reaction: ", stringify!($($row)*))) };
    ($($rows:tt)*) => { $crate::reactions!(@rows [] $($rows)*) };
}
