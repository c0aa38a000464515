//! The preloaded library that records what a process does to its files, or takes its disk away.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Builds the library; none, and a line that says so, where there is no C compiler.
pub(crate) fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Under a name of this process, as another run of the tests may use the other.
        let library = folder.join(format!("shim-{}.so", std::process::id()));
        let mut compiler = Command::new("cc");
        compiler.args([
            "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
        ]);
        compiler
            .arg(&library)
            .arg(source)
            .args(["-ldl", "-lpthread"]);
        let output = compiler.output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let shared = folder.join("shim.so");
        std::fs::rename(library, &shared).unwrap();
        Some(shared)
    });
    if built.is_none() {
        println!("skipped: no C compiler (`cc`) to build what stands between a node and its disk");
    }
    built.as_deref()
}

/// The environment of a process whose changes below `root` are recorded in `trace`, and which is
/// killed behind one of them while `fatal` is there.
pub(crate) fn recorded(
    library: &Path,
    root: &Path,
    trace: &Path,
    fatal: &Path,
) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library.into()),
        ("KENTONG_SHIM_ROOT", root.into()),
        ("KENTONG_SHIM_TRACE", trace.into()),
        ("KENTONG_SHIM_KILL", fatal.into()),
    ]
}

/// The environment of a process that can change nothing below `root` while `file` is there.
pub(crate) fn read_only(library: &Path, root: &Path, file: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library.into()),
        ("KENTONG_SHIM_ROOT", root.into()),
        ("KENTONG_SHIM_READ_ONLY", file.into()),
    ]
}

/// The environment of a process whose clock that only goes forward is ahead by the seconds in `file`.
pub(crate) fn later(library: &Path, file: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library.into()),
        ("KENTONG_SHIM_LATER", file.into()),
    ]
}
