// timeline.json for Perfetto and chrome://tracing: a track a machine with a short slice for each
// decision, arrows that follow a message from machine to machine, fault bands, and curves of rates
// and latency. Without --trace only bands and curves.
//
// Slices are a microsecond and never overlap in flight: the viewers need perfect nesting, so a
// message on its way is an arrow between two short slices and not one long slice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "cli/files.h"
#include "harness/result/result.h"

namespace imroute {

class Timeline {
 public:
  explicit Timeline(const std::filesystem::path& path);
  // A line of trace.jsonl, in order of time.
  void add_trace_line(const std::string& json_line);
  // Writes bands and curves; the file is complete, and commit() gives it its name.
  void finish(const Result& result);
  void commit() { file_.commit(); }

 private:
  void event(const std::string& json);
  int track_of(const std::string& machine);

  FileWriter file_;
  bool first_ = true;
  std::map<std::string, int> tracks_;      // machine -> thread number
  std::map<std::string, uint64_t> flows_;  // message -> flow number
};

}  // namespace imroute
