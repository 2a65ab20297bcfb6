// Changing a document before it is read: overrides of the command line, of the environment, of a
// scenario's own sections.
#pragma once

#include <string_view>

#include "config/shape.h"

namespace imroute {

// Sets the value at a pointer (RFC 6901), making objects on the way; "-" appends to an array; null
// removes. What cannot be done is reported at `place`.
void set_at(JsonValue& root, std::string_view pointer, const JsonValue& value, const Place& place,
            Diagnostics& diagnostics);
// Everything in the value comes from override `source`.
void mark_source(JsonValue& value, uint32_t source);
// What was written as an override: JSON, else a string.
JsonValue override_value(std::string_view text, uint32_t source);

}  // namespace imroute
