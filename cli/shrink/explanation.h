// What a small failing scenario shows, told to a person: who did what, which faults were in force,
// the way of the message that the witness names, what should have been and what was. As Markdown,
// with a Mermaid sequence diagram of the same steps, and short on the terminal.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "harness/result/fingerprint.h"
#include "harness/trace/story.h"

namespace imroute {

// The traced run of a scenario, as far as it concerns the failure.
struct Explained {
  Scenario scenario;
  Result result;
  Violation violation;
  std::string title;             // of the message, or of the machines that the witness names
  std::vector<TraceLine> steps;  // at most kSteps, the last before the violation
  size_t left_out = 0;           // steps before them
  static constexpr size_t kSteps = 40;
};

// Runs the scenario again. REQUIRES: it ends, with `print` among its violations.
Explained explain_failure(const Scenario& scenario, const Fingerprint& print);

std::string explanation_markdown(const Explained& explained, const std::string& reproduce);
void print_explanation(const Explained& explained, const Console& console);
// `sequenceDiagram ...`: only the machines and steps of the explanation.
std::string sequence_diagram(const Explained& explained);

}  // namespace imroute
