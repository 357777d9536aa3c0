//! Dials as the command line and a policy file say them, and as JSON carries them.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Error;
use crate::cli::DialOptions;
use crate::names::suggestion;
use crate::shown::{label, shown};

/// The five dials, in the order in which they are explained.
pub const DIALS: [&str; 5] = ["writers", "ack", "merge", "placement", "read"];
/// Bounds that stand beside them.
pub const BOUNDS: [&str; 4] = ["ledger_bytes_max", "ledger_age_max_s", "ack_timeout_ms", "wait_ms"];

/// Some dials. Whether they go together is the node's to say, which knows the regions.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy(Map<String, Value>);

impl Policy {
    /// What the file says, and over it what the options say.
    pub fn of(options: &DialOptions) -> Result<Policy, Error> {
        let mut policy = options.policy.as_deref().map(from_file).transpose()?.unwrap_or_default();
        let texts = [
            ("preset", &options.preset),
            ("writers", &options.writers),
            ("ack", &options.ack),
            ("merge", &options.merge),
            ("read", &options.read),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                policy.insert(name.to_owned(), json!(text));
            }
        }
        if let Some(text) = &options.placement {
            policy.insert("placement".to_owned(), placement(text)?);
        }
        let age_s = options.ledger_age_max.as_deref().map(seconds).transpose()?;
        let numbers = [options.ledger_bytes_max, age_s, options.ack_timeout_ms, options.wait_ms];
        for (name, number) in BOUNDS.into_iter().zip(numbers) {
            if let Some(number) = number {
                policy.insert(name.to_owned(), json!(number));
            }
        }
        Ok(Policy(policy))
    }

    /// Whether no dial is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a request carries it.
    pub fn json(self) -> Value {
        Value::Object(self.0)
    }
}

/// The dials in a table, preset or version of an answer.
pub fn of_answer(answer: &Value) -> &Value {
    ["policy", "dials"].into_iter().map(|name| &answer[name]).find(|dials| dials.is_object()).unwrap_or(answer)
}

/// What a change collapses, as a node counts it; `None` if nothing.
pub fn collapsed(answer: &Value) -> Option<String> {
    let counts = match &answer["would_collapse"] {
        Value::Null => &answer["collapse"],
        counts => counts,
    };
    let counted = |count: &Value| count.as_u64().is_some_and(|count| count > 0);
    match counts {
        Value::Object(members) if members.values().any(counted) => {
            let counts = members.iter().filter(|(_, count)| counted(count));
            Some(counts.map(|(name, count)| format!("{count} {}", label(name))).collect::<Vec<_>>().join(", "))
        }
        count if counted(count) => Some(format!("{count} values")),
        _ => None,
    }
}

/// Regions that an answer lists under this name; `None` if it lists none.
pub fn named(answer: &Value, name: &str) -> Option<String> {
    answer[name].as_array().filter(|names| !names.is_empty()).map(|_| shown(&answer[name]))
}

/// Regions that remove what they have of the table's records, in a sentence without its full stop; `None` if none does.
pub fn removed(answer: &Value) -> Option<String> {
    named(answer, "would_remove_copies_in")
        .map(|names| format!("these regions would remove their copies: {names}"))
        .or_else(|| {
            named(answer, "removes_copies_in").map(|names| format!("these regions remove their copies: {names}"))
        })
}

fn from_file(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = fs::read_to_string(path).map_err(Error::system(format!("read --policy {}", path.display())))?;
    let wrong = |what: String| Error::Usage(format!("{}: {what}", path.display()));
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(format!("not TOML: {error}")))?;
    let mut policy = Map::new();
    for (name, value) in &table {
        let known = || ["preset"].into_iter().chain(DIALS).chain(BOUNDS);
        if !known().any(|known| known == name) {
            let all = known().collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("unknown dial '{name}'{}\ndials: {all}", suggestion(name, known()))));
        }
        let right = || wrong(format!("{name} = {value}: must be text in quotes, a whole number, or a list of names"));
        policy.insert(name.clone(), as_json(value).ok_or_else(right)?);
    }
    Ok(policy)
}

fn as_json(value: &toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(json!(text)),
        toml::Value::Integer(number) => u64::try_from(*number).ok().map(|number| json!(number)),
        toml::Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(|name| json!(name))).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        _ => None,
    }
}

fn placement(text: &str) -> Result<Value, Error> {
    let names: Vec<&str> = text.trim_matches(['[', ']']).split(',').map(str::trim).collect();
    match names.as_slice() {
        ["everywhere"] => Ok(json!("everywhere")),
        names if names.iter().any(|name| name.is_empty()) => Err(Error::Usage(format!(
            "--placement '{text}': names no region; write everywhere, or regions between commas"
        ))),
        names => Ok(json!(names)),
    }
}

