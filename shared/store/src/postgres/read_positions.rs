//! Positions of a reader.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;

use super::open_transaction::OpenTransaction;
use crate::{ReadPosition, StoreError};

/// Table of the positions.
pub(super) const TABLE: &str = "
    CREATE TABLE read_positions (
        topic text COLLATE \"C\" NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    );
";

/// Locks the rows in the order of topic and partition, so that two instances on one database do not deadlock.
pub(super) async fn write(open: &OpenTransaction, positions: &[ReadPosition]) -> Result<(), Error> {
    if positions.is_empty() {
        return Ok(());
    }
    let mut positions: Vec<_> = positions.iter().collect();
    positions.sort_unstable_by_key(|position| (&position.topic, position.partition));
    let topics: Vec<_> = positions.iter().map(|position| position.topic.as_str()).collect();
    let partitions: Vec<_> = positions.iter().map(|position| position.partition).collect();
    let offsets: Vec<_> = positions.iter().map(|position| position.next).collect();
    open.client().execute(&open.statements.set_read_positions, &[&topics, &partitions, &offsets]).await?;
    Ok(())
}

pub(super) async fn read(client: &ClientWrapper) -> Result<Vec<ReadPosition>, StoreError> {
    let select = "SELECT topic, partition, next_offset FROM read_positions ORDER BY topic, partition";
    let rows = client.query(select, &[]).await?;
    Ok(rows.iter().map(|row| ReadPosition { topic: row.get(0), partition: row.get(1), next: row.get(2) }).collect())
}
