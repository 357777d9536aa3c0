//! Moments as people write them, in universal time.

/// `2026-11-21 12:44:05.123`, from milliseconds since 1970.
pub fn utc(ms: u64) -> String {
    let (days, in_day) = (ms / DAY_MS, ms % DAY_MS);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", in_day % 1000)
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years counted from March, so that the leap day is the last of its year; 400 of them have a fixed number of days.
    let days = days + DAYS_FROM_YEAR_0_MARCH_TO_1970;
    let (era, in_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let leap_days = in_era / 1460 + in_era / 146_096 - in_era.min(146_095) / 36_524;
    let year = (in_era - leap_days) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, twice, and then January and February.
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const DAYS_FROM_YEAR_0_MARCH_TO_1970: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

#[cfg(test)]
mod tests {
    use super::{date, utc};

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00.000"),
            (951_782_400_000, "2000-02-29 00:00:00.000"),
            (951_868_799_999, "2000-02-29 23:59:59.999"),
            (1_000_000_000_000, "2001-09-09 01:46:40.000"),
            (1_234_567_890_123, "2009-02-13 23:31:30.123"),
            (4_102_444_800_000, "2100-01-01 00:00:00.000"),
        ] {
            assert_eq!(utc(ms), text);
        }
        // No overflow, whatever a node sends.
        assert!(utc(u64::MAX).ends_with(".615"));
    }

    #[test]
    fn every_day_of_nine_centuries_follows_the_one_before() {
        let length = |year: u64, month: u64| match month {
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut last = (1970, 1, 1);
        for days in 1..=(900 * 366) {
            let (year, month, day) = last;
            last = match (day == length(year, month), month) {
                (false, _) => (year, month, day + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
            assert_eq!(date(days), last);
        }
    }
}
