//! QR codes as SVG to be put into a page.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// White around the code, modules: what the standard asks for.
const QUIET: usize = 4;

/// A text that no QR code can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text does not fit into a QR code: {0}")]
pub struct QrError(qrcode::types::QrError);

/// Draws a text of at most some 2,300 bytes. Up to 15 % of the drawing may be dirty or torn.
///
/// `label` is what a screen reader says. There is no `style` attribute: the colours are attributes that a style sheet
/// can change by the classes `qr-ground` and `qr-modules`, black on white without one. One module is one unit, so the
/// size is up to the page.
///
/// # Errors
///
/// If the text is too long.
pub fn svg(text: &str, label: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(QrError)?;
    let width = code.width();
    let size = width + 2 * QUIET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qr\" viewBox=\"0 0 {size} {size}\" role=\"img\" \
         aria-label=\"{}\" shape-rendering=\"crispEdges\"><rect class=\"qr-ground\" width=\"{size}\" height=\"{size}\" \
         fill=\"#fff\"/><path class=\"qr-modules\" fill=\"#000\" d=\"",
        escaped(label)
    );
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                let _ = write!(svg, "M{} {}h{}v1H{}z", x + QUIET, y + QUIET, run.len(), x + QUIET);
            }
            x += run.len();
        }
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules that a drawing shows as dark, read from its path.
    fn dark(svg: &str) -> Vec<(usize, usize)> {
        let (_, path) = svg.split_once(" d=\"").unwrap();
        let (path, _) = path.split_once('"').unwrap();
        let numbers = |run: &str| -> Vec<usize> {
            run.split(|c: char| !c.is_ascii_digit())
                .filter(|text| !text.is_empty())
                .map(|text| text.parse().unwrap())
                .collect()
        };
        path.split_terminator('z')
            .map(numbers)
            .flat_map(|run| (0..run[2]).map(move |step| (run[0] + step, run[1])))
            .collect()
    }

    #[test]
    fn the_drawing_shows_the_modules_of_the_code() {
        let text = "otpauth://totp/Cellar:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Cellar";
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let mut expected = Vec::new();
        for y in 0..code.width() {
            for x in 0..code.width() {
                if code[(x, y)] == Color::Dark {
                    expected.push((x + QUIET, y + QUIET));
                }
            }
        }
        let drawn = svg(text, "a").unwrap();
        assert_eq!(dark(&drawn), expected);
        assert!(drawn.contains(&format!("viewBox=\"0 0 {0} {0}\"", code.width() + 8)));
    }

    #[test]
    fn the_drawing_keeps_the_content_security_policy_and_escapes_its_label() {
        let drawn = svg("x", "<b onload=\"x\"> & so").unwrap();
        assert!(!drawn.contains("style"));
        assert!(drawn.contains("aria-label=\"&lt;b onload=&quot;x&quot;&gt; &amp; so\""), "{drawn}");
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>"));
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert!(svg(&"x".repeat(2_300), "a").is_ok());
        assert!(svg(&"x".repeat(3_000), "a").is_err());
    }
}
