//! The real deciders and policies of all services of the catalog, with their streams in memory.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher as _},
    rc::Rc,
};

use catalog::ServiceName;
use contracts::Event as ContractEvent;
use decider::{Decider, Service, StreamId};

use crate::transport::ProviderCall;

/// Streams of one service, loaded and stored as the runtime does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams<State>(Rc<BTreeMap<StreamId, Rc<StoredState<State>>>>);

/// State of a stream. Its fingerprint is computed once, because many worlds share it.
#[derive(Debug)]
struct StoredState<State> {
    state: State,
    fingerprint: u128,
}

/// Hash of a value. With 128 bits, the probability of a collision among a billion values is below 10⁻²⁰.
pub(crate) fn fingerprint(value: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, value).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

impl<State: Clone + Default + Debug> Streams<State> {
    fn fingerprints(&self) -> impl Iterator<Item = u128> {
        self.0.values().map(|stored| stored.fingerprint)
    }

    pub(crate) fn get(&self, stream: &StreamId) -> Option<&State> {
        self.0.get(stream).map(|stored| &stored.state)
    }

    pub(crate) fn handle<S: Service<State = State>>(&mut self, command: &S::Command) -> Vec<S::Event> {
        let events = self.decide::<S>(command);
        let mut changed = BTreeMap::<StreamId, State>::new();
        for event in &events {
            let stream = stream_of::<S>(command, event);
            let state = changed.remove(&stream).or_else(|| self.get(&stream).cloned()).unwrap_or_default();
            changed.insert(stream, S::evolve(state, event));
        }
        let stored = changed.into_iter().map(|(stream, state)| {
            let fingerprint = fingerprint(&format!("{state:?}"));
            (stream, Rc::new(StoredState { state, fingerprint }))
        });
        if !events.is_empty() {
            Rc::make_mut(&mut self.0).extend(stored);
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

pub(crate) fn stream_of<S: Service>(command: &S::Command, event: &S::Event) -> StreamId {
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
            /// Fingerprints of the states of all streams.
            pub(crate) fn fingerprints(&self) -> impl Iterator<Item = u128> {
                std::iter::empty()$(.chain(self.$module.fingerprints()))+
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
