//! Measured rows, put straight into the database.

use cellar::domain::ids::DeviceId;
use cellar::domain::sample::{BATCH_ROWS_MAX, Column, Subject};
use cellar::series::codec;
use cellar::store::Store;
use cellar::store::blocks::NewBlock;
use cellar::store::streams::Latest;

/// A column of a test.
pub(crate) fn column(name: &str, values: &[f64], nulls: &[u32]) -> Column {
    Column { name: name.to_owned(), values: values.to_vec(), nulls: nulls.to_vec() }
}

/// Stores rows `seq0` and on of a boot as blocks of at most `block_rows`.
pub(crate) async fn store_rows(
    store: &Store,
    device: &str,
    subject: Subject,
    (boot, seq0): (u32, i64),
    block_rows: usize,
    times_us: &[i64],
    columns: &[Column],
) {
    let device: DeviceId = device.parse().unwrap();
    let mut group = store.begin_group().await.unwrap();
    let stream = group.stream(&device, subject, 1).await.unwrap().unwrap();
    let column_set_id = group.column_set(columns).await.unwrap();
    let mut blocks = Vec::new();
    let mut span_max_us = 0;
    for (at, times) in times_us.chunks(block_rows.min(BATCH_ROWS_MAX)).enumerate() {
        let from = at * block_rows.min(BATCH_ROWS_MAX);
        let part: Vec<Column> = columns.iter().map(|column| column.slice(from, from + times.len())).collect();
        let content = codec::encode(times, &part);
        let (at0_us, at1_us) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        span_max_us = span_max_us.max(at1_us - at0_us);
        blocks.push(NewBlock {
            stream,
            boot,
            seq0: seq0 + i64::try_from(from).unwrap(),
            row_count: times.len(),
            at0_us,
            at1_us,
            dated: true,
            tick_offset_us: 0,
            received_at_us: at1_us,
            column_set_id,
            crc: codec::checksum(&content),
            content: content.into(),
        });
    }
    group.insert_blocks(&blocks).await.unwrap();
    let before = group.latest(stream).await.unwrap();
    let rows = i64::try_from(times_us.len()).unwrap();
    let (first, last) = (*times_us.iter().min().unwrap(), *times_us.iter().max().unwrap());
    let values = columns.iter().map(|column| (column.name.clone(), column.get(times_us.len() - 1).into()));
    let latest = Latest {
        boot: i64::from(boot),
        seq: seq0 + rows - 1,
        at_us: before.as_ref().map_or(last, |before| before.at_us.max(last)),
        received_at_us: last,
        values_json: serde_json::Value::Object(values.collect()).to_string(),
        row_total: before.as_ref().map_or(0, |before| before.row_total) + rows,
        first_at_us: before.as_ref().map_or(first, |before| before.first_at_us.min(first)),
        span_max_us: before.map_or(0, |before| before.span_max_us).max(span_max_us),
    };
    group.set_latest(&[(stream, latest)]).await.unwrap();
    group.commit().await.unwrap();
}
