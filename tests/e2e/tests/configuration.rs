//! The binaries' arguments and variables. No Kafka is needed for what is wrong before it is asked.

use std::process::{Command, Output, Stdio};

use e2e::{PATIENCE, binary, must};
use xtask::{ServiceName, wait_until};

/// Runs a service that must end by itself.
#[track_caller]
fn run(service: ServiceName, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary(service));
    // One that starts after all is in nobody's way: its files are build products, its port is any.
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).env("HTTP_ADDR", "127.0.0.1:0").env_remove("RUST_LOG");
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let mut child = must(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    let ended = wait_until(&format!("the end of {service}"), PATIENCE / 6, || match child.try_wait() {
        Ok(Some(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    if let Err(error) = ended {
        must(child.kill());
        panic!("{error:#}: {:?}", child.wait_with_output());
    }
    must(child.wait_with_output())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Must end with 64 and name all of these.
#[track_caller]
fn refused(service: ServiceName, variables: &[(&str, &str)]) {
    let output = run(service, &[], variables);
    let complaint = text(&output.stderr);
    for (name, _) in variables {
        assert!(complaint.contains(name), "{service} says nothing of {name}: {output:?}");
    }
    assert_eq!(output.status.code(), Some(64), "{service} with {variables:?}: {complaint}");
}

#[test]
fn help_tells_every_variable() {
    let own = [
        (ServiceName::Order, "ORDER_DEADLINE_S"),
        (ServiceName::Inventory, "DATABASE_URL"),
        (ServiceName::Payment, "SIMULATOR_DB_PATH"),
        (ServiceName::Shipping, "SIMULATOR_DB_PATH"),
    ];
    let common = ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX", "DATABASE_URL", "HTTP_ADDR", "RUST_LOG", "KAFKA_"];
    for (service, variable) in own {
        for argument in ["--help", "-h"] {
            let output = run(service, &[argument], &[]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let help = text(&output.stdout);
            for name in common.into_iter().chain([variable]) {
                assert!(help.contains(name), "{service} does not tell {name}: {help}");
            }
        }
    }
}

#[test]
fn help_works_with_a_bad_configuration_too() {
    assert_eq!(run(ServiceName::Order, &["--help"], &[("HTTP_ADDR", "nowhere")]).status.code(), Some(0));
}

#[test]
fn an_unknown_argument_is_refused() {
    for service in ServiceName::all() {
        let output = run(service, &["--colour"], &[]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains("--colour"), "{output:?}");
    }
}

#[test]
fn every_wrong_variable_is_named_at_once() {
    let wrong = [("HTTP_ADDR", "nowhere"), ("KAFKA_TOPIC_PARTITIONS", "many"), ("LOG_FORMAT", "xml")];
    for service in ServiceName::all() {
        refused(service, &wrong);
    }
}

#[test]
fn a_services_own_variable_is_checked_with_the_others() {
    refused(ServiceName::Order, &[("ORDER_DEADLINE_S", "soon"), ("LOG_FORMAT", "xml")]);
    refused(ServiceName::Order, &[("ORDER_DEADLINE_S", "-1")]);
}

#[test]
fn a_database_of_an_unknown_kind_is_refused() {
    refused(ServiceName::Order, &[("DATABASE_URL", "oracle://localhost/orders"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn topics_without_partitions_are_refused() {
    refused(ServiceName::Order, &[("KAFKA_TOPIC_PARTITIONS", "0"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn a_property_that_the_kafka_client_does_not_know_is_refused() {
    refused(ServiceName::Order, &[("KAFKA_COLOUR", "red"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn a_log_filter_that_makes_no_sense_is_refused() {
    refused(ServiceName::Order, &[("RUST_LOG", "shell=loud"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn a_password_in_a_wrong_variable_is_not_told() {
    let url = "oracle://shop:s3cret@localhost/orders";
    let output = run(ServiceName::Order, &[], &[("DATABASE_URL", url)]);
    assert!(!text(&output.stderr).contains("s3cret") && !text(&output.stdout).contains("s3cret"), "{output:?}");
}
