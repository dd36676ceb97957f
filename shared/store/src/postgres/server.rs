//! How a PostgreSQL server is reached, and what its sessions are set to.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio_postgres::{
    AsyncMessage, Client, Config, NoTls,
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// Connections of one instance at most, besides the leader's. A server takes 100 unless it is told otherwise: enough for
/// three instances of each service.
const CONNECTIONS_MAX: usize = 6;
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After so much silence a connection is tried, by both sides, so many times. Then whoever is there no more is given up.
const SILENCE: Duration = Duration::from_secs(5);
const SILENCE_S: u64 = SILENCE.as_secs();
const TRIES: u32 = 3;
/// How long sent bytes may go unanswered.
const UNANSWERED_MAX: Duration = Duration::from_secs(20);

/// A server's database.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// Its address and name, for messages: without user and password.
    pub(super) shown: String,
}

/// What a session's connection says besides answers.
pub(super) type Messages = BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>;

impl Server {
    /// The server of a URL. Nothing is encrypted unless the URL says `sslmode=require` (or `prefer`), and then the server's
    /// certificate must be one that this machine trusts.
    pub(super) fn of_url(url: &str) -> Result<Self, StoreError> {
        let shown = without_user(url);
        let refused = |reason: String| StoreError::Url { url: shown.clone(), reason };
        let mut config: Config = url.parse().map_err(|error| refused(super::describe(&error)))?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(refused("it names no database: postgres://<host>/<database>".to_owned()));
        }
        if !url.contains("sslmode=") {
            config.ssl_mode(SslMode::Disable);
        }
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(UNANSWERED_MAX);
        config.keepalives_idle(SILENCE).keepalives_interval(SILENCE).keepalives_retries(TRIES);
        let options = config.get_options().map_or_else(settings, |own| format!("{} {own}", settings()));
        config.options(options);
        if config.get_application_name().is_none() {
            config.application_name("order-saga");
        }
        let tls = if config.get_ssl_mode() == SslMode::Disable { None } else { Some(tls().map_err(refused)?) };
        Ok(Self { config, tls, shown })
    }

    /// From now on sessions may only look.
    pub(super) fn read_only(&mut self) {
        let options = format!("{} -c default_transaction_read_only=on", self.config.get_options().unwrap_or_default());
        self.config.options(options);
    }

    pub(super) fn pool(&self) -> Pool {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), manager),
            None => Manager::from_config(self.config.clone(), NoTls, manager),
        };
        Pool::builder(manager).max_size(CONNECTIONS_MAX).build().expect("a pool without timeouts needs no runtime")
    }

    /// A connection that is nobody else's. It works while its messages are taken.
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
        .map_err(|_| "sslmode needs certificates, and this machine trusts none".to_owned())?;
    Ok(tls)
}

/// What a session is set to. Whoever wants something else puts it into the URL's `options`.
fn settings() -> String {
    let settings = [
        // A commit that is told is on the disk, whatever the server's default is.
        ("synchronous_commit", "on".to_owned()),
        // Each statement has one good plan, by indexes. A plan that was made while a table was small must not become a
        // walk through all of it when it has grown.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        ("enable_seqscan", "off".to_owned()),
        ("enable_hashjoin", "off".to_owned()),
        ("enable_mergejoin", "off".to_owned()),
        ("jit", "off".to_owned()),
        // An instance that stands still holds locks that others wait for. Its transaction starts over when it goes on.
        ("idle_in_transaction_session_timeout", "10s".to_owned()),
        ("lock_timeout", "20s".to_owned()),
        // A leader whose machine is gone leads no longer.
        ("tcp_keepalives_idle", SILENCE_S.to_string()),
        ("tcp_keepalives_interval", SILENCE_S.to_string()),
        ("tcp_keepalives_count", TRIES.to_string()),
    ];
    let options: Vec<_> = settings.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    options.join(" ")
}

/// A URL without user, password and options.
fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{}", rest.split('?').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_password() {
        for (url, shown) in [
            ("postgres://saga:secret@db:5432/orders?sslmode=require", "postgres://db:5432/orders"),
            ("postgresql://db/orders", "postgresql://db/orders"),
            ("postgres://saga:p@ss@db/orders", "postgres://db/orders"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }

    #[test]
    fn a_url_must_name_a_database() {
        let refused = |url| Server::of_url(url).err().expect("is refused").to_string();
        assert!(refused("postgres://saga:secret@db").contains("it names no database"));
        assert!(!refused("postgres://saga:secret@db").contains("secret"));
        assert!(refused("postgres://db:notaport/orders").contains("postgres://db:notaport/orders"));
        assert!(Server::of_url("postgres://saga:secret@db:5433/orders").is_ok());
    }
}
