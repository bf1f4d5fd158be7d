//! Reads JSON and says which keys stand twice in one object: other readers would silently take one of them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Problem;

/// The value, and the keys that stand there twice.
///
/// # Errors
/// What is no JSON, with line and column.
pub(super) fn read(text: &str) -> Result<(Value, Vec<Problem>), serde_json::Error> {
    let state = RefCell::new(State { pointer: String::new(), problems: Vec::new() });
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict(&state).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, state.into_inner().problems))
}

/// A key or a position, as a piece of a JSON pointer.
pub(super) fn piece(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) { Cow::Owned(key.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(key) }
}

struct State {
    pointer: String,
    problems: Vec<Problem>,
}

#[derive(Clone, Copy)]
struct Strict<'a>(&'a RefCell<State>);

impl Strict<'_> {
    fn enter(self, key: &str) -> usize {
        let pointer = &mut self.0.borrow_mut().pointer;
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&piece(key));
        length
    }

    fn enter_item(self, index: usize) -> usize {
        let pointer = &mut self.0.borrow_mut().pointer;
        let length = pointer.len();
        // A text takes whatever is written.
        let _ = write!(pointer, "/{index}");
        length
    }

    fn leave(self, length: usize) {
        self.0.borrow_mut().pointer.truncate(length);
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let length = self.enter_item(list.len());
            let item = items.next_element_seed(self)?;
            self.leave(length);
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let length = self.enter(&key);
            if object.contains_key(&key) {
                let mut state = self.0.borrow_mut();
                if state.problems.len() >= 100 {
                    return Err(A::Error::custom("more than 100 keys stand there twice"));
                }
                let pointer = state.pointer.clone();
                state.problems.push(Problem::new(pointer, "this key stands there twice: keep one"));
            }
            let value = members.next_value_seed(self)?;
            self.leave(length);
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(text: &str) -> Vec<String> {
        read(text).unwrap().1.iter().map(|problem| problem.pointer.clone()).collect()
    }

    #[test]
    fn keys_that_stand_twice_are_found_with_their_place() {
        assert_eq!(twice(r#"{"a":[{"b":1,"b/~":{"c":1,"c":2}},{"b":3}],"a":4}"#), ["/a/0/b~1~0/c", "/a"]);
        assert_eq!(twice(r#"{"a":{"b":1},"b":1}"#), Vec::<String>::new());
    }

    #[test]
    fn the_value_is_the_one_that_others_read() {
        let text = r#"{"a":[1,-2,1.5,"x",true,null,{}],"":18446744073709551615}"#;
        assert_eq!(read(text).unwrap().0, serde_json::from_str::<Value>(text).unwrap());
        for wrong in ["", "{", "{} x", "{\"a\":01}", &"[".repeat(200)] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
