//! Experiments as CSV: every row once, in order of time, with every digit; from the page, the API and the command line,
//! in memory that does not grow with the experiment.

use std::process::{Command, Stdio};
use std::time::Duration;

use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::ExperimentId;
use cellar::domain::sample::Subject;
use cellar::domain::user::Role;
use cellar::exchange::export::TableExport;
use cellar::report::csv::Dialect;
use cellar::store::Store;
use cellar::store::transitions::Move;

use crate::support::lab::{experiment, unit};
use crate::support::people::Browser;
use crate::support::series::{column, store_rows};
use crate::support::server::Server;

/// 21 Nov 2026, 06:00 UTC.
pub(crate) const T: i64 = 1_795_240_800_000_000;
const SECOND: i64 = 1_000_000;

/// An experiment that began at [`T`].
pub(crate) async fn begun(store: &Store, name: &str) -> ExperimentId {
    let unit = unit(store, &format!("cu-{}", name.len())).await;
    let station = store.add_station(&format!("Station of {name}"), &unit).await.unwrap();
    let experiment = experiment(store, name, station).await;
    let queued = store.experiment(experiment).await.unwrap().unwrap();
    let mut group = store.begin_group().await.unwrap();
    let run = Move {
        experiment,
        version: queued.version,
        from: ExperimentState::Queued,
        to: ExperimentState::Running,
        actor: "cu",
        reason: "",
    };
    assert!(group.move_experiment(run, T).await.unwrap());
    group.commit().await.unwrap();
    experiment
}

/// The whole file.
pub(crate) async fn csv(store: &Store, experiment: ExperimentId, dialect: Dialect) -> String {
    let experiment = store.experiment(experiment).await.unwrap().unwrap();
    let mut export = TableExport::csv(store, &experiment, dialect).await.unwrap();
    let mut text = Vec::new();
    while let Some(piece) = export.next_piece().await.unwrap() {
        text.extend(piece);
    }
    String::from_utf8(text).unwrap()
}

/// The lines below the header, less the local time, which depends on where the test runs.
fn rows(csv: &str) -> Vec<String> {
    let without = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(1);
        cells.join(",")
    };
    csv.lines().skip(1).map(without).collect()
}

both_engines! {
    async fn every_row_stands_once_and_in_order_of_time(store: Store) {
        let experiment = begun(&store, "order").await;
        let subject = Subject::Experiment(experiment);
        // The second boot's clock ran late, so its rows lie between those of the first; a third block has another column
        // and was set back within itself; a second device measured too.
        store_rows(&store, "cu-5", subject, (1, 0), 2, &[T, T + 4 * SECOND, T + 8 * SECOND], &[
            column("voltage_v", &[3.7, 3.701, 3.702], &[]), column("current_a", &[-1.0, 0.0, -1.5], &[1])]).await;
        store_rows(&store, "cu-5", subject, (2, 0), 1, &[T + 2 * SECOND, T + 4 * SECOND], &[
            column("voltage_v", &[1.0 / 3.0, f64::NAN], &[]), column("current_a", &[1e-12, -0.0], &[])]).await;
        store_rows(&store, "cu-5", subject, (1, 3), 10, &[T + 7 * SECOND, T + 6 * SECOND], &[
            column("soc", &[7.0, 6.0], &[]), column("voltage_v", &[0.7, 0.6], &[]), column("quality", &[1.0, 0.0], &[])]).await;
        store_rows(&store, "other", subject, (9, 0), 10, &[T + 3 * SECOND], &[column("room_c", &[21.5], &[])]).await;

        let text = csv(&store, experiment, Dialect::Cellar).await;
        assert_eq!(text.lines().next(), Some("time_utc,time_local,elapsed_s,voltage_v,current_a,soc,room_c,quality"));
        assert_eq!(rows(&text), [
            "2026-11-21T06:00:00.000000Z,0,3.7,-1,,,",
            "2026-11-21T06:00:02.000000Z,2,0.3333333333333333,1e-12,,,",
            "2026-11-21T06:00:03.000000Z,3,,,,21.5,",
            "2026-11-21T06:00:04.000000Z,4,3.701,,,,",
            "2026-11-21T06:00:04.000000Z,4,NaN,-0,,,",
            "2026-11-21T06:00:06.000000Z,6,0.6,,6,,0",
            "2026-11-21T06:00:07.000000Z,7,0.7,,7,,1",
            "2026-11-21T06:00:08.000000Z,8,3.702,-1.5,,,",
        ]);
    }

    async fn many_blocks_are_read_page_by_page_and_none_is_lost(store: Store) {
        let experiment = begun(&store, "pages").await;
        let count = 5_000;
        let times: Vec<i64> = (0..count).map(|row| T + row * SECOND / 10).collect();
        let volts: Vec<f64> = (0..count).map(|row| 3.0 + f64::from(i32::try_from(row).unwrap()) / 1e4).collect();
        store_rows(&store, "cu-5", Subject::Experiment(experiment), (1, 0), 3, &times, &[column("voltage_v", &volts, &[])]).await;
        let text = csv(&store, experiment, Dialect::Wattrex).await;
        let numbers: Vec<usize> = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
        assert!(text.lines().nth(1).unwrap().ends_with(",0,3000"), "{text:.200}");
    }

    async fn an_experiment_without_rows_has_a_header(store: Store) {
        let experiment = begun(&store, "empty").await;
        assert_eq!(csv(&store, experiment, Dialect::Cellar).await, "time_utc,time_local,elapsed_s\n");
    }
}

