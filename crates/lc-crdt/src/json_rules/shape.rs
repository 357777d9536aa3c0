//! Whether a document has the shape that its table's rules need.

use serde_json::Value;

use super::{JsonRules, Rule, order};

pub(super) fn check(rules: &JsonRules, document: &Value) -> Result<(), String> {
    if !document.is_object() {
        return Err(format!("merge=json needs a JSON object; the value is {}", order::what(document)));
    }
    check_fields(rules, document, "")
}

fn check_fields(rules: &JsonRules, object: &Value, path: &str) -> Result<(), String> {
    let present = rules.fields.iter().filter_map(|(name, rule)| object.get(name).map(|value| (name, rule, value)));
    for (name, rule, value) in present {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        check_rule(rule, value, &path)?;
    }
    Ok(())
}

fn check_rule(rule: &Rule, value: &Value, path: &str) -> Result<(), String> {
    let found = order::what(value);
    let wrong = |needs: &str| Err(format!("`{path}` must be {needs}; it is {found}"));
    match (rule, value) {
        (Rule::Lww, _) => Ok(()),
        (Rule::Max | Rule::Min, Value::Number(_) | Value::String(_)) => Ok(()),
        (Rule::Max, _) => wrong("a number or a string, because its rule is max"),
        (Rule::Min, _) => wrong("a number or a string, because its rule is min"),
        (Rule::Union, Value::Array(elements)) => check_plain_elements(elements, path),
        (Rule::Union, _) => wrong("an array, because its rule is union"),
        (Rule::UnionBy { by, below }, Value::Array(elements)) => check_elements(by, below, elements, path),
        (Rule::UnionBy { by, .. }, _) => wrong(&format!("an array of objects, because its rule is union by {by}")),
        (Rule::Object(rules), Value::Object(_)) => check_fields(rules, value, path),
        (Rule::Object(rules), Value::Array(_)) => wrong(&format!(
            "an object, because {path}.{} has a rule (for an array of objects declare `{path}: union by FIELD`)",
            a_field_of(rules)
        )),
        (Rule::Object(rules), _) => wrong(&format!("an object, because {path}.{} has a rule", a_field_of(rules))),
    }
}

fn check_plain_elements(elements: &[Value], path: &str) -> Result<(), String> {
    match elements.iter().position(|element| element.is_object() || element.is_array()) {
        None => Ok(()),
        Some(at) => Err(format!(
            "`{path}[{at}]` must be a string, a number, true, false or null, because the rule of `{path}` is union; it is {} (for an array of objects declare `{path}: union by FIELD`)",
            order::what(&elements[at])
        )),
    }
}

fn check_elements(by: &str, below: &JsonRules, elements: &[Value], path: &str) -> Result<(), String> {
    for (at, element) in elements.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if !element.is_object() {
            let found = order::what(element);
            return Err(format!("`{path}` must be an object, because elements are matched by {by}; it is {found}"));
        }
        match element.get(by) {
            Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) => check_fields(below, element, &path)?,
            Some(other) => {
                let found = order::what(other);
                return Err(format!(
                    "`{path}.{by}` must be a string, a number, true or false, because elements are matched by it; it is {found}"
                ));
            }
            None => return Err(format!("`{path}.{by}` is missing, and elements are matched by it")),
        }
    }
    Ok(())
}

fn a_field_of(rules: &JsonRules) -> &str {
    rules.fields.keys().next().map_or("", String::as_str)
}
