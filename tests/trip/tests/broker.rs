//! The services and the journal on a real broker, killed halfway.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use serde_json::json;
use trip::hotel::ROOMS;
use xtask::{Client, Workspace, broker_from_env, ports, wait_until};

const TIMEOUT: Duration = Duration::from_mins(1);

/// A running service; killed when dropped.
struct ServiceProcess {
    binary: &'static str,
    environment: Vec<(&'static str, String)>,
    child: Child,
    client: Client,
}

impl ServiceProcess {
    fn start(binary: &'static str, name: &str, broker: &str, dir: &Path) -> Self {
        let port = ports::free().expect("a free port");
        let prefix = dir.file_name().expect("a directory").to_string_lossy();
        let environment = vec![
            ("KAFKA_BOOTSTRAP_SERVERS", broker.to_owned()),
            ("KAFKA_TOPIC_PREFIX", format!("trip-{prefix}.")),
            ("DATABASE_URL", format!("sqlite:{}", dir.join(name).with_extension("db").display())),
            ("HTTP_ADDR", format!("127.0.0.1:{port}")),
        ];
        let child = spawn(binary, &environment);
        Self { binary, environment, child, client: Client::new(format!("http://127.0.0.1:{port}")) }
    }

    fn kill(&mut self) {
        self.child.kill().expect("the process runs");
        self.child.wait().expect("the process ends");
    }

    fn restart(&mut self) {
        self.child = spawn(self.binary, &self.environment);
    }

    fn wait_until_ready(&self) {
        let is_ready = || match self.client.get("/readyz") {
            Ok(reply) if reply.status == 200 => Ok(()),
            Ok(reply) => Err(reply.body.to_string()),
            Err(error) => Err(format!("{error:#}")),
        };
        wait_until("the service to be ready", TIMEOUT, is_ready).expect("the service is ready");
    }

    fn wait_until_not_ready(&self, reason: &str) {
        let waits = || match self.client.get("/readyz") {
            Ok(reply) if reply.status == 503 && reply.body.to_string().contains(reason) => Ok(()),
            Ok(reply) => Err(reply.body.to_string()),
            Err(error) => Err(format!("{error:#}")),
        };
        wait_until(reason, TIMEOUT, waits).expect("the service is not ready");
    }

    /// Books a trip and returns its id.
    fn book(&self, traveller: usize) -> String {
        let trip = json!({"traveller": format!("traveller {traveller}"), "hotel": "Grand"});
        let reply = self.client.post("/trips", &trip).and_then(|reply| reply.expect_status(200)).expect("a booking");
        reply["trip_id"].as_str().expect("an id").to_owned()
    }

    /// Names of the events about a trip that the journal has recorded.
    fn recorded(&self, trip: &str) -> Vec<String> {
        let reply = self.client.get(&format!("/trips/{trip}/events")).and_then(|reply| reply.expect_status(200));
        serde_json::from_value(reply.expect("the events")["events"].clone()).expect("names")
    }

