//! Text with code in backticks, in pieces for templates.

/// A piece of a text.
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Whether it was in backticks.
    pub(crate) is_code: bool,
}

/// The pieces of a text.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    text.split('`')
        .enumerate()
        .map(|(at, text)| Piece {
            text: text.to_owned(),
            is_code: at % 2 == 1,
        })
        .collect()
}
