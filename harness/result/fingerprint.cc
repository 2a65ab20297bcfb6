#include "harness/result/fingerprint.h"

#include <algorithm>

namespace imroute {

Fingerprint fingerprint_of(const Violation& violation) {
  Fingerprint print{violation.property, violation.phase, {}};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string& text = violation.witness;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!digit(text[i])) {
      print.kind += text[i];
      continue;
    }
    print.kind += '#';
    // 12, 1.5 and 1,000 are one number each.
    while (i + 1 < text.size() &&
           (digit(text[i + 1]) || (i + 2 < text.size() && digit(text[i + 2]) &&
                                   (text[i + 1] == '.' || text[i + 1] == ',')))) {
      ++i;
    }
  }
  return print;
}

std::vector<Fingerprint> fingerprints_of(const Result& result) {
  std::vector<Fingerprint> prints;
  for (const Violation& violation : result.violations) {
    if (!violation.excused.empty()) continue;
    Fingerprint print = fingerprint_of(violation);
    if (std::find(prints.begin(), prints.end(), print) == prints.end()) {
      prints.push_back(std::move(print));
    }
  }
  return prints;
}

}  // namespace imroute
