//! Packages and image targets in the Dockerfile.

use catalog::ServiceName;

/// Regions of `deploy/docker/Dockerfile`.
pub(super) fn images() -> Vec<(&'static str, String)> {
    let names: Vec<&str> = ServiceName::all().map(ServiceName::name).collect();
    vec![
        ("packages", format!("ARG PACKAGES=\"{} sagactl\"\n", names.join(" "))),
        ("targets", ServiceName::all().map(target).collect()),
    ]
}

fn target(service: ServiceName) -> String {
    let ledger = service.provider().map(|it| format!(" SIMULATOR_DB_PATH=/data/{}", it.ledger)).unwrap_or_default();
    format!(
        "FROM service AS {service}
COPY --from=build /built/{service} /usr/local/bin/
ENV DATABASE_URL=sqlite:/data/{service}.db{ledger}
HEALTHCHECK CMD [\"{service}\", \"--health\"]
ENTRYPOINT [\"{service}\"]

"
    )
}