    /// Value of a metric; 0 if the process has not counted yet.
    fn metric(&self, name: &str) -> f64 {
        let reply = self.client.get("/metrics").expect("metrics").body;
        let lines = reply.as_str().expect("text").lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &str, environment: &[(&'static str, String)]) -> Child {
    let mut command = Command::new(binary);
    command.envs(environment.iter().map(|(name, value)| (name, value))).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary starts")
}

#[test]
fn trips_end_confirmed_or_cancelled_after_a_kill() {
    let broker = broker_from_env().expect("a broker is available");
    let dir = Workspace::find().and_then(|workspace| workspace.run_dir("trip")).expect("a directory");
    let mut flight = ServiceProcess::start(env!("CARGO_BIN_EXE_flight"), "flight", &broker, &dir);
    let mut hotel = ServiceProcess::start(env!("CARGO_BIN_EXE_hotel"), "hotel", &broker, &dir);
    flight.wait_until_ready();
    hotel.wait_until_ready();

    // The hotel is dead while the flights are booked, and the flight service dies before the hotel responds.
    hotel.kill();
    let trips: Vec<_> = (0..=ROOMS).map(|traveller| flight.book(traveller)).collect();
    flight.kill();
    hotel.restart();
    flight.restart();
    flight.wait_until_ready();

    let status = |trip: &String| {
        let reply = flight.client.get(&format!("/trips/{trip}")).and_then(|reply| reply.expect_status(200));
        reply.expect("the trip")["status"].as_str().expect("a status").to_owned()
    };
    let settled = || {
        let mut statuses: Vec<_> = trips.iter().map(status).collect();
        statuses.sort();
        let mut expected = vec!["confirmed"; ROOMS];
        expected.insert(0, "cancelled");
        if statuses == expected { Ok(()) } else { Err(format!("{statuses:?}")) }
    };
    wait_until("every trip to end", TIMEOUT, settled).expect("every trip ends");
}

/// Names of the topics and of the groups at a broker that begin with a prefix, without it.
fn topics_and_groups(broker: &str, prefix: &str) -> [BTreeSet<String>; 2] {
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", broker).create().expect("a client");
    let metadata = client.fetch_metadata(None, TIMEOUT).expect("topics");
    let groups = client.fetch_group_list(None, TIMEOUT).expect("groups");
    let own = |name: &str| name.strip_prefix(prefix).map(str::to_owned);
    [
        metadata.topics().iter().filter_map(|topic| own(topic.name())).collect(),
        groups.groups().iter().filter_map(|group| own(group.name())).collect(),
    ]
}

/// Writes a record without the headers of an event.
fn publish_invalid(broker: &str, topic: &str) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", broker).create().expect("a producer");
    producer.send(BaseRecord::<[u8], _>::to(topic).payload("not an event")).expect("queued");
    producer.flush(TIMEOUT).expect("sent");
}

#[test]
fn reader_records_every_event_once_after_kills() {
    let broker = broker_from_env().expect("a broker is available");
    let dir = Workspace::find().and_then(|workspace| workspace.run_dir("trip")).expect("a directory");
    let start = |binary, name| ServiceProcess::start(binary, name, &broker, &dir);

    // The reader starts first. It waits for the topics of the others, and creates none.
    let mut journal = start(env!("CARGO_BIN_EXE_journal"), "journal");
    let prefix = journal.environment.iter().find(|(name, _)| *name == "KAFKA_TOPIC_PREFIX").expect("set").1.clone();
    journal.wait_until_not_ready("no partitions assigned yet");
    assert_eq!(topics_and_groups(&broker, &prefix), [BTreeSet::new(), BTreeSet::new()]);
    let flight = start(env!("CARGO_BIN_EXE_flight"), "flight");
    let hotel = start(env!("CARGO_BIN_EXE_hotel"), "hotel");
    for service in [&flight, &hotel, &journal] {
        service.wait_until_ready();
    }

    // It is killed while events arrive, and misses some.
    let mut trips: Vec<_> = (0..10).map(|traveller| flight.book(traveller)).collect();
    journal.kill();
    trips.extend((10..20).map(|traveller| flight.book(traveller)));
    journal.restart();
    publish_invalid(&broker, &format!("{prefix}flight.events"));
    trips.extend((20..30).map(|traveller| flight.book(traveller)));
    journal.wait_until_ready();
    let expected: Vec<Vec<String>> = {
        let names = |second: [&str; 3]| second.map(str::to_owned).to_vec();
        let confirmed = names(["FlightBooked", "RoomBooked", "TripConfirmed"]);
        let cancelled = names(["FlightBooked", "FlightCancelled", "RoomRefused"]);
        [vec![confirmed; ROOMS], vec![cancelled; trips.len() - ROOMS]].concat()
    };
    let is_complete = |journal: &ServiceProcess| {
        let mut recorded: Vec<_> = trips.iter().map(|trip| journal.recorded(trip)).collect();
        recorded.sort_by_key(|events| events.contains(&"FlightCancelled".to_owned()));
        if recorded == expected { Ok(()) } else { Err(format!("{recorded:?}")) }
    };
    wait_until("every event to be recorded", TIMEOUT, || is_complete(&journal)).expect("every event is recorded once");

    let is_skipped = || match journal.metric("saga_dead_letters") {
        1.0 => Ok(()),
        count => Err(format!("{count} records skipped")),
    };
    wait_until("the invalid record to be skipped", TIMEOUT, is_skipped).expect("the invalid record is skipped");

    // All positions are committed with their effects: after another kill, no record is read again.
    journal.kill();
    journal.restart();
    journal.wait_until_ready();
    let last = flight.book(30);
    let is_recorded = || if journal.recorded(&last).len() == 3 { Ok(()) } else { Err("waiting".to_owned()) };
    wait_until("the last trip's events", TIMEOUT, is_recorded).expect("the journal continues");
    is_complete(&journal).expect("nothing was lost or recorded twice");
    assert_eq!((journal.metric("saga_events_consumed"), journal.metric("saga_inbox_duplicates")), (3.0, 0.0));

    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let topics = ["flight.dlq", "flight.events", "flight.redrive", "hotel.dlq", "hotel.events", "hotel.redrive"];
    assert_eq!(topics_and_groups(&broker, &prefix), [names(&topics), names(&["flight", "hotel"])]);
}
