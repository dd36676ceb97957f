//! Allowed dependencies between crates, checked over `cargo metadata`. Each rule is a test, with its reason.

use std::{collections::BTreeSet, sync::OnceLock};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package};

/// Crates that perform I/O: runtimes, sockets, databases, brokers and HTTP.
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

/// Cargo's metadata of the whole workspace.
struct Workspace {
    metadata: Metadata,
}

fn workspace() -> &'static Workspace {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let mut command = MetadataCommand::new();
        command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));
        // Dependencies for this platform have been downloaded by the build; those of others need not be.
        command.other_options(["--offline", "--filter-platform", "host-tuple"].map(str::to_owned));
        Workspace { metadata: command.exec().expect("failed to read the workspace") }
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
        assert!(!names.is_empty(), "no crate in {folder}");
        names
    }

    fn member(&self, name: &str) -> &Package {
        self.members().find(|package| package.name == name).unwrap_or_else(|| panic!("there is no crate {name}"))
    }

    fn node(&self, package: &Package) -> &Node {
        let resolve = self.metadata.resolve.as_ref().expect("metadata was requested with dependencies");
        resolve.nodes.iter().find(|node| node.id == package.id).expect("every package is resolved")
    }

    /// Crates in a member's own manifest: those of its code, or also those of its tests and build script.
    fn direct_dependencies(&self, member: &str, also_for_tests: bool) -> BTreeSet<&str> {
        let dependencies = self.member(member).dependencies.iter();
        let named = dependencies.filter(|dependency| also_for_tests || dependency.kind == DependencyKind::Normal);
        named.map(|dependency| dependency.name.as_str()).collect()
    }

    /// Members whose code or tests depend on a crate directly.
    fn dependents_of(&self, krate: &str) -> BTreeSet<&str> {
        let names = self.members().map(|package| package.name.as_str());
        names.filter(|name| self.direct_dependencies(name, true).contains(krate)).collect()
    }

    /// Crates linked with a member's code, directly or indirectly.
    fn all_dependencies(&self, member: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![self.member(member)];
        while let Some(package) = open.pop() {
            let linked = self.node(package).deps.iter();
            let linked = linked.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            for dep in linked {
                let next = &self.metadata[&dep.pkg];
                if found.insert(next.name.as_str()) {
                    open.push(next);
                }
            }
        }
        found
    }
}

