//! One-time codes: generating and parsing. Hashing is in the services.

use std::fmt;

use aws_lc_rs::rand;

use crate::domain::problem::Problem;
use crate::domain::text::ascii_number;

/// A one-time code of decimal digits. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct OtpCode(String);

impl OtpCode {
    /// Maximum number of digits.
    pub const MAX_LENGTH: usize = 10;

    /// Generates a uniformly distributed code from the system random source.
    ///
    /// `None` if the random source fails.
    #[must_use]
    pub fn generate(length: usize) -> Option<Self> {
        let mut digits = String::with_capacity(length);
        while digits.len() < length {
            let mut byte = [0_u8; 1];
            rand::fill(&mut byte).ok()?;
            // Bytes from 250 on are skipped, because they would make some digits more likely.
            if byte[0] < 250 {
                digits.push(char::from(b'0' + byte[0] % 10));
            }
        }
        Some(Self(digits))
    }

    /// Parses a typed code. Spaces, hyphens and invisible characters are ignored; full-width digits are digits.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let typed = ascii_number(typed);
        if typed.len() > 64 {
            return Err(Problem::TooLong {
                max: Self::MAX_LENGTH,
            });
        }
        let code: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect();
        if code.is_empty() {
            Err(Problem::Blank)
        } else {
            Ok(Self(code))
        }
    }

    /// The digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_requested_length_and_every_digit_occurs() {
        let mut seen = [0_u32; 10];
        for _ in 0..500 {
            let code = OtpCode::generate(6).unwrap();
            assert_eq!(code.reveal().len(), 6);
            code.reveal()
                .bytes()
                .for_each(|digit| seen[usize::from(digit - b'0')] += 1);
        }
        assert!(seen.iter().all(|&n| (200..400).contains(&n)), "{seen:?}");
    }

    #[test]
    fn a_typed_code_may_have_spaces_and_hyphens() {
        assert_eq!(OtpCode::parse(" 123 4-56 ").unwrap().reveal(), "123456");
    }

    #[test]
    fn debug_output_omits_the_code() {
        assert_eq!(
            format!("{:?}", OtpCode::parse("123456").unwrap()),
            "OtpCode(…)"
        );
    }
}
