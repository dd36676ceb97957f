//! Which of the instances on a database leads: the one whose session holds a lock. The server gives it back when that
//! session ends, however it ends; then another instance takes it.

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
use crate::lead::{Leadership, State};

/// How often an instance that does not lead asks whether the place is free. It does not wait in the server, for a statement
/// that waits keeps all rows that were deleted since from being cleaned away.
const ASK: Duration = Duration::from_millis(500);
/// How often the leader sees whether its session is alive, and looks for what it was not told.
const BEAT: Duration = Duration::from_secs(5);
/// How long the server may take to answer it.
const ANSWER: Duration = Duration::from_secs(5);

/// The server ends a session that says nothing for so long: a leader that stands still leads no longer.
const GIVE_UP: &str = "SET idle_session_timeout = '15s'";

/// Whether this instance leads, for those who commit.
pub(super) type Leads = Arc<AtomicBool>;

/// Takes part from now on.
pub(super) fn lead(server: Server, leads: Leads) -> Leadership {
    let (sender, receiver) = watch::channel(State::default());
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut campaign = Campaign { state: sender, leads, terms: 0 };
        loop {
            // Whatever went wrong, it is tried again. The store's other connections tell of a server that is away.
            let _ = campaign.session(&server).await;
            campaign.step_down();
            sleep(ASK).await;
        }
    });
    Leadership::new(receiver, task)
}

struct Campaign {
    state: watch::Sender<State>,
    leads: Leads,
    terms: u64,
}

impl Campaign {
    /// Leads when the place is free, for as long as the session lasts.
    async fn session(&mut self, server: &Server) -> Result<(), tokio_postgres::Error> {
        let (client, mut messages) = server.connect().await?;
        let state = self.state.clone();
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(_) = message {
                    state.send_modify(|state| state.news += 1);
                }
            }
        });
        client.batch_execute(GIVE_UP).await?;
        while !client.query_one("SELECT pg_try_advisory_lock($1)", &[&keys::LEADER]).await?.get::<_, bool>(0) {
            sleep(ASK).await;
        }
        client.batch_execute(keys::LISTEN).await?;
        self.terms += 1;
        self.leads.store(true, Ordering::SeqCst);
        self.state.send_modify(|state| state.term = Some(self.terms));
        tokio::select! {
            _ = driver.join_next() => {}
            () = self.beat(&client) => {}
        }
        Ok(())
    }

    /// Ends when the session does.
    async fn beat(&self, client: &Client) {
        let mut interval = interval(BEAT);
        loop {
            interval.tick().await;
            if !matches!(timeout(ANSWER, client.batch_execute("")).await, Ok(Ok(()))) {
                return;
            }
            self.state.send_modify(|state| state.news += 1);
        }
    }

    fn step_down(&self) {
        self.leads.store(false, Ordering::SeqCst);
        self.state.send_if_modified(|state| state.term.take().is_some());
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        self.step_down();
    }
}