/// Fails with all names that are in both sets.
fn assert_apart(name: &str, has: &BTreeSet<&str>, forbidden: &BTreeSet<&str>, reason: &str) {
    let both: Vec<_> = has.intersection(forbidden).collect();
    assert!(both.is_empty(), "{name} depends on {both:?}, but {reason}");
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn contracts_have_no_io() {
    let reason = "services, tests and tools read contracts; none of them should need an async runtime for that";
    for krate in ["cloudevent", "contracts"] {
        assert_apart(krate, &workspace().all_dependencies(krate), &set(IO_CRATES), reason);
    }
}

#[test]
fn contracts_use_catalog_and_cloudevent_only() {
    let members: BTreeSet<_> = workspace().members().map(|package| package.name.as_str()).collect();
    let reason = "contracts are the lowest layer: every crate would inherit their dependencies";
    let allowed = set(["catalog", "cloudevent"]);
    assert_apart("contracts", &workspace().all_dependencies("contracts"), &(&members - &allowed), reason);
    for krate in allowed {
        assert_apart(krate, &workspace().all_dependencies(krate), &members, reason);
    }
}

#[test]
fn generic_crates_do_not_depend_on_the_domain() {
    let services = workspace().members_in("services");
    let forbidden = &services | &set(["catalog", "contracts", "providers"]);
    let reason = "a fork with another domain keeps these crates as they are";
    for krate in repository::domain::GENERIC {
        assert_apart(krate, &workspace().all_dependencies(krate), &forbidden, reason);
    }
}

#[test]
fn second_domain_does_not_depend_on_the_first() {
    let forbidden = &workspace().members_in("services") | &set(["catalog", "contracts", "providers"]);
    let reason = "it proves that the generic crates suffice for another domain";
    assert_apart("trip", &workspace().direct_dependencies("trip", false), &forbidden, reason);
}

#[test]
fn contract_tools_stand_alone() {
    let reason = "services read contracts; people compare and change them, with a separate program";
    assert_eq!(workspace().dependents_of("contract-tools"), set([]), "{reason}");
    let forbidden = set(["decider", "store", "messaging", "runtime", "web", "providers"].into_iter().chain(IO_CRATES));
    let reason = "it must build quickly and report the same everywhere";
    assert_apart("contract-tools", &workspace().all_dependencies("contract-tools"), &forbidden, reason);
}

#[test]
fn only_the_previous_order_service_uses_previous_contracts() {
    let reason = "they exist for upgrade tests only";
    assert_eq!(workspace().dependents_of("contracts-2026-10"), set(["order-2026-10"]), "{reason}");
    assert_eq!(workspace().dependents_of("order-2026-10"), set([]), "{reason}");
}

#[test]
fn decider_has_no_io() {
    let forbidden =
        set(["store", "messaging", "runtime", "web", "telemetry", "providers"].into_iter().chain(IO_CRATES));
    let reason = "a decision is pure: time and responses of providers arrive as data";
    assert_apart("decider", &workspace().all_dependencies("decider"), &forbidden, reason);
}

#[test]
fn services_do_not_depend_on_each_other() {
    let services = workspace().members_in("services");
    for service in &services {
        let others = &services - &set([*service]);
        let reason = "services share contracts only, so that each can be replaced separately";
        assert_apart(service, &workspace().all_dependencies(service), &others, reason);
        assert_apart(service, &workspace().direct_dependencies(service, true), &others, reason);
    }
}

#[test]
fn services_use_the_runtime_only() {
    let forbidden = set(["store", "messaging", "telemetry", "rdkafka", "rusqlite", "tokio-postgres", "tokio"]);
    for service in workspace().members_in("services") {
        let reason = "consuming, storing and publishing are implemented once, in the runtime";
        assert_apart(service, &workspace().direct_dependencies(service, false), &forbidden, reason);
    }
}

#[test]
fn only_messaging_uses_the_kafka_client() {
    let reason = "the delivery guarantees rest on its settings; end-to-end tests act as foreign producers, and the load \
                  generator measures from outside";
    assert_eq!(workspace().dependents_of("rdkafka"), set(["loadgen", "chaos", "e2e", "messaging", "trip"]), "{reason}");
}

#[test]
fn only_store_simulators_and_loadgen_use_sqlite() {
    let reason = "storage is behind one interface; a simulated provider is a foreign system with its own file; the load \
                  generator measures a commit alone";
    assert_eq!(workspace().dependents_of("rusqlite"), set(["loadgen", "providers", "store"]), "{reason}");
}

#[test]
fn nothing_depends_on_sagactl() {
    let reason = "it is optional: the suite works without it";
    assert_eq!(workspace().dependents_of("sagactl"), set([]), "{reason}");
}

#[test]
fn sagactl_has_no_kafka_client_or_sql() {
    let reason = "it reads topics, writes records and opens databases through the crates that the services use";
    assert_apart(
        "sagactl",
        &workspace().direct_dependencies("sagactl", true),
        &set(["rdkafka", "rusqlite", "tokio-postgres"]),
        reason,
    );
}

#[test]
fn only_the_store_uses_postgresql() {
    let reason = "storage is behind one interface; end-to-end tests and the load generator create databases for it";
    assert_eq!(workspace().dependents_of("tokio-postgres"), set(["loadgen", "e2e", "store"]), "{reason}");
}

#[test]
fn shared_crates_do_not_depend_on_services() {
    let services = workspace().members_in("services");
    for shared in workspace().members_in("shared") {
        let reason = "a new service must need no change in shared code";
        assert_apart(shared, &workspace().direct_dependencies(shared, true), &services, reason);
        assert_apart(shared, &workspace().all_dependencies(shared), &services, reason);
    }
}

#[test]
fn xtask_uses_services_as_processes_only() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let forbidden = &(&shared - &set(["catalog"])) | &services;
    let reason = "it starts binaries and uses HTTP as a user would; linked code would hide problems that users meet";
    assert_apart("xtask", &workspace().all_dependencies("xtask"), &forbidden, reason);
}

#[test]
fn xtask_compiles_without_a_kafka_client() {
    let reason = "it is compiled before anything can run, and librdkafka alone takes longer to compile than all of it";
    assert_apart("xtask", &workspace().all_dependencies("xtask"), &set(["rdkafka", "tokio"]), reason);
}

#[test]
fn chaos_checks_from_outside() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let forbidden = &(&shared - &set(["catalog", "cloudevent", "contracts", "providers"])) | &services;
    let reason = "it checks the services by their APIs, their events and the providers' ledgers, as any observer could";
    assert_apart("chaos", &workspace().direct_dependencies("chaos", true), &forbidden, reason);
    assert_apart("chaos", &workspace().all_dependencies("chaos"), &services, reason);
}

#[test]
fn nothing_depends_on_planted_bugs() {
    let reason = "tests start its binaries and expect the checker to find the bugs";
    assert_eq!(workspace().dependents_of("planted"), set([]), "{reason}");
}

#[test]
fn only_planted_services_run_with_faults() {
    let reason = "production binaries must not contain fault injection";
    assert_eq!(workspace().dependents_of("faults"), set(["planted"]), "{reason}");
    let runtime = workspace().members().find(|package| package.name == "runtime").expect("the runtime is a member");
    let features = runtime.features.keys().map(String::as_str);
    assert_eq!(set(features), set(["benches"]), "the runtime has a feature for faults: {reason}");
}

#[test]
fn loadgen_depends_on_catalog_and_contracts_only() {
    let shared = workspace().members_in("shared");
    let services = workspace().members_in("services");
    let forbidden = &(&shared - &set(["catalog", "cloudevent", "contracts"])) | &services;
    let reason = "it measures from outside, by HTTP and events; shared code would be measured with its own mistakes";
    assert_apart("loadgen", &workspace().all_dependencies("loadgen"), &forbidden, reason);
}

#[test]
fn nothing_depends_on_loadgen() {
    assert_eq!(workspace().dependents_of("loadgen"), set([]), "it is optional");
}
