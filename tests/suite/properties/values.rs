//! Generators: texts, many of them similar to what a field accepts, and values of other types.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    strategy::BoxedStrategy,
};
use serde_json::{Map, Value, json};

/// Any text; most are similar to a valid one.
pub fn text() -> BoxedStrategy<String> {
    let long = (proptest::char::any(), 100_usize..1_100)
        .prop_map(|(c, times)| String::from(c).repeat(times));
    let padded = (
        "[ \\t\u{a0}\u{3000}]{0,2}",
        plausible(),
        "[ \\t\u{3000}]{0,2}",
    )
        .prop_map(|(before, text, after)| format!("{before}{text}{after}"));
    let broken = (
        plausible(),
        proptest::char::any(),
        any::<proptest::sample::Index>(),
    )
        .prop_map(|(text, inserted, at)| {
            let mut chars: Vec<char> = text.chars().collect();
            chars.insert(at.index(chars.len() + 1), inserted);
            chars.into_iter().collect()
        });
    let spaces = "[ \\t\\n\u{a0}\u{200b}]{0,3}";
    prop_oneof![
        4 => plausible(),
        3 => padded,
        3 => broken,
        3 => any::<String>(),
        1 => "\\PC{0,300}",
        1 => spaces,
        1 => long,
    ]
    .boxed()
}

/// A text that a field may accept.
fn plausible() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-zA-Z0-9가-힣ａ-ｚßİǅ._@+-]{1,12}",
        "[a-zA-Z0-9]{1,8}(\\.[a-z0-9]{1,4})?@[a-z0-9]{1,8}\\.[a-z]{2,4}",
        "\\PC{1,6}@\\PC{1,6}\\.[a-z]{2,3}",
        "\\+?[0-9 ().-]{3,20}",
        "[가-힣ㄱ-ㅎA-Za-z \u{300}-\u{32f}]{1,20}",
        Just("admin".to_owned()),
        Just("auditor".to_owned()),
        Just("staff".to_owned()),
        Just("user".to_owned()),
        Just("client".to_owned()),
        Just("true".to_owned()),
        "[0-9]{1,3}",
        "-?[a-z_]{2,8}(,-?[a-z_]{2,8})?",
    ]
    .boxed()
}

/// A JSON value; most are texts.
fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        12 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => vec(text(), 0..2).prop_map(|texts| json!(texts)),
    ]
    .boxed()
}

/// A body with some of these fields.
pub fn body(names: Vec<&'static str>) -> impl Strategy<Value = Map<String, Value>> {
    let fields = proptest::option::weighted(0.7, value());
    vec(fields, names.len()).prop_map(move |values| {
        let pairs = names.iter().zip(values);
        pairs
            .filter_map(|(name, value)| Some(((*name).to_owned(), value?)))
            .collect()
    })
}

/// Texts for some of these fields.
pub fn texts(names: Vec<&'static str>) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let fields = proptest::option::weighted(0.8, text());
    vec(fields, names.len()).prop_map(move |texts| {
        let pairs = names.iter().zip(texts);
        pairs
            .filter_map(|(name, text)| Some((*name, text?)))
            .collect()
    })
}
