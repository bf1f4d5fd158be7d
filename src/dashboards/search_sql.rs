//! Statements whose conditions depend on the request: text and values grow together, and no value ever becomes text.

use sqlx::Arguments as _;
use sqlx::any::AnyArguments;

use super::StoreError;
use crate::tenancy::Scope;

/// A statement under construction.
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(i64),
}

impl Sql {
    pub(super) fn new(text: &str) -> Sql {
        Sql { text: text.to_owned(), values: Vec::new() }
    }

    /// Text of ours.
    pub(super) fn push(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// A value of the caller's.
    pub(super) fn text(&mut self, value: &str) -> &mut Sql {
        self.value(Value::Text(value.replace('\0', "")))
    }

    /// A number.
    pub(super) fn number(&mut self, value: i64) -> &mut Sql {
        self.value(Value::Number(value))
    }

    fn value(&mut self, value: Value) -> &mut Sql {
        self.values.push(value);
        self.text.push_str(&format!("${}", self.values.len()));
        self
    }

    /// The projects that may be seen. `Nothing` sees nothing.
    pub(super) fn scope(&mut self, scope: &Scope) -> &mut Sql {
        match scope {
            Scope::ClusterWide => self,
            Scope::Nothing => self.push(" AND 1 = 0"),
            Scope::Namespaces(set) => {
                self.push(" AND project IN (");
                for (index, namespace) in set.iter().enumerate() {
                    self.push(if index > 0 { ", " } else { "" }).text(namespace.as_str());
                }
                self.push(")")
            }
        }
    }

    pub(super) fn text_so_far(&self) -> String {
        self.text.clone()
    }

    /// Text and values, not to be taken for those of another statement.
    pub(super) fn signature(&self) -> String {
        format!("{} {:?}", self.text, self.values)
    }

    pub(super) fn arguments(&self) -> Result<AnyArguments, StoreError> {
        let mut arguments = AnyArguments::default();
        for value in &self.values {
            match value {
                Value::Text(text) => arguments.add(text.clone()),
                Value::Number(number) => arguments.add(*number),
            }
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::Namespace;

    #[test]
    fn values_never_become_text() {
        let mut sql = Sql::new("SELECT 1 WHERE a = ");
        sql.text("'; DROP TABLE dashboard; --")
            .push(" AND b = ")
            .number(7)
            .scope(&Scope::of([Namespace::new("x").unwrap(), Namespace::new("y").unwrap()]));
        assert_eq!(sql.text_so_far(), "SELECT 1 WHERE a = $1 AND b = $2 AND project IN ($3, $4)");
        assert_eq!(Sql::new("").scope(&Scope::Nothing).text_so_far(), " AND 1 = 0");
    }
}
