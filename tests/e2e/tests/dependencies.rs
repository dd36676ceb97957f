//! Who may depend on whom, checked over `cargo metadata`. Each rule is a test, with its reason.

use std::{collections::BTreeSet, sync::OnceLock};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package};

/// Runtimes, sockets, databases, brokers and HTTP: what touches the outside world.
const IO_CRATES: [&str; 14] = [
    "async-std",
    "axum",
    "hyper",
    "mio",
    "rdkafka",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tower",
    "ureq",
];

/// What cargo knows of the whole workspace.
struct Workspace {
    metadata: Metadata,
}

fn workspace() -> &'static Workspace {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let mut command = MetadataCommand::new();
        command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));
        // What this machine builds is there already; what another would build needn't be fetched for this.
        command.other_options(["--offline", "--filter-platform", "host-tuple"].map(str::to_owned));
        Workspace { metadata: command.exec().expect("cargo knows the workspace") }
    })
}

impl Workspace {
    fn members(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    /// The members in a folder of the workspace.
    fn members_in(&self, folder: &str) -> BTreeSet<&str> {
        let folder = self.metadata.workspace_root.join(folder);
        let inside = self.members().filter(|package| package.manifest_path.starts_with(&folder));
        let names: BTreeSet<_> = inside.map(|package| package.name.as_str()).collect();
        assert!(!names.is_empty(), "nothing is in {folder}");
        names
    }

    fn member(&self, name: &str) -> &Package {
        self.members().find(|package| package.name == name).unwrap_or_else(|| panic!("there is no crate {name}"))
    }

    fn node(&self, package: &Package) -> &Node {
        let resolve = self.metadata.resolve.as_ref().expect("asked for");
        resolve.nodes.iter().find(|node| node.id == package.id).expect("every package is resolved")
    }

    /// What a member names in its own manifest: for its code, or also for its tests and build script.
    fn named_by(&self, member: &str, also_for_tests: bool) -> BTreeSet<&str> {
        let dependencies = self.member(member).dependencies.iter();
        let named = dependencies.filter(|dependency| also_for_tests || dependency.kind == DependencyKind::Normal);
        named.map(|dependency| dependency.name.as_str()).collect()
    }

    /// The members whose code or tests name a crate.
    fn who_names(&self, krate: &str) -> BTreeSet<&str> {
        let names = self.members().map(|package| package.name.as_str());
        names.filter(|name| self.named_by(name, true).contains(krate)).collect()
    }

    /// All that is linked with a member's code, however far away.
    fn reached_by(&self, member: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![self.member(member)];
        while let Some(package) = open.pop() {
            let linked = self.node(package).deps.iter();
            let linked = linked.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            for dep in linked {
                let next = &self.metadata[&dep.pkg];
                if reached.insert(next.name.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    }
}

/// Fails with all names that are in both.
fn assert_apart(who: &str, has: &BTreeSet<&str>, forbidden: &BTreeSet<&str>, reason: &str) {
    let both: Vec<_> = has.intersection(forbidden).collect();
    assert!(both.is_empty(), "{who} depends on {both:?}, but {reason}");
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn contracts_know_no_io() {
    let reason = "contracts are read by services, tests and tools alike, none of which must bring a runtime for it";
    assert_apart("contracts", &workspace().reached_by("contracts"), &set(IO_CRATES), reason);
}

#[test]
fn contracts_know_no_other_crate_of_this_workspace() {
    let members: BTreeSet<_> = workspace().members().map(|package| package.name.as_str()).collect();
    let reason = "what the services share is the lowest layer: whatever it knew, all would know";
    assert_apart("contracts", &workspace().reached_by("contracts"), &members, reason);
}

#[test]
fn only_the_developer_command_knows_how_contracts_are_compared() {
    let reason = "services read contracts; comparing and changing them is for people, through a binary of its own";
    assert_eq!(workspace().who_names("contract-tools"), set([]), "{reason}");
    let forbidden = set(["decider", "store", "messaging", "runtime", "web", "providers"].into_iter().chain(IO_CRATES));
    let reason = "it must build quickly, and say the same wherever it runs";
    assert_apart("contract-tools", &workspace().reached_by("contract-tools"), &forbidden, reason);
}

#[test]
fn only_the_previous_order_service_knows_the_previous_contracts() {
    let reason = "they are there for tests of upgrades, and nobody may come to rest on them";
    assert_eq!(workspace().who_names("contracts-2026-10"), set(["order-2026-10"]), "{reason}");
    assert_eq!(workspace().who_names("order-2026-10"), set([]), "{reason}");
}

#[test]
fn the_core_knows_neither_the_shell_nor_sql_nor_kafka() {
    let forbidden =
        set(["store", "messaging", "runtime", "web", "telemetry", "providers"].into_iter().chain(IO_CRATES));
    let reason = "a decision is pure: what it needs from outside comes in as data";
    assert_apart("decider", &workspace().reached_by("decider"), &forbidden, reason);
}

#[test]
fn services_do_not_know_each_other() {
    let services = workspace().members_in("services");
    for service in &services {
        let others = &services - &set([*service]);
        let reason = "services meet at the contracts only, so that each can be replaced alone";
        assert_apart(service, &workspace().reached_by(service), &others, reason);
        assert_apart(service, &workspace().named_by(service, true), &others, reason);
    }
}

#[test]
fn services_know_the_shell_and_not_what_it_is_made_of() {
    let forbidden = set(["store", "messaging", "telemetry", "rdkafka", "rusqlite", "tokio-postgres", "tokio"]);
    for service in workspace().members_in("services") {
        let reason = "consuming, storing and publishing are written once, in the shell";
        assert_apart(service, &workspace().named_by(service, false), &forbidden, reason);
    }
}

#[test]
fn only_messaging_knows_the_kafka_client() {
    let reason = "its settings are what the delivery guarantees rest on; end-to-end tests play foreign producers, and the \
                  load generator measures from outside";
    assert_eq!(workspace().who_names("rdkafka"), set(["loadgen", "chaos", "e2e", "messaging"]), "{reason}");
}

#[test]
fn only_the_store_and_the_simulated_providers_know_sqlite() {
    let reason = "storage is behind one interface; a provider is somebody else's system with a file of its own";
    assert_eq!(workspace().who_names("rusqlite"), set(["providers", "store"]), "{reason}");
}

#[test]
fn nobody_depends_on_the_operators_command() {
    let reason = "it is a program at the edge: the suite does all of its work without it";
    assert_eq!(workspace().who_names("sagactl"), set([]), "{reason}");
}

#[test]
fn the_operators_command_knows_neither_the_kafka_client_nor_sql() {
    let reason =
        "it reads topics, writes records and opens databases by what the services do it with, and so as they do";
    assert_apart(
        "sagactl",
        &workspace().named_by("sagactl", true),
        &set(["rdkafka", "rusqlite", "tokio-postgres"]),
        reason,
    );
}

#[test]
fn only_the_store_knows_postgresql() {
    let reason = "storage is behind one interface; end-to-end tests and the load generator make databases for it";
    assert_eq!(workspace().who_names("tokio-postgres"), set(["loadgen", "e2e", "store"]), "{reason}");
}

#[test]
fn shared_crates_do_not_know_services() {
    let services = workspace().members_in("services");
    for shared in workspace().members_in("shared") {
        let reason = "a fifth service must need no change in what is shared";
        assert_apart(shared, &workspace().named_by(shared, true), &services, reason);
        assert_apart(shared, &workspace().reached_by(shared), &services, reason);
    }
}

#[test]
fn the_local_suite_knows_the_services_as_processes_only() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let reason = "it starts binaries and talks HTTP, as a user would: linking their code would hide what a user meets";
    assert_apart("xtask", &workspace().reached_by("xtask"), &(&shared | &services), reason);
}

#[test]
fn the_local_suite_compiles_without_a_kafka_client() {
    let reason = "it is compiled before anything can be run, and librdkafka alone takes longer than all of it";
    assert_apart("xtask", &workspace().reached_by("xtask"), &set(["rdkafka", "tokio"]), reason);
}

#[test]
fn the_chaos_test_looks_at_the_suite_from_outside() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let forbidden = &(&shared - &set(["contracts", "providers"])) | &services;
    let reason =
        "it checks what the services did by what anybody can see: their APIs, their events, and the providers' ledgers";
    assert_apart("chaos", &workspace().named_by("chaos", true), &forbidden, reason);
    assert_apart("chaos", &workspace().reached_by("chaos"), &services, reason);
}

#[test]
fn nobody_depends_on_planted_bugs() {
    let reason = "its binaries are started by tests, which look at what is done about them";
    assert_eq!(workspace().who_names("planted"), set([]), "{reason}");
}

#[test]
fn nobody_but_the_planted_services_can_have_bugs_on_demand() {
    let reason = "what people run must not be able to do it; see shared/runtime/src/planted.rs";
    for package in workspace().members() {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.name == "runtime") {
            assert!(dependency.features.is_empty(), "{} turns on {:?}: {reason}", package.name, dependency.features);
        }
        let turns_on = |(feature, turned_on): (&String, &Vec<String>)| {
            turned_on.iter().any(|name| name.contains("planted-bugs")).then(|| feature.clone())
        };
        let features: Vec<_> = package.features.iter().filter_map(turns_on).collect();
        let expected: &[&str] = if package.name.as_str() == "planted" { &["planted-bugs"] } else { &[] };
        assert_eq!(features, expected, "{}: {reason}", package.name);
    }
}

#[test]
fn the_load_generator_knows_of_the_suite_what_any_consumer_may_know() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let forbidden = &(&shared - &set(["contracts"])) | &services;
    let reason =
        "it measures from outside, by HTTP and events: code that it shared would be measured with its own mistakes";
    assert_apart("loadgen", &workspace().reached_by("loadgen"), &forbidden, reason);
}

#[test]
fn nobody_depends_on_the_load_generator() {
    assert_eq!(workspace().who_names("loadgen"), set([]), "it is a program at the edge");
}
