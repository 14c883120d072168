//! A window of a series over HTTP: the form that programs rely on, and the one that our own charts are sent.

use cellar::domain::sample::Subject;
use cellar::domain::user::Role;
use cellar::store::Store;
use serde_json::Value;

use crate::exports::{T, begun};
use crate::support::people::Browser;
use crate::support::series::{column, store_rows};
use crate::support::server::Server;

#[tokio::test]
async fn the_compact_form_has_the_points_of_the_plain_one() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let experiment = begun(&store, "series").await;
    let at_us: Vec<i64> = (0..3_000).map(|row| T + row * 1_000_000 + row % 7).collect();
    let decimal: Vec<f64> = (0..3_000).map(|row| f64::from(row * 37 % 977 - 400) / 1e4).collect();
    let odd: Vec<f64> = (0..3_000).map(|row| f64::from(row) / 3.0).collect();
    let columns = [column("voltage_v", &decimal, &[5, 6, 2_999]), column("current_a", &odd, &[])];
    store_rows(&store, "cu-6", Subject::Experiment(experiment), (1, 0), 1_000, &at_us, &columns).await;
    let mut viewer = Browser::signed_in(&server, Role::Viewer).await;
    // Pixels of many samples, and every sample.
    for width in [100, 2_000] {
        let path =
            format!("/api/v1/experiments/{experiment}/series?columns=voltage_v,current_a,nothing_v&width={width}");
        let plain: Value = serde_json::from_str(&viewer.get(&path).await.body).unwrap();
        let mut compact: Value = serde_json::from_str(&viewer.get(&format!("{path}&form=compact")).await.body).unwrap();
        assert!(plain["at_us"].as_array().unwrap().len() > 100, "{plain}");
        assert!(compact["columns"][0]["steps"].is_array() && compact["columns"][1]["values"].is_array(), "{compact}");
        let columns = compact["columns"].as_array_mut().unwrap();
        for column in columns.iter_mut().filter_map(Value::as_object_mut) {
            let Some(steps) = column.remove("steps") else { continue };
            let values = values(steps.as_array().unwrap(), column["decimals"].as_u64().unwrap());
            column.remove("decimals");
            column.insert("values".to_owned(), values);
        }
        let at = compact.as_object_mut().unwrap().remove("at").unwrap();
        compact["at_us"] = times(&at);
        assert_eq!(compact, plain, "width {width}");
    }
}

fn times(at: &Value) -> Value {
    let mut at_us = at["first_us"].as_i64().unwrap();
    let mut times = vec![at_us];
    for off_us in at["off_us"].as_array().unwrap() {
        at_us += at["step_us"].as_i64().unwrap() + off_us.as_i64().unwrap();
        times.push(at_us);
    }
    times.into()
}

#[expect(clippy::cast_precision_loss, reason = "as in a browser")]
fn values(steps: &[Value], decimals: u64) -> Value {
    let mut known = [0, 0];
    let value = |step: &Value| {
        known = [known[1], known[0] + step.as_i64()?];
        Some(known[1] as f64 / 10_f64.powi(i32::try_from(decimals).unwrap()))
    };
    steps.iter().map(value).collect::<Vec<Option<f64>>>().into()
}
