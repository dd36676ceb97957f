//! Output that needs no suite: help, choreography and errors.

use e2e::sagactl::{command, run};
use xtask::ports;

#[test]
fn help_lists_every_command_and_examples() {
    let help = run(&mut command(&["--help"])).expect_exit_code(0).stdout;
    for word in ["dead-letters", "orders", "rebuild", "choreography", "lag", "backlog", "Examples:", "ORDER_URL"] {
        assert!(help.contains(word), "the help contains {word}: {help}");
    }
}

#[test]
fn choreography_lists_declared_reactions() {
    let table = run(&mut command(&["choreography"])).expect_exit_code(0).stdout;
    assert!(table.lines().any(|line| line.contains("shipping") && line.contains("StockCommitted")), "{table}");
    let lines = run(&mut command(&["choreography", "--service", "payment", "-o", "json"])).expect_exit_code(0).json();
    let charges = lines.as_array().expect("a list").iter().find(|line| line["when"] == "StockReserved");
    assert_eq!(charges.expect("payment reacts to StockReserved")["does"], "charges");
}

#[test]
fn invalid_arguments_exit_with_64() {
    for arguments in [
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
        let output = run(&mut command(arguments)).expect_exit_code(64);
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn unknown_kafka_property_is_named() {
    let output = run(command(&["lag"]).env("KAFKA_NO_SUCH_PROPERTY", "1")).expect_exit_code(64);
    assert!(output.stderr.contains("KAFKA_NO_SUCH_PROPERTY"), "{output:?}");
}

#[test]
fn unavailable_server_is_named() {
    let address = format!("127.0.0.1:{}", ports::free().expect("a port is free"));
    let list = run(command(&["orders", "list"]).env("ORDER_URL", format!("http://{address}"))).expect_exit_code(1);
    assert!(list.stderr.contains(&address), "{list:?}");
    let lag = run(&mut command(&["lag", "--kafka", &address])).expect_exit_code(1);
    assert!(lag.stderr.contains(&address), "{lag:?}");
}
