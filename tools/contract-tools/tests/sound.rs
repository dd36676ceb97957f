//! Soundness: random schemas and data, checked by a JSON Schema validator, confirm the reported compatibility.

use contract_tools::{Compatibility, compare, compare::compatibility};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value, json};

/// Model of a schema that can also generate valid data.
#[derive(Debug, Clone)]
enum SchemaShape {
    Integer { least: i64, most: i64 },
    Text { least: usize, most: usize },
    Values(Vec<String>),
    Nullable(Box<SchemaShape>),
    List { of: Box<SchemaShape>, least: usize },
    Object(Vec<ShapeField>),
    Map(Box<SchemaShape>),
}

#[derive(Debug, Clone)]
struct ShapeField {
    name: String,
    shape: SchemaShape,
    required: bool,
}

impl SchemaShape {
    fn schema(&self) -> Value {
        match self {
            Self::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::Text { least, most } => json!({ "type": "string", "minLength": least, "maxLength": most }),
            Self::Values(values) => {
                json!({ "oneOf": values.iter().map(|value| json!({ "const": value })).collect::<Vec<_>>() })
            }
            Self::Nullable(shape) => json!({ "anyOf": [shape.schema(), { "type": "null" }] }),
            Self::List { of, least } => json!({ "type": "array", "items": of.schema(), "minItems": least }),
            Self::Map(of) => json!({ "type": "object", "additionalProperties": of.schema() }),
            Self::Object(fields) => {
                let properties: Map<_, _> =
                    fields.iter().map(|field| (field.name.clone(), field.shape.schema())).collect();
                let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| &field.name).collect();
                json!({ "type": "object", "properties": properties, "required": required })
            }
        }
    }

    /// Data that a producer of this schema could write, chosen by the numbers of `dice`.
    fn data(&self, dice: &mut impl Iterator<Item = usize>) -> Value {
        let roll = dice.next().unwrap_or(0);
        match self {
            Self::Integer { least, most } => json!(if roll.is_multiple_of(2) { least } else { most }),
            Self::Text { least, most } => json!("x".repeat(if roll.is_multiple_of(2) { *least } else { *most })),
            Self::Values(values) => json!(values[roll % values.len()]),
            Self::Nullable(_) if roll.is_multiple_of(2) => Value::Null,
            Self::Nullable(shape) => shape.data(dice),
            Self::List { of, least } => (0..least + roll % 2).map(|_| of.data(dice)).collect(),
            Self::Map(of) => (0..roll % 3).map(|n| (format!("k{n}"), of.data(dice))).collect(),
            Self::Object(fields) => {
                let mut data = Map::new();
                for field in fields {
                    if field.required || dice.next().unwrap_or(0).is_multiple_of(2) {
                        data.insert(field.name.clone(), field.shape.data(dice));
                    }
                }
                Value::Object(data)
            }
        }
    }
}

fn shape() -> impl Strategy<Value = SchemaShape> {
    let values = proptest::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    let leaf = prop_oneof![
        (0_i64..3, 0_i64..3).prop_map(|(least, more)| SchemaShape::Integer { least, most: least + more }),
        (0_usize..3, 0_usize..3).prop_map(|(least, more)| SchemaShape::Text { least, most: least + more }),
        values.prop_map(|values| SchemaShape::Values(values.into_iter().map(str::to_owned).collect())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let field = (0_usize..4, inner.clone(), any::<bool>());
        let fields = vec(field, 0..4).prop_map(|fields| {
            let mut fields: Vec<_> = fields
                .into_iter()
                .map(|(n, shape, required)| ShapeField { name: format!("f{n}"), shape, required })
                .collect();
            fields.sort_by(|one, other| one.name.cmp(&other.name));
            fields.dedup_by(|one, other| one.name == other.name);
            SchemaShape::Object(fields)
        });
        prop_oneof![
            3 => fields,
            1 => (inner.clone(), 0_usize..2).prop_map(|(of, least)| SchemaShape::List { of: Box::new(of), least }),
            1 => inner.clone().prop_map(|of| SchemaShape::Map(Box::new(of))),
            1 => inner.prop_map(|shape| SchemaShape::Nullable(Box::new(shape))),
        ]
    })
}

