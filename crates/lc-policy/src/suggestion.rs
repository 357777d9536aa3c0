//! The nearest right name for a wrong one.

/// `; did you mean 'NAME'?`, or nothing if every candidate is far from `wrong`.
pub fn suggestion<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest_name(wrong, candidates).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// The candidate that is a slip or two away, or that begins alike.
pub(crate) fn nearest_name<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The work grows with the square of the length, and nobody slips into a name that long.
    if wrong.len() > WRONG_BYTES_MAX {
        return None;
    }
    let wrong = wrong.to_ascii_lowercase();
    let (slips, name) = candidates.into_iter().map(|name| (slips(&wrong, name), name)).min()?;
    let alike = wrong.len() >= 3 && (name.starts_with(&wrong) || wrong.starts_with(name));
    (alike || slips <= 1 + wrong.chars().count() / 4).then_some(name)
}

/// Letters that are wrong, missing, too many, or swapped with their neighbour.
fn slips(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let width = other.len() + 1;
    let mut cost = vec![0; (one.len() + 1) * width];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            let at = i * width + j;
            cost[at] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let same = usize::from(one[i - 1] != other[j - 1]);
                    let edited = (cost[at - width - 1] + same).min(cost[at - width] + 1).min(cost[at - 1] + 1);
                    let swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
                    if swapped { edited.min(cost[at - 2 * width - 2] + 1) } else { edited }
                }
            };
        }
    }
    cost[cost.len() - 1]
}

const WRONG_BYTES_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::{slips, suggestion};

    #[test]
    fn a_slip_is_one_letter_wrong_missing_too_many_or_swapped() {
        for (wrong, count) in
            [("majority", 0), ("majorty", 1), ("majoritty", 1), ("mojority", 1), ("majoirty", 1), ("", 8)]
        {
            assert_eq!(slips(wrong, "majority"), count, "{wrong}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let names = ["local", "majority", "all"];
        assert_eq!(suggestion("loca", names), "; did you mean 'local'?");
        assert_eq!(suggestion("Majority", names), "; did you mean 'majority'?");
        assert_eq!(suggestion("quorum", names), "");
        assert_eq!(suggestion(&"l".repeat(100_000), names), "");
    }
}
