//! Lists as CSV files: written while they are read, so that a million rows take no more memory than a few hundred.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web::Bytes,
};
use csv::{Terminator, WriterBuilder};
use futures_util::stream;

use crate::{http::admin::web::panel::Panel, services::Error};

/// How many rows are read at a time.
pub(crate) const BATCH: i64 = 500;
/// By which spreadsheets know that a file is UTF-8.
const MARK: &str = "\u{feff}";

/// Some lines of a file, and the place from which on the next ones are read; none where these are the last.
pub(crate) struct Batch<P> {
    pub lines: Vec<Vec<String>>,
    pub next: Option<P>,
}

impl<P> Batch<P> {
    /// The lines of rows that were read [`BATCH`] at a time; fewer of them are the last.
    pub(crate) fn of<R>(
        rows: &[R],
        place: impl Fn(&R) -> P,
        line: impl Fn(&R) -> Vec<String>,
    ) -> Self {
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
        Self {
            lines: rows.iter().map(line).collect(),
            next: rows.last().filter(|_| is_full).map(place),
        }
    }
}

enum Step<P> {
    First,
    After(P),
    End,
}

/// The answer that is a file `<name>-<day>.csv`. `read` gives the lines after a place.
pub(crate) fn answer<P, F, R>(
    panel: &Panel,
    name: &str,
    header: &'static [&'static str],
    read: F,
) -> HttpResponse
where
    P: 'static,
    F: Fn(Option<P>) -> R + 'static,
    R: Future<Output = Result<Batch<P>, Error>> + 'static,
{
    let day = panel.now().naive_utc().and_utc();
    let day = day.with_timezone(&panel.zone()).format("%Y-%m-%d");
    let first = header.iter().map(|&name| name.to_owned()).collect();
    let batches = stream::try_unfold((Step::First, Some(first)), move |(step, head)| {
        let reading = match step {
            Step::First => Some(read(None)),
            Step::After(place) => Some(read(Some(place))),
            Step::End => None,
        };
        async move {
            let Some(reading) = reading else {
                return Ok::<_, Error>(None);
            };
            let batch = reading.await?;
            let next = batch.next.map_or(Step::End, Step::After);
            Ok(Some((written(head, batch.lines), (next, None))))
        }
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}-{day}.csv\""),
        ))
        .streaming(batches)
}

/// The lines as they stand in the file; before the first ones, its mark and its header.
fn written(head: Option<Vec<String>>, lines: Vec<Vec<String>>) -> Bytes {
    let mark = head.as_ref().map_or("", |_| MARK);
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(mark.as_bytes().to_vec());
    for line in head.into_iter().chain(lines) {
        // A Vec takes whatever is written to it.
        let _ = writer.write_record(line.into_iter().map(escape_formula));
    }
    writer.into_inner().unwrap_or_default().into()
}

/// A cell that no spreadsheet takes for a formula.
fn escape_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("+82 10", "'+82 10"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("Ann = Bob", "Ann = Bob"),
            ("", ""),
        ] {
            assert_eq!(escape_formula(cell.to_owned()), safe);
        }
    }

    #[test]
    fn a_file_begins_with_its_mark_and_quotes_what_needs_it() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let bytes = written(Some(line(["a", "b"])), vec![line(["x, \"y\"", "z"])]);
        assert_eq!(
            &bytes[..],
            "\u{feff}a,b\r\n\"x, \"\"y\"\"\",z\r\n".as_bytes()
        );
    }
}
