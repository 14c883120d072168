//! `POST /profiles/upload`: a file in any form opens in the editor; nothing is stored yet.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};

use super::editor::Editor;
use super::typed::Typed;
use crate::domain::profile::{any, text};
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::multipart::parts;
use crate::web::{State, WebError, answer};

/// Opens the file in the editor.
///
/// # Errors
/// When the page cannot be made; a file that cannot be read is told on the page.
pub async fn upload(request: HttpRequest, state: web::Data<State>, body: web::Bytes) -> Result<HttpResponse, WebError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let parts = parts(kind, &body).unwrap_or_default();
    let field = |name: &str| parts.iter().find(|part| part.name == name).map(|part| part.content).unwrap_or_default();
    let bytes = field("file");
    let name = std::str::from_utf8(field("file_name")).map(line).unwrap_or_default();
    let mut problems = Problems::default();
    let mut typed = Typed { name, is_text: true, ..Typed::default() };
    let Ok(content) = std::str::from_utf8(bytes) else {
        problems.add("file", "This is no text file. Upload a .txt of steps, a unicycler .json or PyBaMM strings.");
        let editor = Editor::new(&request, &state, typed)?.with_problems(problems);
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor);
    };
    if content.trim().is_empty() {
        problems.add("file", "Choose a file that is not empty.");
        let editor = Editor::new(&request, &state, Typed::example())?.with_problems(problems);
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor);
    }
    match any::read(content) {
        Ok((form, read)) => {
            // Our own text keeps its comments.
            typed.text = if form == any::Form::Text { content.to_owned() } else { text::write(&read.result) };
            typed.show_text(false, &mut problems);
            let notice = Notice::done(format!("Read as {}. Nothing is stored until you save.", form.title()));
            let editor = Editor::new(&request, &state, typed)?.with_notice(notice).with_notes(read.notes);
            answer::page(StatusCode::OK, &editor.tried().await?)
        }
        Err(faults) => {
            content.clone_into(&mut typed.text);
            faults.into_iter().for_each(|fault| problems.add("text", fault));
            let editor = Editor::new(&request, &state, typed)?.with_problems(problems);
            answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor)
        }
    }
}
