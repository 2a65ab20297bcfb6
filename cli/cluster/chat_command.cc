// chat: a user at a terminal (or a script at a pipe). Lines are messages to whoever /to named last;
// what happens to them, and what arrives, is printed as it comes.
#include <unistd.h>

#include <csignal>
#include <deque>
#include <map>
#include <memory>

#include "cli/cluster/line_input.h"
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/process/user_book.h"
#include "cluster/process/user_client.h"

namespace imroute {
namespace {

using cluster::KnownUser;
using cluster::user_id_of;
using cluster::UserQuestion;
using cluster::UsersAnswer;
using cluster::UsersQuery;

constexpr const char* kHelp =
    "  /to USER          write to USER from now on\n"
    "  /online [PREFIX]  who is online\n"
    "  /quit             leave\n"
    "  anything else     a message (// at the start: one slash)\n";

std::string text_of(const Payload& payload) {
  std::string text;
  for (const std::byte b : payload.bytes()) {
    const char c = static_cast<char>(b);
    // A message cannot move the reader's cursor or forge a line.
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return text;
}

class Chat {
 public:
  Chat(const Options& options, const Console& console)
      : console_(console),
        settings_(user_settings(options)),
        client_(
            loop_, settings_, [this](const Notify& n) { on_notice(n); },
            [this](const std::string& why, bool) { on_trouble(why); }),
        input_(
            loop_, STDIN_FILENO, [this](const std::string& line) { on_line(line); },
            [this] { leave(); }) {
    names_[client_.user()] = options.user;
  }

  int run() {
    loop_.on_signals([this](int signal) {
      code_ = signal == SIGINT ? kExitInterrupted : kExitHeld;
      loop_.stop();
    });
    loop_.post([this] { client_.start(); });
    loop_.run();
    return code_;
  }

 private:
  void say(Paint paint, const std::string& text) {
    console_.out << console_.painted(paint, text) << std::endl;
  }

  // ---- what is typed
  void on_line(const std::string& line) {
    if (line.empty()) return;
    if (line[0] != '/' || line.starts_with("//"))
      return send(line[0] == '/' ? line.substr(1) : line);
    const size_t space = line.find(' ');
    const std::string command = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (command == "/quit") {
      leave();
    } else if (command == "/to" && cluster::is_user_name(rest)) {
      to_ = rest;
      names_[user_id_of(rest)] = rest;
      say(Paint::dim, "* to " + rest);
    } else if (command == "/online") {
      ask_online(rest);
    } else {
      say(Paint::yellow, "* " + line + ": no such command");
      console_.out << kHelp << std::flush;
    }
  }

  void send(const std::string& text) {
    if (to_.empty()) return say(Paint::yellow, "* to whom? say /to USER first");
    const uint64_t tag = next_tag_++;
    waiting_[tag] = text;
    client_.send(ConversationId::direct(client_.user(), user_id_of(to_)), text, tag);
    if (!client_.core().online()) say(Paint::dim, "  [" + std::to_string(tag) + "] waits");
  }

  // What was written is accepted first, whatever becomes of the connection meanwhile.
  void leave() {
    leaving_ = true;
    leave_if_done();
  }
  void leave_if_done() {
    if (!leaving_ || !waiting_.empty()) return;
    client_.stop();
    loop_.post([this] { loop_.stop(); });
  }

  // ---- what happens
  void on_notice(const Notify& n) {
    switch (n.kind) {
      case NoticeKind::online:
        return say(Paint::green, "* online at node " + std::to_string(n.node.value));
      case NoticeKind::offline:
        return on_offline(n.reason);
      case NoticeKind::accepted:
        waiting_.erase(n.tag);
        say(Paint::dim, "  [" + std::to_string(n.tag) + "] accepted as #" +
                            std::to_string(n.entry.position.seq));
        return leave_if_done();
      case NoticeKind::refused:
        waiting_.erase(n.tag);
        say(Paint::red,
            "  [" + std::to_string(n.tag) + "] refused: " + std::string(to_string(n.reason)));
        return leave_if_done();
      case NoticeKind::shown:
        return on_shown(n);
      case NoticeKind::rewound:
        return say(Paint::yellow, "* the store lost its last messages");
      case NoticeKind::reset:
        return say(Paint::yellow, "* " + counted(n.count, "message") + " are past retention");
      case NoticeKind::drained:
        return;
    }
  }

  // The same for every attempt, said once.
  void on_trouble(const std::string& why) {
    if (std::exchange(trouble_, why) != why) say(Paint::red, "* " + why);
  }
  void on_offline(Reason reason) {
    const bool final = reason == Reason::superseded || reason == Reason::kicked;
    if (leaving_ && waiting_.empty()) return;
    say(Paint::yellow, "* offline (" + std::string(to_string(reason)) +
                           (final ? "): this device is in use elsewhere" : "), trying again"));
    if (!final) return;
    code_ = kExitEnvironment;
    loop_.stop();
  }

  // Messages are printed in the order they came; one whose sender has no name yet is asked for and
  // holds up those behind it.
  void on_shown(const Notify& n) {
    shown_.push_back({n.entry.sender, n.entry.position.seq, text_of(n.entry.payload), n.via});
    print_shown();
  }
  void print_shown() {
    for (; !shown_.empty(); shown_.pop_front()) {
      const Shown& next = shown_.front();
      const auto name = names_.find(next.sender);
      if (name == names_.end()) return ask_name(next.sender);
      const char* how = next.via == Via::push ? "" : "  (waited for you)";
      say(Paint::plain, name->second + " #" + std::to_string(next.seq) + ": " + next.text + how);
    }
  }

  // ---- questions
  void ask_name(UserId id) {
    if (name_question_ != nullptr) return;
    UsersQuery query;
    query.ids = {id};
    name_question_ = std::make_unique<UserQuestion>(
        loop_, settings_, query, [this, id](const std::optional<UsersAnswer>& answer) {
          std::string name = "user " + std::to_string(id.value);
          if (answer && !answer->users.empty() && !answer->users[0].name.empty()) {
            name = answer->users[0].name;
          }
          names_[id] = name;
          loop_.post([this] {
            name_question_.reset();
            print_shown();
          });
        });
  }

  void ask_online(const std::string& prefix) {
    UsersQuery query;
    query.prefix = prefix;
    query.online_only = true;
    online_question_ = std::make_unique<UserQuestion>(
        loop_, settings_, query, [this](const std::optional<UsersAnswer>& answer) {
          if (!answer || !answer->known) {
            return say(Paint::yellow, "* the router does not know at the moment");
          }
          std::string line;
          for (const KnownUser& user : answer->users) line += " " + user.name;
          say(Paint::dim, "* online:" + line + (answer->more ? " and more" : ""));
        });
  }

  struct Shown {
    UserId sender;
    uint64_t seq;
    std::string text;
    Via via;
  };
  const Console& console_;
  cluster::UserSettings settings_;
  cluster::Loop loop_;
  cluster::UserClient client_;
  LineInput input_;
  std::string to_;
  uint64_t next_tag_ = 1;
  std::map<uint64_t, std::string> waiting_;  // sent, neither accepted nor refused
  std::map<UserId, std::string> names_;
  std::deque<Shown> shown_;
  std::unique_ptr<UserQuestion> name_question_, online_question_;
  std::string trouble_;
  bool leaving_ = false;
  int code_ = kExitHeld;
};

}  // namespace

int chat_command(const Options& options, const Console& console) {
  return in_environment([&] { return Chat(options, console).run(); });
}

}  // namespace imroute
