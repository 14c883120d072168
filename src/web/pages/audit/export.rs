//! `GET /audit.csv`: every entry that passes the filters, as a file. Taking it is an entry of the log itself.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;

use super::Asked;
use crate::domain::audit::Change;
use crate::domain::text::hexadecimal;
use crate::report::spreadsheet::guarded;
use crate::store::audit::{ENTRIES_PER_READ, Entry};
use crate::web::moment::day;
use crate::web::page::iso_time;
use crate::web::{State, Visitor, WebError};

const COLUMNS: [&str; 13] = [
    "number",
    "time_utc",
    "person",
    "role",
    "address",
    "route",
    "action",
    "object",
    "old",
    "new",
    "reason",
    "previous_hash",
    "hash",
];

/// Answers with the file, sent while it is read.
///
/// # Errors
/// 422 for filters that cannot be read; store errors before the first row.
pub async fn csv(
    state: web::Data<State>,
    visitor: Visitor,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let (filter, before, problems) = asked.filter();
    if let Some(problem) = problems.all().first() {
        return Err(WebError::Invalid { target: "filter", message: problem.message.clone() });
    }
    let now_us = state.clock.now_us();
    let mut change = Change::new("export audit log", "audit log");
    if *asked != Asked::default() {
        change = change.to(serde_json::to_value(&*asked).map_err(WebError::internal)?);
    }
    state.store.audit(&visitor.actor(), &change, now_us).await?;
    let rows = stream::try_unfold(Some((before, true)), move |place| {
        let (state, filter) = (state.clone(), filter.clone());
        async move {
            let Some((before, is_first)) = place else { return Ok(None) };
            let entries = state.store.audit_page(&filter, before, ENTRIES_PER_READ).await?;
            let next = entries.last().map(|entry| (entry.audit_id, false));
            let is_last = i64::try_from(entries.len()).is_ok_and(|count| count < ENTRIES_PER_READ);
            let text = lines(&entries, is_first).map_err(WebError::internal)?;
            Ok::<_, WebError>(Some((Bytes::from(text), next.filter(|_| !is_last))))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"cellar-audit-{}.csv\"", day(now_us)),
        ))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox"))
        .streaming(rows))
}

/// Entries as lines of the file, the first ones below the names of the columns.
fn lines(entries: &[Entry], is_first: bool) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if is_first {
        writer.write_record(COLUMNS)?;
    }
    for entry in entries {
        writer.write_field(entry.audit_id.to_string())?;
        writer.write_field(iso_time(entry.at_us))?;
        let texts = [&entry.actor, &entry.role, &entry.address, &entry.route, &entry.action, &entry.object];
        for text in texts {
            writer.write_field(guarded(text).as_ref())?;
        }
        for json in [&entry.old_json, &entry.new_json] {
            writer.write_field(guarded(json.as_deref().unwrap_or_default()).as_ref())?;
        }
        writer.write_field(guarded(&entry.reason).as_ref())?;
        writer.write_field(hexadecimal(&entry.previous_hash))?;
        writer.write_field(hexadecimal(&entry.hash))?;
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_text_in_every_spreadsheet() {
        let entry = Entry {
            audit_id: 7,
            at_us: 0,
            actor: "-".into(),
            role: "shell".into(),
            address: String::new(),
            route: "cellar user add".into(),
            action: "add user".into(),
            object: "=HYPERLINK(\"http://x\")".into(),
            old_json: None,
            new_json: Some(r#"{"a":1}"#.into()),
            reason: "two\r\nlines, \"quoted\"".into(),
            previous_hash: vec![0; 2],
            hash: vec![255, 1],
        };
        let text = String::from_utf8(lines(&[entry], true).unwrap()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        let expected = [
            "7",
            "1970-01-01T00:00:00.000000Z",
            "'-",
            "shell",
            "",
            "cellar user add",
            "add user",
            "'=HYPERLINK(\"http://x\")",
            "",
            r#"{"a":1}"#,
            "two\r\nlines, \"quoted\"",
            "0000",
            "ff01",
        ];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
        assert_eq!(lines(&[], false).unwrap(), b"");
    }
}
