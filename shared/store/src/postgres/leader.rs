//! Leader election: the leader is the instance whose session holds an advisory lock. The server releases the lock when that
//! session ends for any reason, and another instance takes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client};

use super::{Server, keys};
use crate::leader_election::{Leadership, LeadershipState};

/// Interval between attempts to take the lock. A follower polls instead of waiting in the server, because a waiting
/// statement keeps deleted rows from being vacuumed.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Interval at which the leader checks its session and looks for commits whose notification was lost.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// Maximum time for the server's response to a heartbeat.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the server end a silent session, so that a suspended leader loses the leadership.
const SESSION_TIMEOUT_SQL: &str = "SET idle_session_timeout = '15s'";

/// Leadership flag of this instance, shared with its commits.
pub(super) type IsLeader = Arc<AtomicBool>;

/// Joins the election until the result is dropped.
pub(super) fn join_election(server: Server, is_leader: IsLeader) -> Leadership {
    let (sender, receiver) = watch::channel(LeadershipState::default());
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut election = Election { state: sender, is_leader, terms: 0 };
        loop {
            // Retry after any error. The store's other connections report an unavailable server.
            let _ = election.session(&server).await;
            election.step_down();
            sleep(LOCK_POLL_INTERVAL).await;
        }
    });
    Leadership::new(receiver, task)
}

struct Election {
    state: watch::Sender<LeadershipState>,
    is_leader: IsLeader,
    terms: u64,
}

impl Election {
    /// Waits for the lock and leads until the session ends.
    async fn session(&mut self, server: &Server) -> Result<(), tokio_postgres::Error> {
        let (client, mut messages) = server.connect().await?;
        let state = self.state.clone();
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(_) = message {
                    state.send_modify(|state| state.notifications += 1);
                }
            }
        });
        client.batch_execute(SESSION_TIMEOUT_SQL).await?;
        while !client.query_one("SELECT pg_try_advisory_lock($1)", &[&keys::LEADER]).await?.get::<_, bool>(0) {
            sleep(LOCK_POLL_INTERVAL).await;
        }
        client.batch_execute(keys::LISTEN).await?;
        self.terms += 1;
        self.is_leader.store(true, Ordering::SeqCst);
        self.state.send_modify(|state| state.term = Some(self.terms));
        tokio::select! {
            _ = driver.join_next() => {}
            () = self.heartbeat(&client) => {}
        }
        Ok(())
    }

    /// Returns when the session has ended.
    async fn heartbeat(&self, client: &Client) {
        let mut interval = interval(HEARTBEAT_INTERVAL);
        loop {
            interval.tick().await;
            if !matches!(timeout(HEARTBEAT_TIMEOUT, client.batch_execute("")).await, Ok(Ok(()))) {
                return;
            }
            self.state.send_modify(|state| state.notifications += 1);
        }
    }

    fn step_down(&self) {
        self.is_leader.store(false, Ordering::SeqCst);
        self.state.send_if_modified(|state| state.term.take().is_some());
    }
}

impl Drop for Election {
    fn drop(&mut self) {
        self.step_down();
    }
}
