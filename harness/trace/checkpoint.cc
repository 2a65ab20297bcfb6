#include "harness/trace/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/units.h"
#include "core/base/assert.h"
#include "core/base/hash.h"

namespace imroute {
namespace {

using nlohmann::json;

uint64_t hex_of(const json& text) {
  const auto value = parse_hex(text.get<std::string>());
  if (!value) throw std::invalid_argument("not 16 hexadecimal digits");
  return *value;
}

// Nothing wrong: empty. Sets `end` when the line is marked so.
std::string read_line(std::string_view text, Checkpoint& out, bool& end) {
  try {
    const json line = json::parse(text);
    out.events = line.at("events").get<uint64_t>();
    out.t_ns = line.at("t_ns").get<int64_t>();
    out.hash = hex_of(line.at("hash"));
    if (line.contains("lines")) {
      out.lines = line["lines"].get<uint64_t>();
      out.bytes = line.at("bytes").get<uint64_t>();
      out.lines_hash = hex_of(line.at("lines_hash"));
    }
    end = line.value("end", false);
  } catch (const std::exception&) {
    return "not a checkpoint";
  }
  return {};
}

}  // namespace

void WrittenTrace::add(std::string_view line) {
  ++lines;
  bytes += line.size() + 1;
  hash = mix64(hash, hash_text(line));
}

void CheckpointLog::add(const Checkpoint& checkpoint) {
  IM_ASSERT(due(checkpoint.events));
  if (list_.size() == kMost) {
    distance_ *= 2;
    std::erase_if(list_, [this](const Checkpoint& c) { return !due(c.events); });
    if (!due(checkpoint.events)) return;
  }
  list_.push_back(checkpoint);
}

std::vector<Checkpoint> CheckpointLog::finish(const Checkpoint& end) {
  while (!list_.empty() && list_.back().events >= end.events) list_.pop_back();
  list_.push_back(end);
  return std::move(list_);
}

std::string write_checkpoints(const std::vector<Checkpoint>& list) {
  std::string out;
  for (const Checkpoint& c : list) {
    out += "{\"events\":" + std::to_string(c.events) + ",\"t_ns\":" + std::to_string(c.t_ns) +
           ",\"hash\":\"" + format_hex(c.hash) + '"';
    if (c.lines != 0) {
      out += ",\"lines\":" + std::to_string(c.lines) + ",\"bytes\":" + std::to_string(c.bytes) +
             ",\"lines_hash\":\"" + format_hex(c.lines_hash) + '"';
    }
    if (&c == &list.back()) out += ",\"end\":true";
    out += "}\n";
  }
  return out;
}

ReadCheckpoints read_checkpoints(std::string_view text) {
  ReadCheckpoints read;
  bool end = false;
  while (!text.empty()) {
    ++read.line;
    const size_t stop = text.find('\n');
    if (stop == std::string_view::npos) {
      read.problem = "the file ends within this line";
      return read;
    }
    Checkpoint c;
    read.problem =
        end ? "a line after the end of the run" : read_line(text.substr(0, stop), c, end);
    if (read.problem.empty() && !read.list.empty() && c.events <= read.list.back().events) {
      read.problem = "its events do not come after those of the line before";
    }
    if (!read.problem.empty()) return read;
    read.list.push_back(c);
    text.remove_prefix(stop + 1);
  }
  if (!end) read.problem = "the line that ends the run is missing";
  return read;
}

CheckpointParting part_checkpoints(const std::vector<Checkpoint>& a,
                                   const std::vector<Checkpoint>& b, bool with_trace) {
  IM_ASSERT(!a.empty() && !b.empty());
  const auto equal = [with_trace](const Checkpoint& x, const Checkpoint& y) {
    return with_trace ? x == y : x.hash == y.hash && x.t_ns == y.t_ns;
  };
  CheckpointParting parting;
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i].events < b[j].events) {
      ++i;
    } else if (b[j].events < a[i].events) {
      ++j;
    } else if (equal(a[i], b[j])) {
      parting.equal_a = static_cast<int64_t>(i++);
      parting.equal_b = static_cast<int64_t>(j++);
    } else {
      break;
    }
  }
  parting.same = i == a.size() && j == b.size() && a.back().events == b.back().events;
  parting.after_a = std::min(i, a.size() - 1);
  parting.after_b = std::min(j, b.size() - 1);
  return parting;
}

}  // namespace imroute
