//! Dead letters.

use bytes::Bytes;
use store::{DEAD_LETTERS_KEPT, DeadLetter, RecordData, Store, Writes};
use uuid::Uuid;

use crate::fixture::{Fixture, dead_letter, first_input, ids, unpublished_letters, write};

fn writes_of(letters: &'static [(u128, &'static str)]) -> impl Fn() -> Writes + Send + 'static {
    move || Writes {
        dead_letters: letters.iter().map(|(id, payload)| dead_letter(*id, payload)).collect(),
        ..Writes::default()
    }
}

async fn mark<S: Store>(store: &S, letters: &[u128]) {
    store.mark_published(letters.iter().copied().map(Uuid::from_u128).collect()).await.expect("writes");
}

fn letter(id: u128, payload: &str) -> (u128, String) {
    (id, payload.to_owned())
}

pub(crate) async fn dead_letter_is_unpublished_until_marked(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(unpublished_letters(&store).await, []);
    write(&store, writes_of(&[(3, "A"), (1, "B")])).await;
    write(&store, writes_of(&[(2, "C")])).await;
    assert_eq!(unpublished_letters(&store).await, [letter(3, "A"), letter(1, "B"), letter(2, "C")], "the oldest first");
    assert_eq!(store.dead_letters(2).await.expect("reads").len(), 2);
    mark(&store, &[1, 99]).await;
    assert_eq!(unpublished_letters(&store).await, [letter(3, "A"), letter(2, "C")]);
    drop(store);
    let store = database.open().await;
    assert_eq!(unpublished_letters(&store).await, [letter(3, "A"), letter(2, "C")]);
    mark(&store, &[]).await;
    mark(&store, &[2, 3]).await;
    assert_eq!(unpublished_letters(&store).await, []);
}

pub(crate) async fn dead_letter_preserves_every_byte(database: impl Fixture) {
    let store = database.open().await;
    let bytes = || (0..=u8::MAX).collect::<Vec<_>>();
    let header = |name: &str, value: &[u8]| (name.to_owned(), Bytes::copy_from_slice(value));
    let letters = move || {
        let headers = vec![
            header("ce_id", b"1"),
            header("binary", &bytes()),
            header("", b""),
            header("twice", b"first"),
            header("twice", b"second"),
            header("Größe", "groß".as_bytes()),
        ];
        let topic = || "order.dlq".to_owned();
        let full =
            RecordData { topic: topic(), key: Some(bytes().into()), headers, payload: bytes().repeat(1_000).into() };
        let no_key = RecordData { topic: topic(), key: None, headers: vec![], payload: Bytes::new() };
        let empty_key = RecordData { key: Some(Bytes::new()), ..no_key.clone() };
        let of = |(id, record)| DeadLetter { id: Uuid::from_u128(id), record };
        [(1, full), (2, no_key), (3, empty_key)].into_iter().map(of).collect::<Vec<_>>()
    };
    write(&store, move || Writes { dead_letters: letters(), ..Writes::default() }).await;
    assert_eq!(store.dead_letters(10).await.expect("reads"), letters());
}

pub(crate) async fn dead_letter_replaces_one_of_the_same_id(database: impl Fixture) {
    let store = database.open().await;
    write(&store, writes_of(&[(1, "old"), (2, "other")])).await;
    mark(&store, &[1]).await;
    write(&store, writes_of(&[(1, "new")])).await;
    assert_eq!(
        unpublished_letters(&store).await,
        [letter(2, "other"), letter(1, "new")],
        "published again, as the newest"
    );
    write(&store, writes_of(&[(2, "first"), (3, "third"), (2, "second")])).await;
    assert_eq!(unpublished_letters(&store).await, [letter(1, "new"), letter(3, "third"), letter(2, "second")]);
}

/// Independent of its publication.
pub(crate) async fn dead_letter_is_reported_to_its_message(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(first_input(&store, &[1], vec![]).await.dead_letters, ids(&[]));
    write(&store, writes_of(&[(1, "A"), (2, "B"), (3, "C")])).await;
    mark(&store, &[1]).await;
    let input = first_input(&store, &[1, 2, 7], vec![]).await;
    assert_eq!((input.dead_letters, input.old_inbox), (ids(&[1, 2]), ids(&[])));
}

pub(crate) async fn redriven_dead_letter_is_deleted(database: impl Fixture) {
    let store = database.open().await;
    write(&store, writes_of(&[(1, "A"), (2, "B"), (3, "C")])).await;
    mark(&store, &[1]).await;
    let redriven = || ids(&[1, 2, 9]).into_iter().collect();
    write(&store, move || Writes { redriven: redriven(), ..Writes::default() }).await;
    assert_eq!(unpublished_letters(&store).await, [letter(3, "C")]);
    assert_eq!(first_input(&store, &[1, 2, 3], vec![]).await.dead_letters, ids(&[3]));
}

pub(crate) async fn republished_dead_letters_are_unpublished(database: impl Fixture) {
    let store = database.open().await;
    write(&store, writes_of(&[(1, "A"), (2, "B"), (3, "C")])).await;
    mark(&store, &[1, 2]).await;
    assert_eq!(store.published_letters_len().await.expect("reads"), 2);
    write(&store, || Writes { redriven: vec![Uuid::from_u128(2)], ..Writes::default() }).await;
    assert_eq!(store.published_letters_len().await.expect("reads"), 1);
    store.republish_dead_letters().await.expect("writes");
    assert_eq!(unpublished_letters(&store).await, [letter(1, "A"), letter(3, "C")], "a closed one is gone");
    assert_eq!(store.published_letters_len().await.expect("reads"), 0);
}

pub(crate) async fn oldest_published_dead_letters_are_deleted(database: impl Fixture) {
    let store = database.open().await;
    let kept = u128::try_from(DEAD_LETTERS_KEPT).expect("few");
    let last = kept + 10;
    for start in (1..=last).step_by(5_000) {
        let letters = move || (start..=last.min(start + 4_999)).map(|id| dead_letter(id, "X")).collect();
        write(&store, move || Writes { dead_letters: letters(), ..Writes::default() }).await;
    }
    // Numbers 1 and 2 wait; of the others, the newest are kept.
    let all: Vec<_> = (3..=last).collect();
    mark(&store, &all).await;
    let expected: Vec<_> = [1, 2].into_iter().chain(last - kept + 1..=last).collect();
    let open = first_input(&store, &(1..=last).collect::<Vec<_>>(), vec![]).await.dead_letters;
    assert_eq!(open, ids(&expected));
    assert_eq!(unpublished_letters(&store).await, [letter(1, "X"), letter(2, "X")]);
}
