//! The `cellar` command: see `cellar help`.

/// Batches are made on one thread and given up on another, thousands at a time, which the system's allocator answers
/// with a lock; this one takes a tenth off the server's work (`cargo bench --bench ingest`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cellar::cli::run()
}
