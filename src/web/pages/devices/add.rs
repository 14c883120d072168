//! `GET` and `POST /devices/new`: registers a device; its secret is shown this once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::KINDS;
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::secret::DeviceSecret;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// What is typed; it stays as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    id: String,
    kind: String,
}

#[derive(Template)]
#[template(path = "devices/add.html")]
struct Page {
    layout: Layout,
    typed: Typed,
    problems: Problems,
}

impl Page {
    fn is_kind(&self, kind: &DeviceKind) -> bool {
        kind.as_str() == self.typed.kind
    }
}

/// The page that shows a secret.
#[derive(Template)]
#[template(path = "devices/secret.html")]
pub(super) struct SecretPage {
    layout: Layout,
    device: DeviceId,
    is_new: bool,
    secret: String,
}

impl SecretPage {
    pub(super) fn new(request: &HttpRequest, device: DeviceId, secret: &DeviceSecret, is_new: bool) -> Self {
        Self { layout: Layout::new(request, "devices"), device, is_new, secret: secret.reveal().to_owned() }
    }
}

/// Answers with the empty form.
///
/// # Errors
/// When the page cannot be made.
pub async fn form(request: HttpRequest) -> Result<HttpResponse, WebError> {
    let typed = Typed { kind: KINDS[0].as_str().to_owned(), ..Typed::default() };
    let page = Page { layout: Layout::new(&request, "devices"), typed, problems: Problems::default() };
    answer::page(StatusCode::OK, &page)
}

/// Registers the device and shows its secret.
///
/// # Errors
/// When the database fails.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let typed = typed.into_inner();
    let mut problems = Problems::default();
    let id = problems.take("id", typed.id.trim().parse::<DeviceId>());
    let kind = problems.take("kind", typed.kind.parse::<DeviceKind>().map_err(|_| "Choose what it is."));
    if let Some(id) = &id
        && state.store.device(id).await?.is_some()
    {
        problems.add("id", format!("{id} is registered already. Choose another id, or give {id} a new secret."));
    }
    let (Some(id), Some(kind), true) = (id, kind, problems.is_empty()) else {
        let page = Page { layout: Layout::new(&request, "devices"), typed, problems };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let secret = DeviceSecret::draw().map_err(WebError::internal)?;
    state.store.register_device(&visitor.actor(), &id, kind, &secret, state.clock.now_us()).await?;
    answer::secret_page(&SecretPage::new(&request, id, &secret, true))
}
