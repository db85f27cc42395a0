//! Percentages as people read them.

/// A percentage with `precision` digits after the point, rounded as coverage.py rounds (7.17.3, `results.py`,
/// `display_covered`): half to even, but never to 0 or 100 what is not exactly that.
pub(super) fn display(percent: f64, precision: u8) -> String {
    let precision = usize::from(precision);
    let step = step(precision);
    let shown = if 0.0 < percent && percent < step {
        step
    } else if 100.0 - step < percent && percent < 100.0 {
        100.0 - step
    } else {
        // Formatting rounds the exact binary value half to even, as Python's `round` does.
        percent
    };
    format!("{shown:.precision$}")
}

/// 10 to the power of `-precision`, computed as Python computes `1.0 / 10**precision`.
fn step(precision: usize) -> f64 {
    // Every power up to 1e255 is a number in the format read here.
    let power: f64 = format!("1e{precision}").parse().unwrap_or(f64::INFINITY);
    1.0 / power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounds_as_coverage_py_does() {
        // Each pair printed by coverage.results.display_covered (7.17.3).
        for (percent, precision, shown) in [
            (0.0, 0, "0"),
            (0.4, 0, "1"),
            (99.6, 0, "99"),
            (99.999, 2, "99.99"),
            (100.0, 0, "100"),
            (100.0, 2, "100.00"),
            (62.5, 0, "62"),
            (63.5, 0, "64"),
            (50.25, 1, "50.2"),
            (50.75, 1, "50.8"),
            (0.001, 2, "0.01"),
            (71.428_571_428_571_43, 3, "71.429"),
        ] {
            assert_eq!(display(percent, precision), shown, "{percent} to {precision} digits");
        }
    }

    #[test]
    fn any_precision_is_fine() {
        assert_eq!(display(50.0, u8::MAX).len(), "50.".len() + 255);
    }

    /// Rounds the exact binary value by long division: an oracle that shares no code with the formatter.
    fn rounded_half_even(value: f64, precision: u32) -> String {
        let (mantissa, exponent) = binary(value);
        // value == mantissa / 2^exponent, with exponent >= 0 for values below 2^53.
        let scaled = u128::from(mantissa) * 10_u128.pow(precision);
        let (mut units, rest) = (scaled >> exponent, scaled & ((1 << exponent) - 1));
        let half = (1_u128 << exponent) >> 1;
        if rest > half || (exponent > 0 && rest == half && units % 2 == 1) {
            units += 1;
        }
        let digits = format!("{units:0width$}", width = precision as usize + 1);
        let (whole, decimals) = digits.split_at(digits.len() - precision as usize);
        if precision == 0 { whole.to_owned() } else { format!("{whole}.{decimals}") }
    }

    fn binary(value: f64) -> (u64, u32) {
        let bits = value.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7ff;
        if exponent == 0 { (0, 0) } else { ((bits & ((1 << 52) - 1)) | (1 << 52), 1075 - exponent) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        // Powers of two as denominators make exact halves likely.
        #[test]
        fn rounds_half_to_even(
            (covered, all) in prop_oneof![
                (1_u32..3000).prop_flat_map(|all| (0..=all, Just(all))),
                (0_u32..12).prop_map(|power| 1_u32 << power).prop_flat_map(|all| (0..=all, Just(all))),
            ],
            precision in 0_u8..6,
        ) {
            let percent = 100.0 * f64::from(covered) / f64::from(all);
            let step = step(usize::from(precision));
            let shown = display(percent, precision);
            if covered == 0 || covered == all || (step <= percent && percent <= 100.0 - step) {
                prop_assert_eq!(shown, rounded_half_even(percent, precision.into()));
            } else {
                let exact: f64 = shown.parse().unwrap();
                prop_assert!(0.0 < exact && exact < 100.0, "{} was shown as {}", percent, shown);
            }
        }
    }
}
