// The page of a comparison: verdict in plain words, table, and one chart for each question a reader
// has (what does it cost, how fast is it, what went wrong, how soon is it well again, who is full).
#pragma once

#include <string>

#include "harness/compare/comparison.h"

namespace imroute {

// `json` is the compare.json that the page embeds.
std::string render_compare_report(const Comparison& comparison, const std::string& json);

}  // namespace imroute
