//! Compiles the C++ shim (src/v8/shim.cc) against Node's own headers and sets the linker up.
//!
//! Any supported Node's headers do: the shim calls only what all of them have and declares the
//! layouts that differ itself. So the first place that has headers is taken.

#[path = "build/headers.rs"]
mod headers;

use std::env;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    for file in ["src/v8/shim.h", "src/v8/shim.cc", "src/v8/buffers", headers::TABLE, "build.rs", "build/headers.rs"]
    {
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

fn compile_shim(include: &Path) {
    println!("cargo:rerun-if-changed={}", include.join(headers::HEADER).display());
    cc::Build::new()
        .cpp(true)
        .cpp_link_stdlib(None)
        .files(["src/v8/shim.cc", "src/v8/buffers/stack.cc"])
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
