//! How the running V8 lays out functions, which says where they start: by what it exports for debuggers (`v8dbg_…`,
//! deps/v8/tools/gen-postmortem-metadata.py of Node.js), and only if that holds for the functions that are on
//! the stack now.

use std::ffi::CStr;
use std::mem;
use std::ptr::NonNull;

use heap_profile_core::profile::metadata::Options;
use napi::Env;

use super::ffi::FunctionLayout;
use super::interposer::symbol;
use super::stacks::Stacks;
use crate::v8::ffi::Isolate;

const WORD: u16 = 8;

/// The layout; the default, which finds nothing, where it is not known.
pub fn layout(env: Env, isolate: NonNull<Isolate>) -> FunctionLayout {
    let Some(layout) = exported() else { return FunctionLayout::default() };
    let mut stacks =
        Stacks::new(env, isolate, Options { stack_depth: 8, ..Options::default() }, layout);
    match stacks.take() {
        Some(_) if stacks.know_starts() => layout,
        _ => FunctionLayout::default(),
    }
}

fn exported() -> Option<FunctionLayout> {
    let scope_offset =
        number(c"v8dbg_class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_")
            .or_else(|| {
                number(c"v8dbg_class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_")
            })
            .or_else(|| number(c"v8dbg_class_SharedFunctionInfo__name_or_scope_info__Object"))?;
    let layout = FunctionLayout {
        start_position: None,
        function_type: number(c"v8dbg_type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE")?,
        scope_offset,
        scope_type: number(c"v8dbg_type_ScopeInfo__SCOPE_INFO_TYPE")?,
        start_offset: 0,
    };
    if number(c"v8dbg_class_Map__instance_type__uint16_t")? != 12 {
        return None;
    }
    // Of a ScopeInfo these come first, each a word: the map, flags, the number of parameters, that of
    // variables and, if the variables are not next, start and end of the function.
    match number(c"v8dbg_scopeinfo_idx_first_vars")? {
        5 => Some(FunctionLayout { start_offset: 4 * WORD, ..layout }),
        3 => {
            let function = symbol(c"_ZNK2v88internal18SharedFunctionInfo13StartPositionEv")?;
            // SAFETY: by its mangled name it takes the object, of which it reads one word, the function's address.
            let function = unsafe {
                mem::transmute::<*mut std::ffi::c_void, unsafe extern "C" fn(*const usize) -> i32>(
                    function,
                )
            };
            Some(FunctionLayout { start_position: Some(function), ..layout })
        }
        _ => None,
    }
}

/// A constant that V8 exports.
fn number(name: &CStr) -> Option<u16> {
    let address = symbol(name)?;
    // SAFETY: all that are called v8dbg_ are constants of type int.
    let value = unsafe { address.cast::<i32>().read() };
    u16::try_from(value).ok()
}
