//! Amounts of bytes as skopeo's bars write them: `0.0b`, `756.0b`, `3.4MiB`.
//!
//! Invariant: no text makes an amount that is not finite.

/// Units of 1024 each, smallest first.
const UNITS: [&str; 5] = ["b", "KiB", "MiB", "GiB", "TiB"];
/// More digits are no amount of bytes.
const MAX_DIGITS: usize = 15;

/// The bytes of an amount; `None` if the text is something else, for example cut off.
pub(super) fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let power = UNITS.iter().position(|known| *known == unit)?;
    let (whole, decimal) = number.split_once('.').unwrap_or((number, "0"));
    if whole.len() > MAX_DIGITS || decimal.len() != 1 {
        return None;
    }
    let tenths = format!("{whole}{decimal}").parse::<u128>().ok()?;
    let bytes = (tenths << (10 * power)) / 10;
    u64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_decimal_and_a_binary_unit() {
        for (text, bytes) in [
            ("0.0b", 0),
            ("8.0b", 8),
            ("1.5KiB", 1536),
            ("26.7MiB", 27_996_979),
            ("2.0GiB", 2 << 30),
            ("1.0TiB", 1 << 40),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_or_absurd_is_no_amount() {
        for text in [
            "", "3", "3.4", "3.4M", "3.4Mi…", ".b", "1.2.3MiB", "-1.0b", "1e9b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("999999999999999.9TiB"), None);
        assert_eq!(parse(&format!("{}.0b", "9".repeat(40))), None);
    }
}
