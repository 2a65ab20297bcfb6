// Files that the program carries inside itself (scenarios/*.json with their schema, and
// reports/assets/*), and what it was built from. The build generates the definitions, so an
// installed binary works without the source tree.
#pragma once

#include <span>
#include <string_view>

namespace imroute {

struct EmbeddedFile {
  std::string_view name;  // relative to the source tree: "scenarios/schema.json"
  std::string_view content;
};

std::span<const EmbeddedFile> embedded_files();
// Empty when there is no such file.
std::string_view embedded_file(std::string_view name);

const char* build_version();
const char* build_commit();  // short hash, or "unknown"

}  // namespace imroute
