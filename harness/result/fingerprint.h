// What kind of failure a run shows, so that a thousand failing seeds are a handful of bugs and a
// scenario can be made smaller without becoming another bug: property, phase, and the witness with
// its numbers left out.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "harness/result/result.h"

namespace imroute {

struct Fingerprint {
  std::string property;  // Violation::property
  std::string phase;
  std::string kind;  // the witness, every number a '#'

  std::string text() const { return property + " (" + phase + "): " + kind; }
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint fingerprint_of(const Violation& violation);

// Of the violations that count (not excused), each once, in order of appearance.
std::vector<Fingerprint> fingerprints_of(const Result& result);

}  // namespace imroute
