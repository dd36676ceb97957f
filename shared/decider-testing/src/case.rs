//! Test cases in the form: given events, when a command is decided, then these events follow.

use std::collections::{BTreeMap, BTreeSet};

use cloudevent::{Contract, EventData};
use decider::{InternalEvent, LogEvent, Service, StreamId};

use crate::meta;

/// The streams of one service, and the events of its latest decision.
pub struct Case<S: Service> {
    log: BTreeMap<StreamId, Vec<S::Event>>,
    states: BTreeMap<StreamId, S::State>,
    /// Stream of given events that name no other.
    stream: StreamId,
    has_one_effect: fn(&S::Command) -> bool,
    /// Commands that have had their only permitted effect.
    spent: BTreeSet<String>,
    events: Vec<S::Event>,
}

impl<S: Service> Case<S>
where
    S::State: PartialEq,
    S::Public: PartialEq,
    S::Internal: PartialEq,
{
    /// An empty log. Given events that name no other stream go to `stream`. `has_one_effect` returns whether a command
    /// has an effect at most once, however often it is repeated.
    pub fn new(stream: StreamId, has_one_effect: fn(&S::Command) -> bool) -> Self {
        Self {
            log: BTreeMap::new(),
            states: BTreeMap::new(),
            stream,
            has_one_effect,
            spent: BTreeSet::new(),
            events: vec![],
        }
    }

    /// Adds events to the log.
    #[must_use]
    pub fn given(mut self, events: impl IntoIterator<Item = S::Event>) -> Self {
        for event in events {
            let stream = S::stream_of(&event).unwrap_or_else(|| self.stream.clone());
            self.append(stream, event);
        }
        self
    }

    /// Delivers another service's event.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "tests pass what they have just made")]
    pub fn when<E: EventData>(mut self, event: E) -> Self {
        self.events = match S::react(&meta(&event), &event) {
            Some(command) => self.decide(&command),
            None => vec![],
        };
        self
    }

    /// Decides on a command from a person, a provider or a timer.
    #[must_use]
    pub fn when_commanded(mut self, command: &S::Command) -> Self {
        self.events = self.decide(command);
        self
    }

    /// Asserts the events of the latest decision.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the last step")]
    pub fn then(self, expected: impl IntoIterator<Item = S::Event>) -> Self {
        assert_eq!(self.events, expected.into_iter().collect::<Vec<_>>());
        self
    }

    /// The state in which a command is decided.
    pub fn state(&self, command: &S::Command) -> S::State {
        self.merge(&self.streams(command))
    }

    /// Decides on a command, checks the invariants of every service, and appends the events.
    ///
    /// # Panics
    /// An event goes to a stream that the command did not load, a contract event to a stream about another thing, the
    /// streams rebuild another state, or a repeated command has an effect.
    pub fn decide(&mut self, command: &S::Command) -> Vec<S::Event> {
        let own = own_stream::<S>(command);
        let streams = self.streams(command);
        let before = self.merge(&streams);
        let events = S::decide(&before, command);
        let stream_of = |event: &S::Event| S::stream_of(event).unwrap_or_else(|| own.clone());
        for event in &events {
            let stream = stream_of(event);
            assert!(streams.contains(&stream), "{event:?} goes to {stream}, which was not loaded");
            if let LogEvent::Public(public) = event {
                assert_eq!(public.subject().as_str(), stream.id(), "{event:?} is not about the thing of its stream");
            }
            self.append(stream, event.clone());
        }
        let after = self.merge(&streams);
        assert_eq!(after, S::fold(before, &events), "the streams rebuild another state than the decision");
        if (self.has_one_effect)(command) {
            assert_eq!(S::decide(&after, command), [], "{command:?} has an effect when repeated");
            let is_first = events.is_empty() || self.spent.insert(format!("{command:?}"));
            assert!(is_first, "{command:?} had its effect before, and now again: {events:?}");
        }
        for stream in events.iter().map(stream_of).collect::<BTreeSet<_>>() {
            self.check_storage(&stream);
        }
        events
    }

    fn streams(&self, command: &S::Command) -> BTreeSet<StreamId> {
        let mut loaded = BTreeSet::new();
        loop {
            let needed = S::streams(command, &self.merge(&loaded));
            if needed.iter().all(|stream| loaded.contains(stream)) {
                return loaded;
            }
            loaded.extend(needed);
        }
    }

    fn merge(&self, streams: &BTreeSet<StreamId>) -> S::State {
        let initial = S::initial();
        S::merge(streams.iter().map(|stream| self.states.get(stream).unwrap_or(&initial)).collect())
    }

    fn append(&mut self, stream: StreamId, event: S::Event) {
        let category = stream.category();
        assert!(S::CATEGORIES.contains(&category), "{category} is not among the service's categories");
        let state = self.states.remove(&stream).unwrap_or_else(S::initial);
        self.states.insert(stream.clone(), S::evolve(state, &event));
        self.log.entry(stream).or_default().push(event);
    }

    /// Checks that the stream's state is rebuilt from stored events and from a snapshot.
    fn check_storage(&self, stream: &StreamId) {
        let state = &self.states[stream];
        let read_back: Vec<_> = self.log[stream].iter().map(store_and_read).collect();
        assert_eq!(read_back, self.log[stream]);
        assert_eq!(&S::fold(S::initial(), &read_back), state, "{stream} rebuilt from its events");
        let snapshot = serde_json::to_string(state).expect("a state is JSON");
        assert_eq!(&serde_json::from_str::<S::State>(&snapshot).expect("reads"), state, "{stream} from {snapshot}");
    }
}

fn own_stream<S: Service>(command: &S::Command) -> StreamId {
    S::streams(command, &S::initial()).into_iter().next().expect("a command is about a stream")
}

fn store_and_read<Public: Contract, Internal: InternalEvent>(
    event: &LogEvent<Public, Internal>,
) -> LogEvent<Public, Internal> {
    let (name, version, data) = event.encode();
    LogEvent::decode(name, version, &data).expect("a stored event reads back")
}
