//! Names of streams.

use decider::StreamId;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0xa);
/// The stream of `ID` in the category `door`.
const NAME: &str = "door-00000000-0000-0000-0000-00000000000a";

#[test]
fn name_is_category_and_id() {
    let stream = StreamId::new("door", ID);
    assert_eq!((stream.as_str(), stream.category(), stream.id()), (NAME, "door", &*ID.to_string()));
    assert_eq!(stream.to_string(), NAME);
    let stream = StreamId::new("stock", "TEA-250");
    assert_eq!((stream.as_str(), stream.category(), stream.id()), ("stock-TEA-250", "stock", "TEA-250"));
}

#[test]
fn parse_returns_the_stream_of_a_name() {
    assert_eq!(StreamId::parse(NAME.into()), Some(StreamId::new("door", ID)));
    assert_eq!(StreamId::parse("stock-TEA-250".into()), Some(StreamId::new("stock", "TEA-250")));
    assert_eq!(StreamId::parse("door".into()), None);
}

#[test]
fn id_is_typed_in_its_own_category_only() {
    assert_eq!(StreamId::new("door", ID).id_in::<Uuid>("door"), Some(ID));
    assert_eq!(StreamId::new("door", ID).id_in::<Uuid>("window"), None);
    assert_eq!(StreamId::new("door", "west").id_in::<Uuid>("door"), None);
}
