// result.json: every fixed key, in fixed order, numbers spelt by integer arithmetic, so that two
// runs of one seed give the same bytes outside `machine`. The reader takes a file back, for reports
// that are rebuilt later. Beside the fixed keys stand `windows` (one row a second) and the buckets
// of the latency histograms, which a report draws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/result/result.h"

namespace imroute {

std::string write_result_json(const Result& result);
// Nothing when the text is not a result; `problem` says why.
std::optional<Result> read_result_json(const std::string& text, std::string* problem);

// At most six decimals, rounded, no trailing zeros: "0.25", "3", "1.333333".
std::string format_number(double value);
// Nanoseconds in milliseconds, exactly.
std::string format_ms(int64_t ns);
std::string quote_json(const std::string& text);

std::string_view to_string(Verdict verdict);

}  // namespace imroute
