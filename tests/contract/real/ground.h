// What the makers of real stores stand on: a folder that is gone afterwards, and a loop that runs
// until something has come true. Nothing waits for a fixed time; what never comes true fails.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"
#include "store/answer.h"

namespace imroute::contract {

class Folder {
 public:
  Folder();  // in memory, where there is such a place
  explicit Folder(const std::filesystem::path& where);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs the loop until `condition` holds. Throws, naming `what`, when it does not within two
// minutes: longer than anything takes on a busy machine.
void run_until(cluster::Loop& loop, std::string_view what, const std::function<bool()>& condition);

// Asks a store one thing and waits for its answer, which must not come from inside submit.
template <class Reply, class Submit>
AnswerOf<Reply> answer_of(cluster::Loop& loop, Submit submit) {
  struct Waiting {
    bool done = false;
    AnswerOf<Reply> answer;
  };
  const auto waiting = std::make_shared<Waiting>();
  submit([waiting](ReplyStatus status, const Reply& reply) {
    if (waiting->done) throw std::logic_error("answered twice");
    waiting->done = true;
    waiting->answer = {status, reply};
  });
  if (waiting->done) throw std::logic_error("answered from inside submit");
  run_until(loop, "an answer", [&waiting] { return waiting->done; });
  return waiting->answer;
}

}  // namespace imroute::contract
