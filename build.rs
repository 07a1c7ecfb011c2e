//! Compiles the C++ shim (src/v8/shim.cc) against Node's own headers and sets the linker up.
//!
//! Any supported Node's headers do: the shim calls only what all of them have and declares the
//! layouts that differ itself. So the first place that has headers is taken.

#[path = "build/headers.rs"]
mod headers;

use std::env;
use std::path::Path;
use std::process::ExitCode;

const SOURCES: [&str; 2] = ["src/v8/shim.h", "src/v8/shim.cc"];

/// Of exact stacks, where they were verified.
const EXACT: [&str; 2] = ["src/v8/exact/hook.h", "src/v8/exact/hook.cc"];

fn main() -> ExitCode {
    for file in SOURCES.into_iter().chain(EXACT).chain([headers::TABLE, "build.rs", "build"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    for variable in ["NODE_INCLUDE_DIR", "npm_config_nodedir"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    napi_build::setup();
    match headers::find(headers::places()) {
        Ok(include) => compile_shim(&include),
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // The last worker thread to unload the addon would unmap code that thread-local
        // destructors still have to run.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    ExitCode::SUCCESS
}

/// Whether exact stacks were ever verified on what is built for: src/v8/exact.
fn has_exact_stacks() -> bool {
    let is = |name, value| env::var(format!("CARGO_CFG_TARGET_{name}")).is_ok_and(|is| is == value);
    is("OS", "linux") && is("ARCH", "x86_64") && is("ENV", "gnu")
}

fn compile_shim(include: &Path) {
    println!("cargo:rerun-if-changed={}", include.join(headers::HEADER).display());
    println!("cargo:rustc-check-cfg=cfg(exact_stacks)");
    let exact: &[&str] = if has_exact_stacks() { &EXACT } else { &[] };
    if has_exact_stacks() {
        println!("cargo:rustc-cfg=exact_stacks");
    }
    let sources = SOURCES.iter().chain(exact).filter(|file| file.ends_with(".cc"));
    cc::Build::new()
        .cpp(true)
        .cpp_link_stdlib(None)
        .files(sources)
        .flag("-isystem")
        .flag(include)
        .std("c++20")
        .flag_if_supported("-fno-exceptions")
        .flag_if_supported("-fno-rtti")
        .flag_if_supported("-fvisibility=hidden")
        .warnings_into_errors(true)
        .extra_warnings(true)
        .compile("heap_profile_shim");
}
