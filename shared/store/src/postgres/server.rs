//! Connections to a PostgreSQL server and their session settings.

use std::{path::Path, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio_postgres::{
    AsyncMessage, Client, Config, NoTls,
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{StoreError, describe_postgres};

/// Maximum connections of one instance, besides the election's. A server allows 100 by default: enough for three instances of
/// each of four services.
const CONNECTIONS_MAX: usize = 6;
/// Maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle time before a TCP keepalive probe, and interval between probes, on both sides.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL_S: u64 = KEEPALIVE_INTERVAL.as_secs();
/// Number of unanswered probes after which the connection is considered dead.
const KEEPALIVE_PROBES: u32 = 3;
/// Maximum time for the acknowledgement of sent bytes.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// A database of a server.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// The URL for messages, without user and password.
    pub(super) redacted_url: String,
}

/// Asynchronous messages of a session, such as notifications.
pub(super) type Messages = BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>;

impl Server {
    /// Parses a URL. Connections are encrypted only if the URL contains `sslmode=require` (or `prefer`), and then this
    /// machine must trust the server's certificate.
    pub(super) fn of_url(url: &str) -> Result<Self, StoreError> {
        let redacted_url = redacted(url);
        let invalid = |reason: String| StoreError::Url { url: redacted_url.clone(), reason };
        let mut config: Config = url.parse().map_err(|error| invalid(describe_postgres(&error)))?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(invalid("missing database name, expected postgres://<host>/<database>".to_owned()));
        }
        if !url.contains("sslmode=") {
            config.ssl_mode(SslMode::Disable);
        }
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(TCP_USER_TIMEOUT);
        config.keepalives_idle(KEEPALIVE_INTERVAL).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_PROBES);
        let options = config.get_options().map_or_else(settings, |own| format!("{} {own}", settings()));
        config.options(options);
        if config.get_application_name().is_none() {
            config.application_name(program_name());
        }
        let tls = if config.get_ssl_mode() == SslMode::Disable { None } else { Some(tls().map_err(invalid)?) };
        Ok(Self { config, tls, redacted_url })
    }

    /// Makes all sessions read-only.
    pub(super) fn read_only(mut self) -> Self {
        let options = self.config.get_options().unwrap_or_default();
        let options = format!("{options} -c default_transaction_read_only=on");
        self.config.options(options);
        self
    }

    pub(super) fn pool(&self) -> Pool {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), manager),
            None => Manager::from_config(self.config.clone(), NoTls, manager),
        };
        Pool::builder(manager).max_size(CONNECTIONS_MAX).build().expect("a pool without timeouts needs no runtime")
    }

    /// Opens a connection outside the pool. It works only while its messages are polled.
    pub(super) async fn connect(&self) -> Result<(Client, Messages), tokio_postgres::Error> {
        match &self.tls {
            Some(tls) => connect(&self.config, tls.clone()).await,
            None => connect(&self.config, NoTls).await,
        }
    }
}

async fn connect<T>(config: &Config, tls: T) -> Result<(Client, Messages), tokio_postgres::Error>
where
    T: MakeTlsConnect<tokio_postgres::Socket>,
    T::TlsConnect: TlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    Ok((client, stream::poll_fn(move |context| connection.poll_message(context)).boxed()))
}

fn tls() -> Result<MakeRustlsConnect, String> {
    let (tls, _unusable) = MakeRustlsConnect::with_native_certs()
        .map_err(|_| "sslmode requires trusted certificates, and this machine has none".to_owned())?;
    Ok(tls)
}

/// The name of this program, which the server shows beside its sessions.
fn program_name() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    Path::new(&program).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Session settings. The `options` of the URL override them.
fn settings() -> String {
    let settings = [
        // A reported commit is on disk, whatever the server's default is.
        ("synchronous_commit", "on".to_owned()),
        // Each statement has one good plan, which uses indexes. A plan made while a table was small must not become a scan of
        // the whole table after it has grown.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        ("enable_seqscan", "off".to_owned()),
        ("enable_hashjoin", "off".to_owned()),
        ("enable_mergejoin", "off".to_owned()),
        ("jit", "off".to_owned()),
        // A suspended instance holds locks that others wait for, and readers of the log wait for its events. Its transaction
        // restarts when it resumes.
        ("idle_in_transaction_session_timeout", "3s".to_owned()),
        ("lock_timeout", "20s".to_owned()),
        // A leader whose machine fails loses the leadership.
        ("tcp_keepalives_idle", KEEPALIVE_INTERVAL_S.to_string()),
        ("tcp_keepalives_interval", KEEPALIVE_INTERVAL_S.to_string()),
        ("tcp_keepalives_count", KEEPALIVE_PROBES.to_string()),
    ];
    let options: Vec<_> = settings.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    options.join(" ")
}

/// Removes user, password and options from a URL.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{}", rest.split('?').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacted_url_has_no_password() {
        for (url, shown) in [
            ("postgres://saga:secret@db:5432/orders?sslmode=require", "postgres://db:5432/orders"),
            ("postgresql://db/orders", "postgresql://db/orders"),
            ("postgres://saga:p@ss@db/orders", "postgres://db/orders"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn url_without_database_is_rejected() {
        let error = |url| Server::of_url(url).err().expect("rejected").to_string();
        assert!(error("postgres://saga:secret@db").contains("missing database name"));
        assert!(!error("postgres://saga:secret@db").contains("secret"));
        assert!(error("postgres://db:notaport/orders").contains("postgres://db:notaport/orders"));
        assert!(Server::of_url("postgres://saga:secret@db:5433/orders").is_ok());
    }
}
