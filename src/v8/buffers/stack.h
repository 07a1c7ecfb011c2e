// The C ABI between the Rust side (stack.rs) and V8's stack traces (stack.cc). Handles live until
// the scope that the caller opened is closed.
#ifndef HEAP_PROFILE_BUFFERS_STACK_H_
#define HEAP_PROFILE_BUFFERS_STACK_H_

#include <stdbool.h>
#include <stdint.h>

#include "../shim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hp_stack hp_stack;  // the slot of a v8::Local<v8::StackTrace>
typedef struct hp_frame hp_frame;  // the slot of a v8::Local<v8::StackFrame>

// How the running V8 lays out what it has no public call for: where a function starts. Zeros
// where that is not known; then it is not looked for.
typedef struct hp_function_layout {
  // v8::internal::SharedFunctionInfo::StartPosition, where it is exported (Node 18 to 22).
  int32_t (*start_position)(const uintptr_t* function);
  // The instance type of a SharedFunctionInfo.
  uint16_t function_type;
  // Where a SharedFunctionInfo has its scope's description, in bytes.
  uint16_t scope_offset;
  // The instance type of that, a ScopeInfo.
  uint16_t scope_type;
  // Where a ScopeInfo has the start of its function, in bytes (Node 24 and later).
  uint16_t start_offset;
} hp_function_layout;

typedef struct hp_frame_view {
  hp_frame* frame;
  int32_t script_id;
  // Where the function starts in its script, -1 for unknown.
  int32_t start_position;
} hp_frame_view;

// 1-based, 0 for unknown.
typedef struct hp_place {
  int32_t line;
  int32_t column;
} hp_place;

// The stack of this thread's isolate, NULL where there is none. No JavaScript runs.
hp_stack* hp_stack_take(hp_isolate* isolate, int32_t depth);
int32_t hp_stack_count(const hp_stack* stack);

// Fills in all of the view. 0 is the innermost frame.
void hp_frame_read(hp_isolate* isolate, const hp_stack* stack, uint32_t index,
                   const hp_function_layout* layout, hp_frame_view* view);

// Where in its function the frame is: V8 looks for it in a table, which takes a while.
int32_t hp_frame_line(const hp_frame* frame);

// Where the function starts, of a frame that has that start position.
hp_place hp_frame_start(hp_frame* frame, int32_t start_position);
hp_string* hp_frame_name(const hp_frame* frame);
hp_string* hp_frame_script_name(const hp_frame* frame);

// The isolate's allocator of ArrayBuffers, a v8::ArrayBuffer::Allocator.
void* hp_isolate_allocator(hp_isolate* isolate);

#ifdef __cplusplus
}
#endif

#endif  // HEAP_PROFILE_BUFFERS_STACK_H_
