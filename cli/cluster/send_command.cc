// send: one message from a script. It ends when the message is accepted: stored, whatever becomes
// of the cluster; or when it is delivered: a chat of the receiver has shown it.
#include <vector>

#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/process/receipts.h"
#include "cluster/process/user_book.h"
#include "cluster/process/user_client.h"
#include "cluster/wire/text.h"

namespace imroute {

namespace {

using cluster::printable;

class Sending {
 public:
  Sending(const Options& options, const Console& console)
      : options_(options),
        console_(console),
        client_(
            loop_, user_settings(options), [this](const Notify& n) { on_notice(n); },
            [this](const std::string& why, bool refused) { on_trouble(why, refused); }),
        receipts_(client_.user(), {}),
        limit_(loop_, [this] { give_up(); }) {}

  int run() {
    limit_.set(cluster::monotonic_now() + options_.timeout_ns);
    loop_.post([this] {
      client_.start();
      client_.send(to(), options_.message, 1);
    });
    loop_.on_signals([this](int) { end(kExitInterrupted); });
    loop_.run();
    return code_;
  }

 private:
  ConversationId to() const {
    return options_.group.empty()
               ? ConversationId::direct(client_.user(), cluster::user_id_of(options_.to))
               : cluster::group_named(options_.group);
  }
  void end(int code) {
    code_ = code;
    loop_.post([this] { loop_.stop(); });
  }

  void on_notice(const Notify& n) {
    if (n.kind == NoticeKind::accepted) {
      accepted_ = true;
      console_.out << "accepted as #" << n.entry.position.seq << std::endl;
      if (!options_.wait_delivered) return end(kExitHeld);
      if (receipts_.on_accepted(n.tag, n.entry)) on_delivered();
    } else if (n.kind == NoticeKind::refused) {
      console_.err << "imroute: refused: " << to_string(n.reason) << '\n';
      end(kExitViolated);
    } else if (n.kind == NoticeKind::shown && cluster::read_receipt(n.entry)) {
      if (!receipts_.on_receipt(n.entry).empty()) on_delivered();
    }
  }
  void on_delivered() {
    console_.out << "delivered to " << options_.to << std::endl;
    end(kExitHeld);
  }

  void on_trouble(const std::string& why, bool refused) {
    const std::string text = printable(why);
    if (!refused) {
      if (troubles_.find(text) == std::string::npos) troubles_ += "; " + text;
      return;
    }
    console_.err << "imroute: " << text << '\n';
    end(kExitViolated);
  }

  std::string routers() const {
    std::string text;
    for (const std::string& router : options_.routers) text += " " + router;
    return text;
  }
  void give_up() {
    const bool online = client_.core().online();
    console_.err << "imroute: not " << (accepted_ ? "delivered" : "accepted") << " within "
                 << human_ns(options_.timeout_ns)
                 << (accepted_ && online ? "; it is stored, and waits until " + options_.to +
                                               " is shown it by a chat"
                     : online            ? "; the mailbox does not answer"
                     : troubles_.empty() ? "; no answer from" + routers()
                                         : troubles_)
                 << '\n';
    end(kExitEnvironment);
  }

  const Options& options_;
  const Console& console_;
  cluster::Loop loop_;
  int code_ = kExitEnvironment;
  bool accepted_ = false;
  std::string troubles_;  // each once, "; " before it
  cluster::UserClient client_;
  cluster::Receipts receipts_;
  cluster::Timer limit_;
};

}  // namespace

int send_command(const Options& options, const Console& console) {
  return in_environment([&] { return Sending(options, console).run(); });
}

}  // namespace imroute