/// The shape with a change in one place, because most random pairs have nothing in common.
fn mutated(shape: SchemaShape, dice: &mut impl Iterator<Item = usize>, other: &SchemaShape) -> SchemaShape {
    let roll = dice.next().unwrap_or(0);
    match shape {
        _ if roll % 9 == 8 => other.clone(),
        SchemaShape::Integer { least, most } => match roll % 3 {
            0 => SchemaShape::Integer { least: least - 1, most },
            1 => SchemaShape::Integer { least, most: most + 1 },
            _ => SchemaShape::Integer { least: least - 1, most: most - 1 },
        },
        SchemaShape::Text { least, most } => {
            SchemaShape::Text { least: most.min(least + roll % 2), most: most + roll % 3 }
        }
        SchemaShape::Values(mut values) => {
            values.push(format!("v{}", roll % 3));
            values.rotate_left(roll % 2);
            values.truncate(2 + roll % 2);
            SchemaShape::Values(values)
        }
        SchemaShape::Nullable(inner) if roll.is_multiple_of(2) => *inner,
        SchemaShape::Nullable(inner) => SchemaShape::Nullable(Box::new(mutated(*inner, dice, other))),
        SchemaShape::List { of, least } => {
            SchemaShape::List { of: Box::new(mutated(*of, dice, other)), least: least + roll % 2 }
        }
        SchemaShape::Map(of) => SchemaShape::Map(Box::new(mutated(*of, dice, other))),
        SchemaShape::Object(fields) => SchemaShape::Object(mutated_fields(fields, roll, dice, other)),
    }
}

fn mutated_fields(
    mut fields: Vec<ShapeField>,
    roll: usize,
    dice: &mut impl Iterator<Item = usize>,
    other: &SchemaShape,
) -> Vec<ShapeField> {
    let place = dice.next().unwrap_or(0) % fields.len().max(1);
    match (roll % 4, fields.get_mut(place)) {
        (0, Some(_)) => drop(fields.remove(place)),
        (1, Some(field)) => field.required = !field.required,
        (2, Some(field)) => field.shape = mutated(field.shape.clone(), dice, other),
        _ => fields.push(ShapeField { name: "more".into(), shape: other.clone(), required: roll % 8 < 4 }),
    }
    fields
}

fn fits(schema: &Value, data: &Value) -> Result<(), String> {
    jsonschema::validate(schema, data).map_err(|error| error.to_string())
}

fn verdict(old: &Value, new: &Value) -> Compatibility {
    compatibility(&compare(old, new))
}

fn dice() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..1000, 40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn schema_does_not_differ_from_itself(shape in shape()) {
        prop_assert_eq!(compare(&shape.schema(), &shape.schema()), []);
    }

    #[test]
    fn added_optional_field_is_fully_compatible(fields in vec(shape(), 0..4), added in shape()) {
        let old = SchemaShape::Object(
            fields.into_iter().enumerate().map(|(n, shape)| ShapeField { name: format!("f{n}"), shape, required: n % 2 == 0 }).collect(),
        );
        let mut new = old.schema();
        new["properties"]["more"] = added.schema();
        let changes = compare(&old.schema(), &new);
        prop_assert_eq!(changes.len(), 1);
        prop_assert_eq!(compatibility(&changes), Compatibility::Full);
    }

    #[test]
    fn reverse_comparison_has_reverse_compatibility(old in shape(), other in shape(), rolls in dice()) {
        let new = mutated(old.clone(), &mut rolls.into_iter(), &other);
        let (there, back) = (verdict(&old.schema(), &new.schema()), verdict(&new.schema(), &old.schema()));
        prop_assert_eq!(back, Compatibility::new(there.is_forward(), there.is_backward()));
    }

    #[test]
    fn reported_compatibility_holds(
        old in shape(), other in shape(), changes in dice(), rolls in dice(), again in option::of(dice()),
    ) {
        let mut new = mutated(old.clone(), &mut changes.into_iter(), &other);
        if let Some(more) = again {
            new = mutated(new, &mut more.into_iter(), &other);
        }
        let (before, after) = (old.schema(), new.schema());
        let verdict = verdict(&before, &after);
        let mut rolls = rolls.into_iter().cycle();
        for _ in 0..8 {
            let (old_data, new_data) = (old.data(&mut rolls), new.data(&mut rolls));
            prop_assert_eq!(fits(&before, &old_data), Ok(()));
            if verdict.is_backward() {
                prop_assert_eq!(fits(&after, &old_data), Ok(()), "old data, {} to {}", before, after);
            }
            if verdict.is_forward() {
                prop_assert_eq!(fits(&before, &new_data), Ok(()), "new data, {} to {}", before, after);
            }
        }
    }
}
