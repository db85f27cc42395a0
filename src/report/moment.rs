//! When a report was made.

use std::fmt;

/// A point in time, and what the clocks on the wall showed then. The default is the epoch in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub(crate) microseconds: i64,
    /// Seconds to add to UTC for local time.
    pub(crate) utc_offset: i32,
}

impl Moment {
    /// Local time as Python's `datetime.now().isoformat()` has it: no zone, and no fraction when that is zero.
    pub(super) fn local(self) -> impl fmt::Display {
        LocalTime(self)
    }
}

struct LocalTime(Moment);

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: i64 = 1_000_000;
        let seconds = self.0.microseconds.div_euclid(SECOND) + i64::from(self.0.utc_offset);
        let fraction = self.0.microseconds.rem_euclid(SECOND);
        let (year, month, day) = date(seconds.div_euclid(86_400));
        let time = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if fraction == 0 { Ok(()) } else { write!(f, ".{fraction:06}") }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar (H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`). Years begin in March here, so that the leap day comes last.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_ERA: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_IN_ERA);
    let day_of_era = days.rem_euclid(DAYS_IN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(microseconds: i64, utc_offset: i32) -> String {
        Moment { microseconds, utc_offset }.local().to_string()
    }

    #[test]
    fn is_pythons_isoformat() {
        assert_eq!(local(0, 0), "1970-01-01T00:00:00");
        assert_eq!(local(-1, 0), "1969-12-31T23:59:59.999999");
        assert_eq!(local(951_782_400_000_000, 0), "2000-02-29T00:00:00");
        assert_eq!(local(951_868_799_000_001, 3600), "2000-03-01T00:59:59.000001");
        assert_eq!(local(1_735_689_599_123_456, -18_000), "2024-12-31T18:59:59.123456");
        // The extremes are nonsense, but not a panic.
        assert!(!local(i64::MAX, i32::MAX).is_empty());
        assert!(!local(i64::MIN, i32::MIN).is_empty());
    }
}
