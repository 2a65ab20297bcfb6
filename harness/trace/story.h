// What happened to one message, from the lines of a trace: which lines are about it, and what each
// says in plain words. `explain` prints it for a message that a user names, `shrink` for the one
// that a violation names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/result/result.h"
#include "harness/trace/trace_line.h"

namespace imroute {

// What is known of the message; filled from the request, then from its accepted line.
struct StoryMessage {
  uint64_t tag = 0;
  std::string conversation;
  uint64_t seq = 0;
  std::optional<uint64_t> sender;
  uint64_t client_seq = 0;
};

// "812", "3-9:12", "group-2:5". Nothing when it is none of these.
std::optional<StoryMessage> parse_story_message(const std::string& text);
// The message that a witness names (history/state.cc says how): by its number, else by its place.
std::optional<StoryMessage> message_of_witness(const std::string& witness);
// What the line tells about the message itself.
void learn(StoryMessage& message, const TraceLine& line);
bool concerns(const StoryMessage& message, const TraceLine& line);

// "message 12 of user 3 in 3-9, sequence 4"
std::string title_of(const StoryMessage& message);
// A decision in words. Kinds that are not about one message fall through to their name.
std::string in_words(const TraceLine& line);
// "crash node:3", "loss edge:node:1-mailbox", "partition halves (node-node)"
std::string fault_words(const Fault& fault);
// Faults that had an effect and were in force then, separated by commas.
std::string faults_at(const Result& result, int64_t t);
// What an oracle holds the run to, in one sentence; by Violation::property.
std::string promise_of(const std::string& property);

}  // namespace imroute
