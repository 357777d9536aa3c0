//! Values of JSON answers as people read them: unknown is said to be unknown, never 0.

use serde_json::Value;

/// What stands where nothing is known.
pub const UNKNOWN: &str = "unknown";

/// Any value in one line.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::String(text) => printable(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.as_f64().filter(|_| number.is_f64()).map_or(number.to_string(), decimal),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{} {}", label(name), shown(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// What a node says goes to a terminal: no control characters, and none that reorder the line.
pub fn printable(text: &str) -> String {
    let tricky = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if tricky(c) { '\u{fffd}' } else { c }).collect()
}

/// At most so many characters; what was cut is shown by dots.
pub fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => format!("{}...", text.chars().take(chars_max.saturating_sub(3)).collect::<String>()),
    }
}

/// A member's name as words; units stay at the end.
pub fn label(name: &str) -> String {
    printable(name).replace('_', " ")
}

/// One place after the point is what anyone reads of a measured number.
fn decimal(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{printable, shortened, shown};

    #[test]
    fn every_kind_of_value_is_one_line() {
        for (value, text) in [
            (Value::Null, "unknown"),
            (json!(true), "yes"),
            (json!(3), "3"),
            (json!(82.04), "82"),
            (json!(0.25), "0.2"),
            (json!([]), "none"),
            (json!(["us-east", "eu-west"]), "us-east, eu-west"),
            (json!({ "rtt_ms": 82.5, "up": null }), "rtt ms 82.5, up unknown"),
        ] {
            assert_eq!(shown(&value), text);
        }
    }

    #[test]
    fn what_would_move_the_cursor_or_turn_the_line_round_is_not_printed() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn a_long_text_is_cut_where_a_character_ends() {
        assert_eq!(shortened("grüße", 5), "grüße");
        assert_eq!(shortened("grüße!", 5), "gr...");
    }
}
