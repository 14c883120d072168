//! `GET /devices`: those that wait for somebody to let them in, then all that are registered.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{KINDS, Shown, kind_title};
use crate::domain::text::hexadecimal;
use crate::store::devices::DeviceFilter;
use crate::store::pending_devices::PendingDevice;
use crate::web::answer::Notice;
use crate::web::forms::line;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Devices on a page: a hall of probes fits on a few.
const PAGE_DEVICES: usize = 100;

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    after: String,
    done: String,
    to: String,
}

#[derive(Template)]
#[template(path = "devices/list.html")]
struct Page {
    layout: Layout,
    text: String,
    is_first: bool,
    pending: Vec<Pending>,
    devices: Vec<Shown>,
    next: Option<String>,
    notice: Option<Notice>,
}

/// A device that waits, as shown.
struct Pending {
    device: PendingDevice,
    code: String,
    /// SHA-256 of its secret, hexadecimal: what is approved.
    secret: String,
    first: Moment,
    last: Moment,
}

impl Pending {
    fn new(device: PendingDevice, now_us: i64) -> Self {
        Self {
            code: device.code(),
            secret: hexadecimal(&device.secret_sha256),
            first: Moment::new(device.first_at_us, now_us),
            last: Moment::new(device.last_at_us, now_us),
            device,
        }
    }

    fn tries(&self) -> String {
        if self.device.tries == 1 { "1 try".to_owned() } else { format!("{} tries", self.device.tries) }
    }
}

impl Page {
    fn next_query(&self, after: &str) -> String {
        let pairs = [("text", self.text.as_str()), ("after", after)];
        serde_urlencoded::to_string(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>())
            .unwrap_or_default()
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let text = line(&asked.text);
    let filter = DeviceFilter { text: text.clone(), ..DeviceFilter::default() };
    // One more than is shown tells whether there are more.
    let limit = i64::try_from(PAGE_DEVICES + 1).unwrap_or(i64::MAX);
    let mut devices = state.store.devices(&filter, &asked.after, limit).await?;
    let has_more = devices.len() > PAGE_DEVICES;
    devices.truncate(PAGE_DEVICES);
    let pending = state.store.pending_devices().await?;
    let page = Page {
        layout: Layout::new(&request, "devices"),
        is_first: asked.after.is_empty(),
        pending: pending.into_iter().map(|device| Pending::new(device, now_us)).collect(),
        next: devices.last().filter(|_| has_more).map(|device| device.device.to_string()),
        devices: devices.into_iter().map(|device| Shown::new(device, now_us)).collect(),
        notice: done(&state, &asked).await?,
        text,
    };
    answer::page(StatusCode::OK, &page)
}

/// What was done before somebody was led here.
async fn done(state: &State, asked: &Asked) -> Result<Option<Notice>, WebError> {
    if asked.done == "dismissed" {
        return Ok(Some(Notice::done("The device was taken from the list. If it tries again, it comes back.")));
    }
    // Only a device that is there is named: the address cannot put words on the page.
    let device = match asked.to.parse() {
        Ok(id) if asked.done == "approved" => state.store.device(&id).await?,
        _ => None,
    };
    Ok(device.map(|device| {
        let kind = kind_title(device.kind).to_lowercase();
        Notice::done(format!("{} was approved as {kind}. It is in at its next try.", device.device))
    }))
}
