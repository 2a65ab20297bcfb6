// A mistake in a configuration or scenario, with the place that an editor can jump to. All mistakes
// of a file are collected, then shown together, in the order of the file.
#pragma once

#include <cstdint>
#include <string>

namespace imroute {

struct Diagnostic {
  std::string source;   // file name, or the override: "--set /duration=5"
  uint32_t line = 0;    // from 1; 0 when the source is not a file
  uint32_t column = 0;  // from 1, in characters
  std::string pointer;  // JSON pointer of the value, "" for the whole document
  std::string message;  // what was found, what is allowed, what was probably meant

  // "file:line:column: error: /json/pointer: message"
  std::string to_string() const;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

}  // namespace imroute
