//! Tests of the closed loop with a server of a few lines instead of the order service.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use contracts::OrderId;
use uuid::Uuid;
use xtask::Progress;

use super::*;
use crate::results::ledger::FinalStatus;

/// Orders that the server has accepted and that are not final.
#[derive(Default)]
struct Accepted {
    open: HashSet<OrderId>,
    /// Maximum at any time.
    most_open: usize,
}

/// Accepts every order with the next id.
fn serve(stream: TcpStream, accepted: &Mutex<Accepted>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length:").map_or(length, |length| length.trim().parse().unwrap());
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let id = OrderId(Uuid::now_v7());
        {
            let mut accepted = accepted.lock().unwrap();
            accepted.open.insert(id);
            accepted.most_open = accepted.most_open.max(accepted.open.len());
        }
        let response = format!("HTTP/1.1 202 Accepted\r\nlocation: /orders/{id}\r\ncontent-length: 0\r\n\r\n");
        writer.write_all(response.as_bytes()).ok()?;
    }
}

fn target(base: &str) -> Arc<LoadTarget> {
    let (api, orders) = (OrderApi::at(base).unwrap(), OrderBodies::unstocked());
    Arc::new(LoadTarget { api, orders, ledger: Arc::default(), traces: OnceLock::new() })
}

async fn run_closed(target: &Arc<LoadTarget>, in_flight: u16, until: LoopEnd) {
    let load = Load::Closed(ClosedLoop { in_flight, until });
    run(target, &load, Instant::now(), &Progress::quiet().step("")).await.unwrap();
}

#[tokio::test]
async fn client_sends_the_next_order_after_the_end_of_its_last() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::<Mutex<Accepted>>::default();
    let server = Arc::clone(&accepted);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            thread::spawn(move || serve(stream, &server));
        }
    });
    let target = target(&base);
    let (ledger, orders) = (Arc::clone(&target.ledger), Arc::clone(&accepted));
    let ends = tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(2)).await;
            for id in orders.lock().unwrap().open.drain() {
                ledger.became_final(id, FinalStatus::Confirmed, Instant::now());
            }
        }
    });
    run_closed(&target, 3, LoopEnd::Orders(20)).await;
    ends.abort();
    let counts = target.ledger.close().counts;
    assert!(counts.is_complete() && counts.confirmed == 20, "{counts:?}");
    assert!((2..=3).contains(&accepted.lock().unwrap().most_open));
}

#[tokio::test]
async fn client_stops_when_its_request_fails() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = target(&format!("http://{unused}"));
    run_closed(&target, 3, LoopEnd::Orders(20)).await;
    let counts = target.ledger.close().counts;
    assert!(!counts.is_complete() && counts.failed == 3, "{counts:?}");
}

#[test]
fn permits_number_each_order_once() {
    let permits = Permits::new(LoopEnd::Orders(3), Instant::now());
    let numbers: Vec<_> = std::iter::from_fn(|| permits.take()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert_eq!(permits.take(), None);
}

#[test]
fn permits_end_when_time_is_over() {
    let until = LoopEnd::Elapsed { before: Duration::ZERO, counted: Duration::ZERO };
    let permits = Permits::new(until, Instant::now());
    assert_eq!(permits.take(), None);
}
