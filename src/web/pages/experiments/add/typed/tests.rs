//! What is typed into the form of an experiment, and what becomes of it.

use super::*;

#[test]
fn line_breaks_of_a_description_stay() {
    assert_eq!(text_of(" first\r\nsec\u{202e}ond\n\n"), "first\nsecond");
}

#[test]
fn a_file_takes_the_place_of_the_text() {
    let body = b"--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nWAIT, 1\r\n--x\r\n\
        Content-Disposition: form-data; name=\"name\"\r\n\r\nA & B = C\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"p.txt\"\r\n\r\nWAIT, 5\r\n--x--\r\n";
    let typed = Typed::read("multipart/form-data; boundary=x", body).unwrap();
    assert_eq!((typed.text.as_str(), typed.name.as_str(), typed.is_written()), ("WAIT, 5", "A & B = C", true));
    let typed = Typed::read("application/x-www-form-urlencoded", b"name=A+%26+B&unknown=1").unwrap();
    assert_eq!((typed.name.as_str(), typed.is_written()), ("A & B", false));
}

#[test]
fn an_experiment_without_a_name_is_called_after_what_it_is() {
    let typed = Typed::default();
    let mut problems = Problems::default();
    assert_eq!(typed.name_for(Some("HPPC"), "NMC-017", &mut problems), Some("HPPC on NMC-017".into()));
    assert_eq!(typed.name_for(None, "NMC-017", &mut problems), None);
    let long = Typed { name: "x".repeat(81), ..Typed::default() };
    assert_eq!(long.name_for(Some("HPPC"), "NMC-017", &mut problems), None);
    assert!(problems.of("name").is_some_and(|said| said.contains("81") && said.contains("80")));
}
