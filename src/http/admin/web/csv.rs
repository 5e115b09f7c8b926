//! Lists as CSV files. Those that can be long are streamed: memory does not grow with the number of rows.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web::Bytes,
};
use chrono::TimeZone;
use chrono_tz::Tz;
use csv::{Terminator, WriterBuilder};
use futures_util::{TryStreamExt, stream};

use crate::clock::Timestamp;
use crate::http::admin::web::error::PageResult;
use crate::http::admin::web::panel::Panel;
use crate::http::middleware::context::services_of;
use crate::services::audit::recording;
use crate::services::{Error, Services};

/// The number of rows per query.
const BATCH: i64 = 500;
/// The byte order mark: spreadsheets recognise UTF-8 by it.
const BOM: &str = "\u{feff}";

/// The address of an export with the filters of a query string.
pub(crate) fn url(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// The list of a page as a file.
pub(crate) struct Export<R: 'static, P: 'static> {
    /// The name of the list, in the name of the file and in the audit log.
    pub(crate) name: &'static str,
    /// The names of the columns, not translated.
    pub(crate) header: Vec<&'static str>,
    /// The columns of a row, not translated; times also in the viewer's time zone.
    pub(crate) line: fn(&R, Tz) -> Vec<String>,
    /// The position of a row in the list.
    pub(crate) cursor: fn(&R) -> P,
}

impl<R, P> Export<R, P> {
    /// Records the export with its query string, and answers with the file. `batch` reads the rows that match the filter
    /// after a position, up to a number; fewer are the last.
    pub(crate) async fn answer<F, B>(
        self,
        panel: &Panel,
        request: &HttpRequest,
        (query, filter): (String, F),
        batch: B,
    ) -> PageResult
    where
        F: Clone + 'static,
        B: AsyncFn(&Services, F, Option<P>, i64) -> Result<Vec<R>, Error> + Copy + 'static,
    {
        // Recorded before the first row is sent.
        recording::record_export(panel.services(), panel.actor(), self.name, &query).await?;
        let services = services_of(request)?;
        let read = move |after| {
            let (services, filter) = (services.clone(), filter.clone());
            async move { batch(&services, filter, after, BATCH).await }
        };
        let (zone, line) = (panel.zone(), self.line);
        let line = move |row: &R| line(row, zone);
        Ok(streamed(
            panel,
            self.name,
            self.header,
            line,
            self.cursor,
            read,
        ))
    }
}

/// A short list as a file, with the names and the columns of [`Export`]. Records the export.
pub(crate) async fn short_list<R>(
    panel: &Panel,
    name: &'static str,
    header: &[&str],
    rows: &[R],
    line: fn(&R, Tz) -> Vec<String>,
) -> PageResult {
    recording::record_export(panel.services(), panel.actor(), name, "").await?;
    let head = header.iter().map(|&column| column.to_owned()).collect();
    let lines = rows.iter().map(|row| line(row, panel.zone()));
    Ok(response(panel, name).body(written(Some(head), lines)))
}

/// The file `<name>-<day>.csv`. `read` returns up to [`BATCH`] rows after the cursor of a row; fewer are the last.
fn streamed<R, P, F, Rows>(
    panel: &Panel,
    name: &str,
    header: Vec<&'static str>,
    line: impl Fn(&R) -> Vec<String> + 'static,
    cursor: fn(&R) -> P,
    read: F,
) -> HttpResponse
where
    R: 'static,
    P: 'static,
    F: Fn(Option<P>) -> Rows + 'static,
    Rows: Future<Output = Result<Vec<R>, Error>> + 'static,
{
    let first = header.into_iter().map(str::to_owned).collect();
    // Before each batch: the cursor, and the header of the first one. None at the end.
    let batches = stream::try_unfold(Some((None, Some(first))), move |state| {
        let reading = state.map(|(after, head)| (read(after), head));
        async move {
            let Some((reading, head)) = reading else {
                return Ok::<_, Error>(None);
            };
            let rows = reading.await?;
            let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
            let last = rows.last().filter(|_| is_full);
            let next = last.map(|row| (Some(cursor(row)), None));
            Ok(Some(((rows, head), next)))
        }
    });
    let batches = batches.map_ok(move |(rows, head)| written(head, rows.iter().map(&line)));
    response(panel, name).streaming(batches)
}

fn response(panel: &Panel, name: &str) -> HttpResponseBuilder {
    let day = panel.now().naive_utc().and_utc();
    let day = day.with_timezone(&panel.zone()).format("%Y-%m-%d");
    let file = format!("attachment; filename=\"{name}-{day}.csv\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, file));
    response
}

/// A time in two cells: in UTC (RFC 3339), and in a form that spreadsheets read as a time, in the viewer's time zone.
pub(crate) fn time(at: Option<Timestamp>, zone: Tz) -> [String; 2] {
    let Some(at) = at else {
        return [String::new(), String::new()];
    };
    let local = zone.from_utc_datetime(at.naive_utc());
    [
        at.to_string(),
        local.format("%Y-%m-%d %H:%M:%S").to_string(),
    ]
}

/// The encoded lines; the first ones with the byte order mark and the header.
fn written(head: Option<Vec<String>>, lines: impl Iterator<Item = Vec<String>>) -> Bytes {
    let bom = head.as_ref().map_or("", |_| BOM);
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(bom.as_bytes().to_vec());
    for line in head.into_iter().chain(lines) {
        // Writing to a Vec cannot fail.
        let _ = writer.write_record(line.into_iter().map(escape_formula));
    }
    writer.into_inner().unwrap_or_default().into()
}

/// A cell that spreadsheets do not evaluate as a formula (CSV injection).
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
    fn formulas_are_escaped() {
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
    fn a_file_begins_with_a_byte_order_mark_and_quotes_cells() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = std::iter::once(line(["x, \"y\"", "z"]));
        let bytes = written(Some(line(["a", "b"])), lines);
        assert_eq!(
            &bytes[..],
            "\u{feff}a,b\r\n\"x, \"\"y\"\"\",z\r\n".as_bytes()
        );
    }
}
