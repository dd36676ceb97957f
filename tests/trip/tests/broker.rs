//! Both services on a real broker, killed halfway.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
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
    let book = |traveller: usize| {
        let trip = json!({"traveller": format!("traveller {traveller}"), "hotel": "Grand"});
        let reply = flight.client.post("/trips", &trip).and_then(|reply| reply.expect_status(200)).expect("a booking");
        reply["trip_id"].as_str().expect("an id").to_owned()
    };
    let trips: Vec<_> = (0..=ROOMS).map(book).collect();
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
