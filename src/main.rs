//! The `cellar` command: see `cellar help`.

fn main() -> std::process::ExitCode {
    cellar::cli::run()
}
