//! Telephone numbers in international form (ITU-T E.164), from the many spellings that people use.

use std::{fmt, str::FromStr};

/// A line for each region: ISO 3166-1 code, calling code, trunk prefix (`-` for none), international prefix.
const REGIONS: &str = include_str!("phone_regions.txt");

/// Digits of a number with its calling code: E.164 allows 15, and the shortest ones in use have 7.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// How numbers are dialled in a country or territory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneRegion {
    code: &'static str,
    calling_code: &'static str,
    /// Dialled before a national number within the region, and left out after the calling code; may be empty.
    trunk_prefix: &'static str,
    /// Dialled before the calling code of another region.
    international_prefix: &'static str,
}

impl PhoneRegion {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split(' ');
        Some(Self {
            code: columns.next()?,
            calling_code: columns.next()?,
            trunk_prefix: columns.next()?.trim_start_matches('-'),
            international_prefix: columns.next()?,
        })
    }

    /// The digits of a national or international number, with the calling code.
    fn digits(self, dialled: &str) -> String {
        for prefix in [self.international_prefix, "00"] {
            if let Some(international) = dialled.strip_prefix(prefix) {
                return self.without_trunk_prefix(international);
            }
        }
        format!("{}{}", self.calling_code, self.national(dialled))
    }

    /// An international number without the trunk prefix that some write between calling code and number.
    fn without_trunk_prefix(self, international: &str) -> String {
        match international.strip_prefix(self.calling_code) {
            Some(national) if self.trunk_prefix.starts_with('0') => {
                format!("{}{}", self.calling_code, self.national(national))
            }
            _ => international.to_owned(),
        }
    }

    /// A national number without its trunk prefix. A number can itself begin with `1` or `8`, but is then shorter.
    fn national(self, dialled: &str) -> &str {
        let is_prefix = self.trunk_prefix.starts_with('0') || dialled.len() > 10;
        let rest = dialled.strip_prefix(self.trunk_prefix);
        rest.filter(|_| is_prefix).unwrap_or(dialled)
    }
}

impl FromStr for PhoneRegion {
    type Err = String;

    fn from_str(code: &str) -> Result<Self, String> {
        let mut regions = REGIONS.lines().filter_map(Self::parse);
        regions.find(|region| region.code == code).ok_or_else(|| {
            "not a region: give a country code of ISO 3166-1 in capital letters, for example `KR`"
                .to_owned()
        })
    }
}

impl fmt::Display for PhoneRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

/// A telephone number in international form, such as `+821012345678`. A number without `+` is read as dialled in `region`;
/// without a region, or with too few or too many digits, it has none.
#[must_use]
pub fn e164(typed: &str, region: Option<PhoneRegion>) -> Option<String> {
    // The trunk prefix that is dialled only within the region, as in `+82 (0)10 1234 5678`.
    let typed = typed.trim().replace("(0)", "");
    let dialled: String = typed.chars().filter(char::is_ascii_digit).collect();
    let digits = match (typed.starts_with('+'), region) {
        (true, Some(region)) => region.without_trunk_prefix(&dialled),
        (true, None) => dialled,
        (false, Some(region)) => region.digits(&dialled),
        (false, None) => return None,
    };
    (DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_region(code: &str, typed: &str) -> Option<String> {
        e164(typed, Some(code.parse().unwrap()))
    }

    #[test]
    fn all_spellings_of_a_number_have_one_international_form() {
        for typed in [
            "010-1234-5678",
            "010 1234 5678",
            "01012345678",
            "+82 10-1234-5678",
            "+82 (0)10 1234 5678",
            "+82 010-1234-5678",
            "00821012345678",
            "0082 010 1234 5678",
            "10-1234-5678",
        ] {
            let found = in_region("KR", typed);
            assert_eq!(found.as_deref(), Some("+821012345678"), "{typed}");
        }
    }

    #[test]
    fn each_region_dials_in_its_own_way() {
        for (region, typed, expected) in [
            ("KR", "02-312-3456", "+8223123456"),
            ("KR", "+1 (212) 555-0123", "+12125550123"),
            ("US", "(212) 555-0123", "+12125550123"),
            ("US", "1-212-555-0123", "+12125550123"),
            ("US", "011 82 10 1234 5678", "+821012345678"),
            ("GB", "07700 900123", "+447700900123"),
            ("DE", "0049 30 123456", "+4930123456"),
            ("JP", "090-1234-5678", "+819012345678"),
            ("JP", "010 82 10 1234 5678", "+821012345678"),
            ("AU", "0011 82 10 1234 5678", "+821012345678"),
            ("RU", "8 (912) 345-67-89", "+79123456789"),
            ("RU", "800 555-35-35", "+78005553535"),
            ("HU", "06 30 123 4567", "+36301234567"),
            // The zero of a landline is part of the number.
            ("IT", "06 1234 5678", "+390612345678"),
            ("IT", "+39 06 1234 5678", "+390612345678"),
            ("SG", "6123 4567", "+6561234567"),
        ] {
            let found = in_region(region, typed);
            assert_eq!(found.as_deref(), Some(expected), "{region} {typed}");
        }
    }

    #[test]
    fn a_number_that_can_be_of_any_region_has_no_international_form() {
        assert_eq!(e164("010-1234-5678", None), None);
        let international = e164("+82 (0)10-1234-5678", None);
        assert_eq!(international.as_deref(), Some("+821012345678"));
        for odd in ["119", "+0123456789", "12345678901234", ""] {
            assert_eq!(in_region("KR", odd), None, "{odd}");
        }
    }

    #[test]
    fn every_region_is_read() {
        assert!(REGIONS.lines().count() > 200);
        for line in REGIONS.lines() {
            let code = line.split(' ').next().unwrap();
            let region: PhoneRegion = code.parse().unwrap();
            assert_eq!(region.to_string(), code);
            for digits in [
                region.calling_code,
                region.trunk_prefix,
                region.international_prefix,
            ] {
                assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{line}");
            }
        }
        for odd in ["", "kr", "KOR", "82", "XX"] {
            assert!(odd.parse::<PhoneRegion>().is_err(), "{odd}");
        }
    }
}