/// A server with an experiment of so many rows, one a second.
async fn lab(name: &str, count: usize) -> (Server, Store, ExperimentId) {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let experiment = measured(&store, name, count).await;
    (server, store, experiment)
}

async fn measured(store: &Store, name: &str, count: usize) -> ExperimentId {
    let experiment = begun(store, name).await;
    let numbers: Vec<f64> = (0..count).map(|row| f64::from(u32::try_from(row).unwrap())).collect();
    let times: Vec<i64> = (0_i64..).take(count).map(|row| T + row * SECOND).collect();
    let columns: Vec<_> = ["voltage_v", "current_a", "power_w", "temperature_c", "capacity_ah", "energy_wh", "step"]
        .iter()
        .map(|name| column(name, &numbers.iter().map(|number| (number % 9_973.0) / 1e4 - 0.5).collect::<Vec<_>>(), &[]))
        .collect();
    store_rows(store, "cu-5", Subject::Experiment(experiment), (1, 0), 16_384, &times, &columns).await;
    experiment
}

#[tokio::test]
async fn page_api_and_command_line_give_the_same_file() {
    let (server, store, experiment) = lab("Zyklus \"ä\" / 1", 3_000).await;
    let mut viewer = Browser::signed_in(&server, Role::Viewer).await;
    let page = viewer.get(&format!("/experiments/{experiment}/data.csv")).await;
    assert_eq!((page.status, page.body.lines().count()), (200, 3_001));
    let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(header("content-security-policy"), "sandbox");
    let disposition = format!(
        "attachment; filename=\"experiment-{experiment}-Zyklus-_-1.csv\"; filename*=UTF-8''experiment-{experiment}-Zyklus-%C3%A4-1.csv"
    );
    assert_eq!(header("content-disposition"), disposition);

    let file = server.data_dir().join("out.csv");
    let id = experiment.to_string();
    let written = server.cellar(&["export", &id, "-o", file.to_str().unwrap(), "--json"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(String::from_utf8_lossy(&written.stdout).contains("\"rows\":3000"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), page.body);
    assert!(!server.data_dir().join("out.csv.part").exists());

    let bdf = viewer.get(&format!("/experiments/{experiment}/data.bdf.csv?names=machine")).await;
    assert!(bdf.body.starts_with("test_time_second,voltage_volt,"), "{:.200}", bdf.body);
    let old = viewer.get(&format!("/experiments/{experiment}/data.csv?dialect=wattrex")).await;
    assert!(old.body.starts_with("Timestamp,MeasID,Voltage,Current,"), "{:.200}", old.body);
    assert_eq!(viewer.get(&format!("/experiments/{experiment}/data.csv?dialect=xlsx")).await.status, 422);
    assert_eq!(viewer.get("/experiments/999/data.csv").await.status, 404);
    assert_eq!(viewer.get("/experiments/x/data.csv").await.status, 404);

    let unknown = server.cellar(&["export", "999", "-o", "-"]);
    assert_eq!(unknown.status.code(), Some(1));
    let entries = store.audit_after(0).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "export experiment").count(), 4);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_work_and_its_turn_is_free_again() {
    let (server, _store, experiment) = lab("long", 400_000).await;
    let viewer = Browser::signed_in(&server, Role::Viewer).await;
    let url = server.url(&format!("/experiments/{experiment}/data.csv"));
    let client = reqwest::Client::new();
    let ask = || client.get(&url).header("cookie", viewer.cookie_line()).send();
    // Nobody reads on: the server waits with a few pieces made.
    let mut first = ask().await.unwrap();
    let second = ask().await.unwrap();
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    assert!(first.chunk().await.unwrap().unwrap().starts_with(b"time_utc,"));
    assert_eq!(ask().await.unwrap().status().as_u16(), 429, "two files at a time are enough");
    drop(first);
    drop(second);
    let again = async {
        loop {
            let answer = ask().await.unwrap();
            if answer.status() == 200 {
                return answer.bytes().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let whole = tokio::time::timeout(Duration::from_secs(60), again).await.expect("the work of before ended");
    assert_eq!(whole.iter().filter(|byte| **byte == b'\n').count(), 400_001);
}

#[tokio::test]
async fn picked_experiments_come_as_one_zip() {
    let (server, store, first) = lab("first", 2_000).await;
    let second = measured(&store, "second one", 10).await;
    let mut viewer = Browser::signed_in(&server, Role::Viewer).await;
    let list = viewer.get("/experiments").await;
    assert!(list.body.contains(&format!("name=\"pick\" value=\"{first}\"")), "{}", list.body);
    let python = "import io, sys, zipfile; z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); \
                  print(z.testzip(), [(i.filename, z.read(i).count(b'\\n')) for i in z.infolist()])";
    let mut told = Vec::new();
    for kind in ["csv", "report"] {
        let url = server.url(&format!("/experiments/download?pick={first}&pick={second}&pick={second}&as={kind}"));
        let answer = reqwest::Client::new().get(&url).header("cookie", viewer.cookie_line()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(".zip"));
        let bytes = answer.bytes().await.unwrap();
        let mut child =
            Command::new("python3").args(["-c", python]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &bytes).unwrap();
        told.push(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap());
    }
    let csv = format!("None [('experiment-{first}-first.csv', 2001), ('experiment-{second}-second-one.csv', 11)]\n");
    assert_eq!(told[0], csv);
    assert!(
        told[1].contains(&format!("('report_id_{second}_second-one_battery_Battery-of-second-one.html'")),
        "{}",
        told[1]
    );

    let none = viewer.get("/experiments/download?as=csv").await;
    assert!(none.status == 422 && none.body.contains("No experiment is picked"), "{}", none.body);
    let many: String = (1..=51).map(|id| format!("pick={id}&")).collect();
    let many = viewer.get(&format!("/experiments/download?{many}as=csv")).await;
    assert!(many.status == 422 && many.body.contains("Pick 50 or fewer"), "{}", many.body);
    assert_eq!(viewer.get("/experiments/download?pick=999&as=csv").await.status, 404);
}

/// Highest memory of a process so far, kB.
#[cfg(target_os = "linux")]
fn peak_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    // One that has just ended is still listed, but has no memory.
    let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:")) else { return 0 };
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Exports an experiment with a process of its own: lines of the file and the highest memory of the process, kB.
#[cfg(target_os = "linux")]
fn exported(server: &Server, experiment: ExperimentId) -> (usize, u64) {
    use std::io::Read as _;

    let mut child = Command::new(env!("CARGO_BIN_EXE_cellar"))
        .args(["export", &experiment.to_string(), "-o", "-", "--data-dir", server.data_dir().to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut lines, mut peak) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = out.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        peak = peak.max(peak_kb(child.id()));
    }
    assert!(child.wait().unwrap().success());
    (lines, peak)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_million_rows_take_little_more_memory_than_few() {
    // A part of the memory is the program itself, which is large when built for tests.
    let (server, store, few) = lab("few", 20_000).await;
    let many = measured(&store, "million", 1_000_000).await;
    let (few, many) = (exported(&server, few), exported(&server, many));
    assert_eq!((few.0, many.0), (20_001, 1_000_001));
    let more = many.1.saturating_sub(few.1);
    // The rows alone take 64 MB as numbers, and 120 MB as text. The database keeps 8 MB of what it read, and threads some of
    // what they no longer need.
    assert!(more < 32 * 1024, "{} kB, then {} kB", few.1, many.1);
}

/// A run of three cycles with a gap, and its reports.
async fn cycled(store: &Store) -> ExperimentId {
    let experiment = begun(store, "<b>Ageing</b> 0.5C/1C").await;
    let mut times = Vec::new();
    let [mut volts, mut amperes, mut warm, mut cycle] = [(); 4].map(|()| Vec::new());
    for row in 0..21_600_u32 {
        // Three hours, each half charge and half discharge at 1 A, a second a row; then an hour of nothing, and again.
        let hour = row / 3_600;
        let is_charge = row % 3_600 < 1_800;
        let pause = if hour >= 3 { 3_600 } else { 0 };
        times.push(T + (i64::from(row) + pause) * SECOND);
        volts.push(if is_charge { 4.0 } else { 3.5 } + if row == 12_345 { 0.9 } else { 0.0 });
        amperes.push(if is_charge { 1.0 } else { -0.98 });
        warm.push(25.0 + f64::from(row % 100) / 10.0);
        cycle.push(f64::from(hour + 1));
    }
    let columns = [
        column("voltage_v", &volts, &[]),
        column("current_a", &amperes, &[]),
        column("temperature_c", &warm, &[]),
        column("cycle", &cycle, &[]),
    ];
    store_rows(store, "cu-5", Subject::Experiment(experiment), (1, 0), 1_000, &times, &columns).await;
    experiment
}

both_engines! {
    async fn a_report_tells_how_the_battery_did(store: Store) {
        let experiment = cycled(&store).await;
        let experiment = store.experiment(experiment).await.unwrap().unwrap();
        let told = cellar::exchange::report::report(&store, &experiment, T + 8 * 3_600 * SECOND).await.unwrap();
        let number = |name: &str| {
            let found = told.numbers.iter().find(|number| number.name.starts_with(name)).unwrap();
            format!("{} {} {}", found.value, found.unit, found.note)
        };
        // Half an hour at 1 A, six times, less half a second at each change of sign.
        assert_eq!(number("Charged"), "2.999 Ah 12.00 Wh");
        assert_eq!(number("Discharged, cycle 1 to 6"), "0.490 → 0.490 Ah 2.939 Ah, 10.29 Wh in all");
        assert!(number("Coulombic").starts_with("98.0"), "{}", number("Coulombic"));
        assert_eq!(number("Hottest"), "34.9 °C ");
        assert_eq!((told.cycles.len(), told.cycle_count), (6, 6));
        // The one row above all others is in the chart, and the hour of nothing is a gap in it.
        assert!(told.svg_words.contains("between 3.500 and 4.900 V") && told.svg_words.contains("One gap"), "{}", told.svg_words);
        assert!(told.svg.contains("No data 1 h"), "{}", told.svg);
        assert!(told.curves_svg.contains("c-cycle-9") && told.capacity_svg.contains("c-voltage"));
        assert_eq!(told.fingerprint.len(), 64);
        let again = cellar::exchange::report::report(&store, &experiment, T).await.unwrap();
        assert_eq!(again.fingerprint, told.fingerprint);
        let html = told.file().unwrap();
        assert!(html.len() < 500_000 && !html.contains("<b>Ageing"), "{} bytes", html.len());
        assert!(html.contains("Charging at") || html.contains("Its steps are not known."));
    }

    async fn a_report_of_an_experiment_without_samples_says_so(store: Store) {
        let experiment = begun(&store, "empty").await;
        let experiment = store.experiment(experiment).await.unwrap().unwrap();
        let told = cellar::exchange::report::report(&store, &experiment, T).await.unwrap();
        assert!(told.file().unwrap().contains("No samples.") && told.numbers.is_empty());
    }
}

#[tokio::test]
async fn page_api_and_command_line_give_the_same_report() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let experiment = cycled(&store).await;
    let mut viewer = Browser::signed_in(&server, Role::Viewer).await;
    let page = viewer.get(&format!("/experiments/{experiment}/report")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Data fingerprint") && page.body.contains("Discharged, cycle 1 to 6"), "{}", page.body);
    assert!(!page.body.contains("<style") && !page.body.contains(" style="), "the policy forbids styles in the page");

    let file = viewer.get(&format!("/experiments/{experiment}/report.html")).await;
    let disposition = file.headers["content-disposition"].to_str().unwrap();
    let name = format!("report_id_{experiment}_b-Ageing-b-0.5C-1C_battery_Battery-of-b-Ageing-b-0.5C-1C.html");
    assert!(disposition.starts_with(&format!("attachment; filename=\"{name}\"")), "{disposition}");
    assert!(file.headers["content-security-policy"].to_str().unwrap().starts_with("sandbox"));
    assert!(file.body.starts_with("<!doctype html>") && file.body.contains("<style>"), "{:.300}", file.body);
    assert!(!file.body.contains("<script") && !file.body.contains("<link") && !file.body.contains("src="));

    let path = server.data_dir().join("report.html");
    let written = server.cellar(&["report", &experiment.to_string(), "-o", path.to_str().unwrap()]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let without_time = |html: &str| html.lines().filter(|line| !line.contains("Made ")).collect::<Vec<_>>().join("\n");
    let written = std::fs::read_to_string(&path).unwrap();
    // The run goes on, so its duration grows.
    let lines = |html: &str| without_time(html).lines().filter(|line| !line.contains("Duration")).count();
    assert_eq!(lines(&written), lines(&file.body));
    assert_eq!(viewer.get("/experiments/999/report").await.status, 404);
    assert_eq!(server.cellar(&["report", "999", "-o", "-"]).status.code(), Some(1));
}
