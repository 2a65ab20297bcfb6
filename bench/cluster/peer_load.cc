// The load of `imroute bench cluster` on servers that are not imroute: a pair of clustered NATS
// servers, or the bare forwarder of hop.cc. The same pairs, batches and windows, so that what
// differs is the servers.
//
//   peer_load nats|hop A_HOST:PORT B_HOST:PORT PIDS MEASURES MESSAGES RATE
//
// PIDS are the servers', with commas. Prints the figures as JSON.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/figure.h"
#include "cli/bench/servers.h"
#include "cli/files.h"

namespace imroute::bench {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
void append(ByteBuffer& out, std::string_view text) {
  const auto bytes = bytes_of(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// NATS client protocol: lines of text, a message's bytes after its line.
class NatsLine : public Line {
 public:
  NatsLine(const std::string& server, uint32_t pair, bool receives) : Line(dial(server)) {
    const std::string subject = "pair." + std::to_string(pair);
    put_line_ = "PUB " + subject + " ";
    send_all(socket(), bytes_of("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"));
    if (receives) send_all(socket(), bytes_of("SUB " + subject + " 1\r\n"));
  }

  void put(std::span<const std::byte> payload, ByteBuffer& out) override {
    append(out, put_line_);
    append(out, std::to_string(payload.size()));
    append(out, "\r\n");
    out.insert(out.end(), payload.begin(), payload.end());
    append(out, "\r\n");
  }
  size_t take(std::span<const std::byte> bytes, const Arrived& arrived, ByteBuffer& out) override {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    size_t taken = 0;
    for (size_t end; (end = text.find("\r\n", taken)) != std::string_view::npos;) {
      const std::string_view line = text.substr(taken, end - taken);
      if (line.starts_with("MSG ")) {
        const size_t size = std::stoul(std::string(line.substr(line.rfind(' ') + 1)));
        if (text.size() - end < size + 4) break;
        arrived(bytes.subspan(end + 2, size));
        end += size + 2;
      } else if (line == "PING") {
        append(out, "PONG\r\n");
      } else if (line.starts_with("-ERR")) {
        throw EnvironmentError("NATS says " + std::string(line));
      }
      taken = end + 2;
    }
    return taken;
  }

 private:
  std::string put_line_;
};

class HopLine : public Line {
 public:
  HopLine(const std::string& server, uint32_t pair, bool receives)
      : Line(dial(server)), pair_(pair) {
    if (!receives) return;
    ByteBuffer out;
    put({}, out);
    send_all(socket(), out);
  }

  void put(std::span<const std::byte> payload, ByteBuffer& out) override {
    const uint32_t head[2] = {static_cast<uint32_t>(sizeof(uint32_t) + payload.size()), pair_};
    const auto bytes = std::as_bytes(std::span(head));
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.insert(out.end(), payload.begin(), payload.end());
  }
  size_t take(std::span<const std::byte> bytes, const Arrived& arrived, ByteBuffer&) override {
    size_t taken = 0;
    uint32_t head[2];
    while (bytes.size() - taken >= sizeof head) {
      std::memcpy(head, bytes.data() + taken, sizeof head);
      const size_t whole = sizeof(uint32_t) + head[0];
      if (bytes.size() - taken < whole) break;
      arrived(bytes.subspan(taken + sizeof head, whole - sizeof head));
      taken += whole;
    }
    return taken;
  }

 private:
  uint32_t pair_;
};

template <class Spoken>
Load load_on(const std::string& a, const std::string& b, size_t pairs, uint32_t first) {
  std::vector<Pair> out(pairs);
  for (size_t i = 0; i < pairs; ++i) {
    const uint32_t pair = first + static_cast<uint32_t>(i);
    out[i].to = std::make_unique<Spoken>(b, pair, true);
    out[i].from = std::make_unique<Spoken>(a, pair, false);
  }
  return Load(std::move(out));
}

template <class Number>
std::vector<Number> numbers(const std::string& text) {
  std::vector<Number> out;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) {
    out.push_back(static_cast<Number>(std::stoll(one)));
  }
  return out;
}

template <class Spoken>
Json measure(const std::vector<std::string>& words) {
  const auto pids = numbers<pid_t>(words[3]);
  const auto used = [&pids] {
    DurationNs sum = 0;
    for (const pid_t pid : pids) sum += processor_time(pid);
    return sum;
  };
  const auto messages = static_cast<uint64_t>(std::stoull(words[5]));
  const auto rate = static_cast<uint64_t>(std::stoull(words[6]));
  uint32_t next_pair = 0;
  Json figures = Json::object();
  const auto one = [&](const char* name, size_t pairs, const Shape& shape) {
    if (("," + words[4] + ",").find("," + std::string(name) + ",") == std::string::npos) return;
    Load load = load_on<Spoken>(words[1], words[2], pairs, next_pair);
    next_pair += static_cast<uint32_t>(pairs);
    figures[name] = figure_of(load, shape, used);
  };
  one("routed", kRoutedPairs, routed_shape(messages));
  one("paced", kRoutedPairs, paced_shape(messages, rate));
  one("round_trip", 1, round_trip_shape(messages));
  return figures;
}

int run(const std::vector<std::string>& words) {
  if (words.size() != 7 || (words[0] != "nats" && words[0] != "hop")) {
    std::cerr << "usage: peer_load nats|hop A B PIDS MEASURES MESSAGES RATE\n";
    return 2;
  }
  const Json figures = words[0] == "nats" ? measure<NatsLine>(words) : measure<HopLine>(words);
  std::cout << Json{{"figures", figures}}.dump(2) << '\n';
  return 0;
}

}  // namespace
}  // namespace imroute::bench

int main(int count, char** values) {
  try {
    return imroute::bench::run(std::vector<std::string>(values + 1, values + count));
  } catch (const std::exception& error) {
    std::cerr << "peer_load: " << error.what() << '\n';
    return 3;
  }
}
