// "Did you mean": the known word nearest to what was written, by edit distance (insert, delete,
// replace, swap of neighbours), when it is near enough to be a typo.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace imroute {

// Edits from `a` to `b`, or `limit` + 1 when there are more than `limit`. Linear in the shorter
// word for a fixed limit: hostile words cost nothing.
uint32_t edit_distance(std::string_view a, std::string_view b, uint32_t limit);

// Empty when nothing is near. Ties go to the first.
std::string nearest(std::string_view word, std::span<const std::string_view> known);

// "a, b or c"
std::string join_or(std::span<const std::string_view> words);

}  // namespace imroute
