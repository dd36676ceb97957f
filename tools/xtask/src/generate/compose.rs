//! Services, databases and volumes in the Compose files.

use std::fmt::Write as _;

use catalog::ServiceName;

/// Text for every service, one after the other.
fn for_each(template: impl Fn(ServiceName) -> String) -> String {
    ServiceName::all().map(template).collect()
}

/// Regions of `docker-compose.yml`.
pub(super) fn suite() -> Vec<(&'static str, String)> {
    vec![
        ("services", services()),
        ("operator URLs", for_each(|it| format!("      {}_URL: http://{it}:8080\n", it.name().to_uppercase()))),
        ("operator volumes", for_each(|it| format!("      - {it}:/databases/{it}\n"))),
        ("databases", databases()),
        ("volumes", for_each(|it| format!("  {it}:\n")) + &for_each(|it| format!("  {it}-postgres:\n"))),
    ]
}

/// Regions of `deploy/compose/postgres.yml`.
pub(super) fn postgres() -> Vec<(&'static str, String)> {
    let service = |it| {
        format!(
            "  {it}:
    environment: {{ DATABASE_URL: \"postgres://{it}:{it}@{it}-postgres/{it}\" }}
    depends_on: {{ {it}-postgres: {{ condition: service_healthy }} }}
"
        )
    };
    let server = |it| format!("  {it}-postgres: {{ profiles: !reset [] }}\n");
    vec![("services", for_each(service)), ("databases", for_each(server))]
}

fn services() -> String {
    let mut text = String::new();
    for it in ServiceName::all() {
        let (name, port) = (it.name().to_uppercase(), it.port());
        write!(
            text,
            "  {it}:
    <<: *service
    build: {{ context: ., dockerfile: deploy/docker/Dockerfile, target: {it} }}
    environment: *environment
    ports: [\"127.0.0.1:${{SAGA_{name}_PORT:-{port}}}:8080\"]
    volumes: [{it}:/data]

"
        )
        .ok();
    }
    text
}

fn databases() -> String {
    for_each(|it| {
        format!(
            "  {it}-postgres:
    <<: *postgres
    environment: {{ POSTGRES_USER: {it}, POSTGRES_PASSWORD: {it}, PGUSER: {it} }}
    volumes: [{it}-postgres:/var/lib/postgresql/data]

"
        )
    })
}
