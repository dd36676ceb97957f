//! What the command says by itself, and what it says to nonsense.

use e2e::operator::{run, sagactl};
use xtask::ports;

#[test]
fn help_has_every_command_and_examples() {
    let help = run(&mut sagactl(&["--help"])).must_end_with(0).stdout;
    for word in ["dead-letters", "orders", "rebuild", "choreography", "lag", "backlog", "Examples:", "ORDER_URL"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn the_choreography_is_what_the_services_declare() {
    let table = run(&mut sagactl(&["choreography"])).must_end_with(0).stdout;
    assert!(table.lines().any(|line| line.contains("shipping") && line.contains("StockCommitted")), "{table}");
    let lines = run(&mut sagactl(&["choreography", "--service", "payment", "-o", "json"])).must_end_with(0).json();
    let charges = lines.as_array().expect("a list").iter().find(|line| line["when"] == "StockReserved");
    assert_eq!(charges.expect("it charges")["does"], "charges");
}

#[test]
fn nonsense_is_refused_as_the_services_refuse_it() {
    for nonsense in [
        &["dance"][..],
        &["orders", "show", "seven"],
        &["dead-letters", "redrive"],
        &["dead-letters", "discard"],
        &["dead-letters", "redrive", "inventory/0"],
        &["dead-letters", "redrive", "inventory/0/1", "--all"],
        &["dead-letters", "redrive", "inventory/0/1", "--class", "panic"],
        &["dead-letters", "list", "--since", "yesterday"],
        &["dead-letters", "list", "--service", "nobody"],
        &["rebuild", "order"],
        &["rebuild", "order", "--check", "--at", "3"],
        &["rebuild", "order", "--stream", "order-1", "--at", "soon"],
    ] {
        let ran = run(&mut sagactl(nonsense)).must_end_with(64);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{nonsense:?}: {ran:?}");
    }
    let ran = run(sagactl(&["lag"]).env("KAFKA_NO_SUCH_PROPERTY", "1")).must_end_with(64);
    assert!(ran.stderr.contains("KAFKA_NO_SUCH_PROPERTY"), "{ran:?}");
}

#[test]
fn who_is_away_is_named() {
    let port = ports::free().expect("a port");
    let address = format!("127.0.0.1:{port}");
    let ran = run(sagactl(&["orders", "list"]).env("ORDER_URL", format!("http://{address}"))).must_end_with(1);
    assert!(ran.stderr.contains(&address), "{ran:?}");
    let ran = run(&mut sagactl(&["lag", "--kafka", &address])).must_end_with(1);
    assert!(ran.stderr.contains(&address), "{ran:?}");
}
