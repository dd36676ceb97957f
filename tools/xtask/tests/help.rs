//! Help texts, as committed in `tests/help`. `UPDATE_EXPECT=1 cargo test -p xtask --test help` writes them.

use std::process::Command;

use expect_test::expect_file;

fn help_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).arg("--help").output().expect("xtask runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("help is text")
}

#[test]
fn help_texts_match_the_committed_ones() {
    expect_file!["help/saga.txt"].assert_eq(&help_of(&[]));
    let commands = [
        "bench",
        "bench-micro",
        "broker",
        "compose-test",
        "conformance",
        "contracts",
        "generate",
        "mutants",
        "run",
        "test",
    ];
    for command in commands {
        expect_file![format!("{}/tests/help/{command}.txt", env!("CARGO_MANIFEST_DIR"))]
            .assert_eq(&help_of(&[command]));
    }
    for command in ["start", "status", "stop"] {
        let file = format!("{}/tests/help/broker-{command}.txt", env!("CARGO_MANIFEST_DIR"));
        expect_file![file].assert_eq(&help_of(&["broker", command]));
    }
}