/// `30d`, `12h`, `15m`, `90s`.
fn seconds(text: &str) -> Result<u64, Error> {
    let wrong =
        || Error::Usage(format!("--ledger-age-max '{text}': must be a whole number with d, h, m or s, such as 30d"));
    let unit = text.chars().last().ok_or_else(wrong)?;
    let (_, seconds) = UNITS.into_iter().find(|(letter, _)| *letter == unit).ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::{Policy, collapsed, removed};
    use crate::cli::DialOptions;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn policy(options: DialOptions) -> Result<Value, String> {
        Policy::of(&options).map(Policy::json).map_err(|error| error.to_string())
    }

    #[test]
    fn options_go_before_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy.toml");
        fs::write(
            &file,
            "preset = \"leaderless\"\nack = \"regions(2)\"\nplacement = [\"us-east\", \"eu-west\"]\nwait_ms = 100\n",
        )
        .expect("written");
        let options =
            DialOptions { policy: Some(file), ack: some("majority"), ledger_age_max: some("2d"), ..Default::default() };
        let expected = json!({
            "preset": "leaderless", "ack": "majority", "placement": ["us-east", "eu-west"],
            "wait_ms": 100, "ledger_age_max_s": 172_800,
        });
        assert_eq!(policy(options), Ok(expected));
    }

    #[test]
    fn a_placement_is_everywhere_or_names() {
        let placed = |text| policy(DialOptions { placement: some(text), ..Default::default() });
        assert_eq!(placed("everywhere"), Ok(json!({ "placement": "everywhere" })));
        assert_eq!(placed("oslo"), Ok(json!({ "placement": ["oslo"] })));
        assert_eq!(placed("[oslo, paris]"), Ok(json!({ "placement": ["oslo", "paris"] })));
        for text in ["", ",", "oslo,,paris"] {
            assert!(placed(text).expect_err(text).contains("names no region"));
        }
    }

    #[test]
    fn an_age_has_a_unit() {
        let aged = |text| policy(DialOptions { ledger_age_max: some(text), ..Default::default() });
        for (text, seconds) in [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000)] {
            assert_eq!(aged(text), Ok(json!({ "ledger_age_max_s": seconds })));
        }
        for text in ["", "30", "d", "1.5h", "-1d", "1w", "99999999999999999d", "1é"] {
            assert!(aged(text).expect_err(text).contains("such as 30d"), "{text}");
        }
    }

    #[test]
    fn an_unknown_dial_in_a_file_is_refused_with_the_nearest_right_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("policy.toml");
        for (text, said) in [
            ("wirters = \"any\"", "unknown dial 'wirters'; did you mean 'writers'?\ndials: preset, writers, ack"),
            ("ack = true", "ack = true: must be text in quotes, a whole number, or a list of names"),
            ("wait_ms = -1", "wait_ms = -1: must be"),
            ("placement = [1]", "placement = [1]: must be"),
            ("ack =", "not TOML"),
        ] {
            fs::write(&file, text).expect("written");
            let error = policy(DialOptions { policy: Some(file.clone()), ..Default::default() }).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn who_removes_copies_is_named_or_nobody() {
        let regions = json!(["us-east", "us-west"]);
        assert_eq!(
            removed(&json!({ "would_remove_copies_in": regions })).as_deref(),
            Some("these regions would remove their copies: us-east, us-west")
        );
        assert_eq!(
            removed(&json!({ "removes_copies_in": regions })).as_deref(),
            Some("these regions remove their copies: us-east, us-west")
        );
        for nobody in [json!({}), json!({ "would_remove_copies_in": [] }), json!({ "removes_copies_in": null })] {
            assert_eq!(removed(&nobody), None);
        }
    }

    #[test]
    fn what_is_collapsed_is_counted_or_nothing() {
        assert_eq!(
            collapsed(&json!({ "would_collapse": { "keys": 3, "values": 7, "increments": 0 } })).as_deref(),
            Some("3 keys, 7 values")
        );
        assert_eq!(collapsed(&json!({ "collapse": 2 })).as_deref(), Some("2 values"));
        for nothing in [
            json!({}),
            json!({ "collapse": null }),
            json!({ "would_collapse": { "records": 0 } }),
            json!({ "collapse": 0 }),
        ] {
            assert_eq!(collapsed(&nothing), None);
        }
    }
}
