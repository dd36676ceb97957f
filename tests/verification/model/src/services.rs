//! The real deciders and policies of all services of the catalog, with their streams in memory.

use std::{any::Any, collections::BTreeMap, fmt::Debug, rc::Rc};

use catalog::ServiceName;
use contracts::Event as ContractEvent;
use decider::{Decider, Service, StreamId};

use crate::transport::ProviderCall;

/// Streams of one service, loaded and stored as the runtime does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams<State>(pub(crate) Rc<BTreeMap<StreamId, Rc<State>>>);

impl<State: Clone + Default> Streams<State> {
    pub(crate) fn get(&self, stream: &StreamId) -> Option<&State> {
        self.0.get(stream).map(|state| &**state)
    }

    pub(crate) fn handle<S: Service<State = State>>(&mut self, command: &S::Command) -> Vec<S::Event> {
        let events = self.decide::<S>(command);
        for event in &events {
            let state = Rc::make_mut(&mut self.0).entry(stream_of::<S>(command, event)).or_default();
            *state = Rc::new(S::evolve(State::clone(state), event));
        }
        events
    }

    pub(crate) fn decide<S: Service<State = State>>(&self, command: &S::Command) -> Vec<S::Event> {
        let first = S::streams(command, &S::initial());
        let loaded = S::streams(command, &self.merge::<S>(&first));
        let events = S::decide(&self.merge::<S>(&loaded), command);
        let written = events.iter().map(|event| stream_of::<S>(command, event));
        let unloaded: Vec<_> = written.filter(|stream| !loaded.contains(stream)).collect();
        assert!(unloaded.is_empty(), "events written to streams that were not loaded: {unloaded:?}");
        events
    }

    fn merge<S: Service<State = State>>(&self, streams: &[StreamId]) -> State {
        let initial = State::default();
        S::merge(streams.iter().map(|stream| self.get(stream).unwrap_or(&initial)).collect())
    }
}

fn stream_of<S: Service>(command: &S::Command, event: &S::Event) -> StreamId {
    S::stream_of(event).unwrap_or_else(|| S::streams(command, &S::initial()).remove(0))
}

/// A service of the model.
pub(crate) trait Participant: Service<Intent: Into<ProviderCall>> {
    const NAME: ServiceName;

    fn streams_in(services: &ServiceStreams) -> &Streams<Self::State>;
    fn streams_in_mut(services: &mut ServiceStreams) -> &mut Streams<Self::State>;
    fn contract_event(event: Self::Public) -> ContractEvent;

    fn reaction(meta: &contracts::Meta, data: &dyn Any) -> Self::Command {
        Self::react(meta, data).expect("only records with a reaction are delivered")
    }
}

/// Code that is generic over the service.
pub(crate) trait ForService {
    type Output;

    fn run<P: Participant>(self) -> Self::Output;
}

macro_rules! participants {
    ($($service:ident $module:ident $event:ident;)+) => {
        /// Streams of all services.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct ServiceStreams {
            $(pub(crate) $module: Streams<<$module::decider::$service as Decider>::State>,)+
        }

        impl ServiceStreams {
            /// Passes the states of all streams to `visit`.
            pub(crate) fn each_state(&self, mut visit: impl FnMut(&dyn Debug)) {
                $(for state in self.$module.0.values() {
                    visit(state);
                })+
            }
        }

        $(impl Participant for $module::decider::$service {
            const NAME: ServiceName = ServiceName::$service;

            fn streams_in(services: &ServiceStreams) -> &Streams<Self::State> {
                &services.$module
            }

            fn streams_in_mut(services: &mut ServiceStreams) -> &mut Streams<Self::State> {
                &mut services.$module
            }

            fn contract_event(event: Self::Public) -> ContractEvent {
                ContractEvent::$service(event)
            }
        })+

        /// Runs code for one service. Readers have no decider, so the result is `None` for them.
        pub(crate) fn for_service<F: ForService>(service: ServiceName, code: F) -> Option<F::Output> {
            $(if service == ServiceName::$service {
                return Some(code.run::<$module::decider::$service>());
            })+
            None
        }
    };
}
catalog::for_each_owner!(participants);
