// Ctrl-C: the first one asks long work to stop at its next poll, so that files are complete or
// absent; the second ends the process at once. Exit code 130 either way.
#pragma once

namespace imroute {

inline constexpr int kExitInterrupted = 130;

// REQUIRES: called once, from main.
void install_interrupt_handler();
bool interrupted();

}  // namespace imroute
