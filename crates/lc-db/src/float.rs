//! How floats look to clients.

/// Shortest text that reads back as the same float; whole numbers without a point, as Redis shows them.
pub fn format(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    let magnitude = value.abs();
    if (1e-5..1e17).contains(&magnitude) { format!("{value}") } else { exponent(value) }
}

/// For sums of decimals: 15 significant digits, so that 0.1 + 0.2 reads 0.3; whole numbers with all their digits.
pub fn format_sum(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return if value == 0.0 { "0".to_owned() } else { format(value) };
    }
    // A whole number has no stray digits to round away, and above 15 digits every one of them counts.
    if value.fract() == 0.0 {
        return format!("{value}");
    }
    let rounded: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    format!("{rounded}")
}

fn exponent(value: f64) -> String {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        Some((digits, power)) if power.len() == 2 => format!("{digits}e-0{}", &power[1..]),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{format, format_sum};

    #[test]
    fn floats_look_as_redis_shows_them() {
        for (value, text) in [
            (3.0, "3"),
            (3.5, "3.5"),
            (1e20, "1e+20"),
            (f64::INFINITY, "inf"),
            (1.5e-7, "1.5e-07"),
            (17179869184.0, "17179869184"),
        ] {
            assert_eq!(format(value), text);
        }
        assert_eq!(format_sum(0.1 + 0.2), "0.3");
        assert_eq!(format_sum(5200.0), "5200");
        assert_eq!(format_sum(9007199254740990.0), "9007199254740990");
    }
}
