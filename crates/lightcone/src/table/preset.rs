//! A preset as a file that one can edit and pass as `--policy`.

use std::fmt::Write;

use serde_json::Value;

use super::dials::{BOUNDS, DIALS, of_answer};
use crate::Error;
use crate::names::suggestion;
use crate::shown::{label, printable, shown};

/// The preset of this name as TOML; what else the node says about it stands in comments.
pub fn toml(presets: &[Value], name: &str) -> Result<String, Error> {
    let Some(preset) = presets.iter().find(|preset| preset["name"] == name) else {
        let names: Vec<&str> = presets.iter().filter_map(|preset| preset["name"].as_str()).collect();
        let suggestion = suggestion(name, names.iter().copied());
        return Err(Error::Usage(format!("no preset '{name}'{suggestion}\npresets: {}", names.join(", "))));
    };
    let mut text = format!("# Preset {}.\n", printable(name));
    for (member, value) in
        preset.as_object().into_iter().flatten().filter(|(member, value)| is_remark(member) && !value.is_null())
    {
        let value = shown(value);
        // Writing to a String cannot fail.
        let _ = match member.as_str() {
            "about" | "text" => writeln!(text, "# {value}"),
            _ => writeln!(text, "# {}: {value}", label(member)),
        };
    }
    let dials = of_answer(preset);
    for name in DIALS.into_iter().chain(BOUNDS) {
        if let Some(value) = literal(&dials[name]) {
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    Ok(text)
}

fn is_remark(member: &str) -> bool {
    !["name", "dials", "policy"].contains(&member) && !DIALS.contains(&member) && !BOUNDS.contains(&member)
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(toml::Value::from(text.as_str()).to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let names: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Some(toml::Value::from(names).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::toml;
    use crate::cli::DialOptions;
    use crate::table::dials::Policy;

    fn presets() -> Vec<Value> {
        let dials = json!({
            "writers": "any", "ack": "regions(2)", "merge": "json(items: union by sku, qty: max)",
            "placement": ["eu-west", "us-east"], "read": "quorum(2)", "wait_ms": 1000,
        });
        vec![json!({ "name": "leaderless", "about": "Any W answers a write.", "available": true, "dials": dials })]
    }

    #[test]
    fn a_printed_preset_is_a_policy_file() {
        let text = toml(&presets(), "leaderless").expect("known");
        let expected = "\
# Preset leaderless.
# Any W answers a write.
# available: yes
writers = \"any\"
ack = \"regions(2)\"
merge = \"json(items: union by sku, qty: max)\"
placement = [\"eu-west\", \"us-east\"]
read = \"quorum(2)\"
wait_ms = 1000
";
        assert_eq!(text, expected);
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy.toml");
        fs::write(&file, text).expect("written");
        let read = Policy::of(&DialOptions { policy: Some(file), ..Default::default() }).expect("a policy file");
        assert_eq!(read.json(), presets()[0]["dials"]);
    }

    #[test]
    fn an_unknown_preset_is_refused_with_the_nearest_and_all() {
        let error = toml(&presets(), "leaderles").expect_err("a slip").to_string();
        assert_eq!(error, "no preset 'leaderles'; did you mean 'leaderless'?\npresets: leaderless");
    }
}
