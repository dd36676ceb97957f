//! Arguments and variables of the services' binaries. Invalid ones are rejected before Kafka is needed.

use std::process::{Command, Output, Stdio};

use catalog::ServiceName;
use e2e::{TEST_TIMEOUT, binary};
use xtask::wait_until;

/// Runs a service and asserts that it exits without a signal.
#[track_caller]
fn run(service: ServiceName, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary(service));
    // A service that starts by mistake must not disturb other tests: its files are in the build directory, its port is
    // free.
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).env("HTTP_ADDR", "127.0.0.1:0").env_remove("RUST_LOG");
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let ended = wait_until(&format!("the end of {service}"), TEST_TIMEOUT / 6, || match child.try_wait() {
        Ok(Some(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    if let Err(error) = ended {
        child.kill().expect("the process is killed");
        panic!("{error:#}: {:?}", child.wait_with_output());
    }
    child.wait_with_output().expect("the output is readable")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that a service exits with 64 and names all these variables.
#[track_caller]
fn assert_rejected(service: ServiceName, variables: &[(&str, &str)]) {
    let output = run(service, &[], variables);
    let error = text(&output.stderr);
    for (name, _) in variables {
        assert!(error.contains(name), "{service} names {name}: {output:?}");
    }
    assert_eq!(output.status.code(), Some(64), "{service} with {variables:?}: {error}");
}

#[test]
fn help_lists_every_variable() {
    let own = |service| match service {
        ServiceName::Order => "ORDER_DEADLINE_S",
        ServiceName::Inventory => "DATABASE_URL",
        ServiceName::Payment | ServiceName::Shipping => "SIMULATOR_DB_PATH",
    };
    let common = ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC_PREFIX", "DATABASE_URL", "HTTP_ADDR", "RUST_LOG", "KAFKA_"];
    for service in ServiceName::all() {
        for argument in ["--help", "-h"] {
            let output = run(service, &[argument], &[]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let help = text(&output.stdout);
            for name in common.into_iter().chain([own(service)]) {
                assert!(help.contains(name), "the help of {service} lists {name}: {help}");
            }
        }
    }
}

#[test]
fn help_succeeds_with_invalid_configuration() {
    assert_eq!(run(ServiceName::Order, &["--help"], &[("HTTP_ADDR", "nowhere")]).status.code(), Some(0));
}

#[test]
fn unknown_argument_is_rejected() {
    for service in ServiceName::all() {
        let output = run(service, &["--colour"], &[]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains("--colour"), "{output:?}");
    }
}

#[test]
fn all_invalid_variables_are_reported_at_once() {
    let invalid = [("HTTP_ADDR", "nowhere"), ("KAFKA_TOPIC_PARTITIONS", "many"), ("LOG_FORMAT", "xml")];
    for service in ServiceName::all() {
        assert_rejected(service, &invalid);
    }
}

#[test]
fn service_variables_are_checked_with_shared_ones() {
    assert_rejected(ServiceName::Order, &[("ORDER_DEADLINE_S", "soon"), ("LOG_FORMAT", "xml")]);
    assert_rejected(ServiceName::Order, &[("ORDER_DEADLINE_S", "-1")]);
}

#[test]
fn unknown_database_kind_is_rejected() {
    assert_rejected(ServiceName::Order, &[("DATABASE_URL", "oracle://localhost/orders"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn zero_partitions_are_rejected() {
    assert_rejected(ServiceName::Order, &[("KAFKA_TOPIC_PARTITIONS", "0"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn unknown_kafka_property_is_rejected() {
    assert_rejected(ServiceName::Order, &[("KAFKA_COLOUR", "red"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn invalid_log_filter_is_rejected() {
    assert_rejected(ServiceName::Order, &[("RUST_LOG", "runtime=loud"), ("LOG_FORMAT", "xml")]);
}

#[test]
fn passwords_are_not_printed() {
    let url = "oracle://shop:s3cret@localhost/orders";
    let output = run(ServiceName::Order, &[], &[("DATABASE_URL", url)]);
    assert!(!text(&output.stderr).contains("s3cret") && !text(&output.stdout).contains("s3cret"), "{output:?}");
}
