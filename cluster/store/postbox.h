// Answers are never given from inside submit: they wait for the loop, and are forgotten when the
// store is destroyed meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "cluster/net/loop.h"
#include "cluster/store/store.h"
#include "store/answer.h"

namespace imroute::cluster {

class Postbox {
 public:
  explicit Postbox(Loop& loop) : loop_(loop) {}
  template <class Reply>
  void send(Done<Reply> done, AnswerOf<Reply> answer) {
    auto letter = std::make_shared<std::pair<Done<Reply>, AnswerOf<Reply>>>(std::move(done),
                                                                            std::move(answer));
    loop_.post([alive = std::weak_ptr<bool>(alive_), letter] {
      if (!alive.expired()) letter->first(letter->second.status, letter->second.reply);
    });
  }
  // From any thread, while the store exists.
  void send(std::function<void()> call) {
    loop_.post([alive = std::weak_ptr<bool>(alive_), call = std::move(call)] {
      if (!alive.expired()) call();
    });
  }

 private:
  Loop& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace imroute::cluster
