//! SIGTERM: a service finishes what it has begun, and goes on with the rest after its next start.

use std::{io::Write as _, net::TcpStream, thread, time::Duration};

use e2e::{NewOrder, PATIENCE, Shop, Stream, must};
use providers::simulator::cards;
use xtask::{ServiceName, wait_until};

/// How long a service may take to end: supervisors give thirty seconds before they kill.
pub(crate) const END: Duration = Duration::from_secs(25);

#[test]
fn told_to_end_in_the_middle_of_orders_each_service_ends_well_and_nothing_is_lost() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| stream.place(30));
            stream.wait_until_placed(30 * round + 10);
            let ended = shop.terminate(service);
            assert_eq!(ended.code(), Some(0), "{service} ended with {ended}: {}", shop.log(service));
            shop.start(service);
        });
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn what_was_accepted_just_before_the_end_is_not_lost() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    for _ in 0..3 {
        stream.place(5);
        assert_eq!(shop.terminate(ServiceName::Order).code(), Some(0));
        shop.start(ServiceName::Order);
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn a_call_that_is_under_way_is_awaited_and_not_made_again() {
    let shop = Shop::open();
    let product = shop.product(1250, 5);
    let order = shop.place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    let calls = || must(shop.gateway().calls_of(order));
    let arrived = || if calls().is_empty() { Err("none yet") } else { Ok(()) };
    wait_until("the charge at the gateway", PATIENCE, arrived).unwrap();
    assert_eq!(shop.terminate(ServiceName::Payment).code(), Some(0));
    shop.start(ServiceName::Payment);
    shop.wait_until_confirmed(order);
    assert_eq!(calls().len(), 1, "{:?}", calls());
    shop.close();
}

#[test]
fn clients_that_say_nothing_do_not_hold_up_the_end() {
    let shop = Shop::open();
    let address = shop.client(ServiceName::Order).base().trim_start_matches("http://").to_owned();
    let connect = |said: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        stream
    };
    let silent =
        ["", "POST /orders HTTP/1.1\r\ncontent-le", "POST /orders HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"].map(connect);
    shop.ask_to_end(ServiceName::Order);
    let ended = shop.wait_until_ended(ServiceName::Order, END).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", shop.log(ServiceName::Order));
    drop(silent);
}
