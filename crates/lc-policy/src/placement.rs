//! Where the bytes may be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::given::Given;
use crate::text::wrong;
use crate::{Dial, Error};

/// The `placement` dial. As text: `everywhere`, or names as in `[eu-west, us-east]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Placement {
    /// Every region, later ones too.
    #[default]
    Everywhere,
    /// These regions, sorted.
    Regions(Vec<String>),
}

impl Placement {
    /// These regions, in any order. Whether they exist is for [`Policy::check`](crate::Policy::check) to say, which
    /// also refuses a name given twice.
    pub fn regions(names: Vec<String>) -> Result<Placement, Error> {
        let mut names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        names.sort_unstable();
        let placement = Placement::Regions(names);
        let Placement::Regions(names) = &placement else { return Ok(placement) };
        let why = match names.iter().map(String::len).max() {
            _ if names.len() > REGIONS_MAX => "no cluster has that many regions",
            _ if names.iter().any(String::is_empty) => "one of the names is empty",
            // It could not be told from two names when the list is written as text.
            _ if names.iter().any(|name| name.contains([',', '[', ']'])) => {
                "no region has a comma or a bracket in its name"
            }
            Some(longest) if longest > NAME_BYTES_MAX => "no region has a name that long",
            // Alone it is what one writes for every region; beside others it contradicts them.
            _ if names.iter().any(|name| name == EVERYWHERE) => "everywhere stands alone, without a list",
            _ => return Ok(placement),
        };
        Err(wrong(Dial::Placement, &placement.to_string(), why))
    }

    /// Whether the bytes may be in this region.
    pub fn holds(&self, region: &str) -> bool {
        match self {
            Placement::Everywhere => true,
            Placement::Regions(names) => names.iter().any(|name| name == region),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placement::Everywhere => f.write_str(EVERYWHERE),
            Placement::Regions(names) => write!(f, "[{}]", names.join(", ")),
        }
    }
}

impl FromStr for Placement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Placement, Error> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(EVERYWHERE) {
            return Ok(Placement::Everywhere);
        }
        let list = match text.strip_prefix('[') {
            None => text,
            Some(rest) => rest
                .strip_suffix(']')
                .ok_or_else(|| wrong(Dial::Placement, text, "a bracket is not closed: write [eu-west, us-east]"))?,
        };
        match list.trim() {
            "" => Placement::regions(Vec::new()),
            list => Placement::regions(list.split(',').map(str::to_owned).collect()),
        }
    }
}

impl Serialize for Placement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Placement::Everywhere => serializer.serialize_str(EVERYWHERE),
            Placement::Regions(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Placement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Placement, D::Error> {
        Given::deserialize(deserializer)?.placement().map_err(serde::de::Error::custom)
    }
}

const EVERYWHERE: &str = "everywhere";
/// More than a cluster can have nodes.
const REGIONS_MAX: usize = 64;
/// Names of regions stand in certificates, where they are shorter than this.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::Placement;

    fn regions(names: &[&str]) -> Placement {
        Placement::Regions(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn every_setting_is_read_as_it_is_printed() {
        for placement in [Placement::Everywhere, regions(&["eu-west"]), regions(&["eu-west", "us-east"]), regions(&[])]
        {
            assert_eq!(placement.to_string().parse(), Ok(placement.clone()));
            let json = serde_json::to_string(&placement).expect("JSON");
            assert_eq!(serde_json::from_str::<Placement>(&json).expect(&json), placement);
        }
    }

    #[test]
    fn a_list_holds_what_it_names_and_everywhere_holds_what_is_yet_to_come() {
        let two = regions(&["eu-west", "us-east"]);
        assert!(two.holds("eu-west") && !two.holds("eu") && !regions(&[]).holds("eu-west"));
        assert!(Placement::Everywhere.holds("mars"));
    }

    #[test]
    fn a_list_is_sorted_whatever_its_form() {
        let sorted = regions(&["eu-west", "us-east"]);
        for text in ["us-east,eu-west", "[ us-east , eu-west ]", "eu-west, us-east"] {
            assert_eq!(text.parse(), Ok(sorted.clone()));
        }
        assert_eq!(serde_json::from_str::<Placement>("[\"us-east\", \"eu-west\"]").expect("a list"), sorted);
        assert_eq!(serde_json::from_str::<Placement>("\"us-east, eu-west\"").expect("as words"), sorted);
    }

    #[test]
    fn a_wrong_setting_is_told_what_would_be_right() {
        for (text, why) in [
            ("us-east,,eu-west", "placement=[, eu-west, us-east]: one of the names is empty"),
            ("[us-east", "placement=[us-east: a bracket is not closed: write [eu-west, us-east]"),
            ("everywhere, us-east", "placement=[everywhere, us-east]: everywhere stands alone, without a list"),
        ] {
            assert_eq!(text.parse::<Placement>().expect_err(text).to_string(), why);
        }
        let odd = serde_json::from_str::<Placement>(r#"["oslo,kyiv"]"#).expect_err("one name").to_string();
        assert!(odd.contains("no region has a comma or a bracket in its name"), "{odd}");
        let many = vec!["eu"; 100].join(",").parse::<Placement>().expect_err("too many").to_string();
        assert!(many.ends_with("...: no cluster has that many regions"), "{many}");
    }
}
