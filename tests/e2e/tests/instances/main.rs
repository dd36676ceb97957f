//! The services on PostgreSQL: several instances of each side by side, and what is left of one that dies.

use std::thread;

use e2e::{Databases, NewOrder, PATIENCE, Shop, Stream, must};
use xtask::{Postgres, Progress, ServiceName, Suite, Workspace, postgres::Durability, wait_until};

/// Orders placed around each death.
const ORDERS: usize = 18;

/// How many transactions an instance has made.
fn transactions(suite: &Suite, service: ServiceName) -> f64 {
    let metrics = must(suite.client(service).get("/metrics")).body;
    let lines = metrics.as_str().unwrap_or_default().lines();
    let counts = lines.filter(|line| line.starts_with("saga_batch_size") && line.contains("_count"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[track_caller]
fn until_all_is_published(shop: &Shop, service: ServiceName) {
    must(wait_until(&format!("{service}'s outbox to be published"), PATIENCE, || match shop.outbox_len(service) {
        0 => Ok(()),
        waiting => Err(format!("{waiting} wait")),
    }));
}

#[test]
fn three_instances_of_each_service_share_the_work_and_see_the_same() {
    let databases = Databases::create();
    let shop = Shop::open_with(|suite| databases.choose(suite));
    let others = [1, 2].map(|instance| databases.another(&shop, instance, |suite| suite));
    let stream = Stream::new(&shop);
    // One product that all instances of inventory want at once.
    stream.place(48);
    stream.must_end_well();
    for other in &others {
        for service in ServiceName::all() {
            assert!(transactions(other, service) > 0.0, "each instance of {service} has partitions of its own");
        }
        let (order, _) = stream.placed()[0];
        let path = format!("/orders/{order}");
        let seen = must(must(other.client(ServiceName::Order).get(&path)).expect_status(200));
        assert_eq!(seen, shop.look(ServiceName::Order, &path));
    }
    drop(others);
    shop.close();
}

/// The first instance is the one that publishes, for it was there first. It publishes slowly, so that its outbox is full when
/// it ends. The other must publish that, and all goes well when the first is there again.
#[track_caller]
fn the_other_must_publish(end: fn(&Shop, ServiceName), begin_again: fn(&Shop, ServiceName)) {
    let slowly = |suite: xtask::suite::Builder| suite.env_for(ServiceName::Order, "PUBLISH_RATE_MAX", "4");
    let databases = Databases::create();
    let shop = Shop::open_with(|suite| slowly(databases.choose(suite)));
    let other = databases.another(&shop, 1, slowly);
    let stream = Stream::new(&shop);
    stream.place(ORDERS);
    end(&shop, ServiceName::Order);
    let left = shop.outbox_len(ServiceName::Order);
    assert!(left > 0, "it ended with nothing left to publish");
    println!("{left} events were left in the outbox");
    until_all_is_published(&shop, ServiceName::Order);
    begin_again(&shop, ServiceName::Order);
    stream.must_end_well();
    drop(other);
    shop.close();
}

#[test]
fn what_a_dead_instance_has_not_published_another_publishes() {
    the_other_must_publish(Shop::kill, Shop::start);
}

/// It is not dead: its connections are open, and the lock is its own. But it does nothing.
#[test]
fn an_instance_that_stands_still_is_not_waited_for() {
    the_other_must_publish(Shop::pause, Shop::resume);
}

#[test]
fn each_instance_that_leads_dies_in_the_middle_of_orders_and_another_goes_on() {
    let databases = Databases::create();
    let shop = Shop::open_with(|suite| databases.choose(suite));
    let other = databases.another(&shop, 1, |suite| suite);
    let stream = Stream::new(&shop);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| stream.place(ORDERS));
            stream.wait_until_placed(ORDERS * round + ORDERS / 3);
            shop.kill(service);
            until_all_is_published(&shop, service);
            shop.start(service);
        });
    }
    stream.must_end_well();
    drop(other);
    shop.close();
}

/// Nobody comes back: what the dead one had under way, its partitions and the calls that it had begun, the other takes over.
#[test]
fn an_instance_that_stays_dead_is_not_missed() {
    let databases = Databases::create();
    let shop = Shop::open_with(|suite| databases.choose(suite));
    let other = databases.another(&shop, 1, |suite| suite);
    let product = shop.product(1250, 100);
    let orders: Vec<_> = (0..20).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for service in [ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping] {
        shop.kill(service);
    }
    for order in orders {
        shop.wait_until_confirmed(order);
    }
    let stock =
        must(must(other.client(ServiceName::Inventory).get(&format!("/stock/{}", product.sku))).expect_status(200));
    assert_eq!(must(serde_json::from_value::<e2e::Stock>(stock)), product.stock(0, 20));
}

/// Orders that come while the server is away wait for it, and so does everything else.
#[test]
fn a_database_server_that_crashes_is_waited_for() {
    let mut server = must(Postgres::own(&must(Workspace::find()), Durability::UntilItStops, Progress::quiet()));
    let databases = Databases::create_on(&server);
    let shop = Shop::open_with(|suite| databases.choose(suite));
    let stream = Stream::new(&shop);
    thread::scope(|scope| {
        scope.spawn(|| stream.place(3 * ORDERS));
        for time in 1..=2 {
            stream.wait_until_placed(ORDERS * time);
            must(server.crash());
            must(server.start());
        }
    });
    stream.must_end_well();
    shop.close();
}
