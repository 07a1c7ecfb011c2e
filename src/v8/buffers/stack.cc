// The stack of an allocation, by v8::StackTrace: each function, inlined ones too, with the line
// where it is. Called from inside of the allocator of ArrayBuffers: objects may be allocated there
// (V8 itself collects garbage when the allocator fails), JavaScript may not run, and does not.
//
// V8 tells where a frame is, but not where its function starts, which is what profiles know
// functions by. A v8::StackFrame is a v8::internal::StackFrameInfo. Behind its map it has three
// words: what it is of, a SharedFunctionInfo until its place is first asked for, then a Script; the
// function's name; and a Smi, whose lowest bit says whether it is a constructor, and the rest the
// place. So the start is read from the SharedFunctionInfo, if that is what it is.
#include "stack.h"

#include <v8.h>

#include <cstring>

namespace {

static_assert(sizeof(v8::Local<v8::StackTrace>) == sizeof(void*));
static_assert(sizeof(v8::Location) == 2 * sizeof(int));

// Offsets in bytes: v8::internal::Map::instance_type, and the words of a StackFrameInfo.
constexpr size_t kInstanceType = 12;
constexpr size_t kFunction = 8;
constexpr size_t kName = 16;
constexpr size_t kPlace = 24;

constexpr auto kOptions = static_cast<v8::StackTrace::StackTraceOptions>(
    // Without the last one V8 compares with the context that is entered, of which there may be
    // none.
    v8::StackTrace::kOverview | v8::StackTrace::kScriptId |
    v8::StackTrace::kExposeFramesAcrossSecurityOrigins);

template <typename T, typename Slot>
v8::Local<T> local_of(const Slot* slot) {
  v8::Local<T> local;
  std::memcpy(static_cast<void*>(&local), &slot, sizeof slot);
  return local;
}

template <typename Slot, typename T>
Slot* slot_of(const v8::Local<T>& local) {
  Slot* slot;
  std::memcpy(&slot, &local, sizeof slot);
  return slot;
}

uintptr_t word_at(const void* slot) {
  uintptr_t word = 0;
  if (slot != nullptr) std::memcpy(&word, slot, sizeof word);
  return word;
}

bool is_object(uintptr_t tagged) { return (tagged & 3) == 1; }

// The 32 bits of a Smi are the upper half of its word.
bool is_smi(uintptr_t tagged) { return (tagged & 0xffffffff) == 0; }
int32_t smi_value(uintptr_t tagged) { return static_cast<int32_t>(tagged >> 32); }
uintptr_t smi(int32_t value) { return static_cast<uintptr_t>(static_cast<uint32_t>(value)) << 32; }

char* field_of(uintptr_t object, size_t offset) {
  return reinterpret_cast<char*>(object - 1 + offset);
}

uintptr_t read(uintptr_t object, size_t offset) { return word_at(field_of(object, offset)); }

// Only of what is an object: its first word is its map, which has the type.
uint16_t type_of(uintptr_t object) {
  uint16_t type;
  std::memcpy(&type, field_of(read(object, 0), kInstanceType), sizeof type);
  return type;
}

// Where the function of a frame starts, -1 for unknown. No place of the frame was asked for yet.
// `name` is the function's, 0 if it has none.
int32_t start_of(uintptr_t frame, uintptr_t name, const hp_function_layout& layout) {
  if (layout.function_type == 0 || !is_object(frame)) return -1;
  if (name != 0 && read(frame, kName) != name) return -1;
  const uintptr_t function = read(frame, kFunction);
  if (!is_object(function) || type_of(function) != layout.function_type) return -1;
  if (layout.start_position != nullptr) return layout.start_position(&function);
  const uintptr_t scope = read(function, layout.scope_offset);
  if (!is_object(scope) || type_of(scope) != layout.scope_type) return -1;
  const uintptr_t start = read(scope, layout.start_offset);
  const uintptr_t end = read(scope, layout.start_offset + sizeof start);
  if (!is_smi(start) || !is_smi(end) || smi_value(end) < smi_value(start)) return -1;
  return smi_value(start);
}

}  // namespace

hp_stack* hp_stack_take(hp_isolate* isolate, int32_t depth) {
  auto* v8_isolate = reinterpret_cast<v8::Isolate*>(isolate);
  // In a callback of the garbage collector, or between two tasks: no JavaScript is on the stack.
  if (!v8_isolate->InContext()) return nullptr;
  return slot_of<hp_stack>(v8::StackTrace::CurrentStackTrace(v8_isolate, depth, kOptions));
}

int32_t hp_stack_count(const hp_stack* stack) {
  return local_of<v8::StackTrace>(stack)->GetFrameCount();
}

void hp_frame_read(hp_isolate* isolate, const hp_stack* stack, uint32_t index,
                   const hp_function_layout* layout, hp_frame_view* view) {
  auto* v8_isolate = reinterpret_cast<v8::Isolate*>(isolate);
  auto frame = local_of<v8::StackTrace>(stack)->GetFrame(v8_isolate, index);
  view->frame = slot_of<hp_frame>(frame);
  const uintptr_t name = word_at(hp_frame_name(view->frame));
  view->start_position = start_of(word_at(view->frame), name, *layout);
  view->script_id = frame->GetScriptId();
}

int32_t hp_frame_line(const hp_frame* frame) {
  return local_of<v8::StackFrame>(frame)->GetLineNumber();
}

// V8 works the line and column out of the frame's place, so the frame, which is ours alone, has the
// start for its place meanwhile.
hp_place hp_frame_start(hp_frame* slot, int32_t start_position) {
  auto frame = local_of<v8::StackFrame>(slot);
  const int32_t line = frame->GetLineNumber();
  const uintptr_t place = read(word_at(slot), kPlace);
  // Else it is not the frame we know: nothing starts behind where it is.
  if (!is_smi(place) || smi_value(place) >> 1 < start_position) return {0, 0};
  const uintptr_t start = smi(start_position << 1);
  std::memcpy(field_of(word_at(slot), kPlace), &start, sizeof start);
  v8::Location location = frame->GetLocation();
  std::memcpy(field_of(word_at(slot), kPlace), &place, sizeof place);
  if (location.GetLineNumber() >= line) return {0, 0};
  return {location.GetLineNumber() + 1, location.GetColumnNumber() + 1};
}

hp_string* hp_frame_name(const hp_frame* frame) {
  return slot_of<hp_string>(local_of<v8::StackFrame>(frame)->GetFunctionName());
}

hp_string* hp_frame_script_name(const hp_frame* frame) {
  return slot_of<hp_string>(local_of<v8::StackFrame>(frame)->GetScriptName());
}

void* hp_isolate_allocator(hp_isolate* isolate) {
  return reinterpret_cast<v8::Isolate*>(isolate)->GetArrayBufferAllocator();
}
