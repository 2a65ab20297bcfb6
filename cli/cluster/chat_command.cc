// chat: a user at a terminal (or a script at a pipe). Lines are messages to whoever /to named last;
// what happens to them, and what arrives, is printed as it comes.
#include <unistd.h>

#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "cli/cluster/line_input.h"
#include "cli/cluster/serve.h"
#include "cli/commands.h"
#include "cluster/process/receipts.h"
#include "cluster/process/user_book.h"
#include "cluster/process/user_client.h"
#include "cluster/wire/text.h"

namespace imroute {
namespace {

using cluster::KnownUser;
using cluster::printable;
using cluster::Receipts;
using cluster::user_id_of;
using cluster::UserQuestion;
using cluster::UsersAnswer;
using cluster::UsersQuery;

constexpr const char* kHelp =
    "  /to USER                      write to USER from now on\n"
    "  /group GROUP                  write to GROUP from now on\n"
    "  /group GROUP create [USER]... make it, of you and those users\n"
    "  /group GROUP join             join it; leave: leave it\n"
    "  /online [PREFIX]              who is online\n"
    "  /quit                         leave\n"
    "  anything else                 a message (// at the start: one slash)\n";

// No more is read while so many are not accepted: half the outbox, so that receipts find room
// there.
constexpr size_t kMostWaiting = ClientConfig{}.outbox / 2;

std::string text_of(const Payload& payload) {
  const auto bytes = payload.bytes();
  return printable({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// "[3]", "[3-5]", "[3-5, 8]".
std::string numbers_of(const std::vector<uint64_t>& tags) {
  std::string text;
  for (size_t i = 0; i < tags.size();) {
    size_t last = i;
    while (last + 1 < tags.size() && tags[last + 1] == tags[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(tags[i]);
    if (last != i) text += "-" + std::to_string(tags[last]);
    i = last + 1;
  }
  return "[" + text + "]";
}

struct Shown {
  Entry entry;
  Via via;
};

class Chat {
 public:
  Chat(const Options& options, const Console& console)
      : console_(console),
        settings_(user_settings(options)),
        client_(
            loop_, settings_, [this](const Notify& n) { on_notice(n); },
            [this](const std::string& why, bool) { on_trouble(why); }),
        receipts_(client_.user(),
                  [this](ConversationId to, const std::string& text, uint64_t tag) {
                    loop_.post([this, to, text, tag] { client_.send(to, text, tag); });
                  }),
        input_(
            loop_, STDIN_FILENO, [this](const std::string& line) { on_line(line); },
            [this] { leave(); },
            [this] { say(Paint::yellow, "* a line of more than 64 KiB is not sent"); }) {
    names_[client_.user()] = options.user;
  }

  int run() {
    loop_.on_signals([this](int signal) {
      if (signal == SIGINT) code_ = kExitInterrupted;
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
      to_ = ConversationId::direct(client_.user(), user_id_of(rest));
      names_[user_id_of(rest)] = rest;
      say(Paint::dim, "* to " + rest);
    } else if (command == "/group" && on_group(rest)) {
      return;
    } else if (command == "/online") {
      ask_online(rest);
    } else {
      say(Paint::yellow, "* " + line + ": no such command");
      console_.out << kHelp << std::flush;
    }
  }

  // GROUP, or GROUP create|join|leave ...; false when it is not of that form.
  bool on_group(const std::string& line) {
    std::istringstream words(line);
    std::string name, what;
    words >> name >> what;
    std::vector<UserId> users;
    for (std::string user; words >> user;) {
      if (!cluster::is_user_name(user)) return false;
      users.push_back(user_id_of(user));
      names_[users.back()] = user;
    }
    if (!cluster::is_user_name(name) || (what != "create" && !users.empty())) return false;
    const ConversationId group = cluster::group_named(name);
    const uint64_t tag = next_tag_;
    if (what == "create") {
      client_.create(group, users, tag);
    } else if (what == "join") {
      client_.join(group, tag);
    } else if (what == "leave") {
      client_.leave(group, tag);
    } else if (!what.empty()) {
      return false;
    }
    tell_name_of_group(name, group);
    if (what != "leave") to_ = group;
    if (what.empty()) {
      say(Paint::dim, "* to the group " + name);
    } else {
      take_tag();
    }
    return true;
  }

  void send(const std::string& text) {
    if (to_ == ConversationId{}) {
      return say(Paint::yellow, "* to whom? say /to USER or /group GROUP first");
    }
    client_.send(to_, text, next_tag_);
    take_tag();
  }

  void take_tag() {
    const uint64_t tag = next_tag_++;
    if (refused_at_once_ == tag) return;
    waiting_.insert(tag);
    if (waiting_.size() >= kMostWaiting) input_.hold();
    if (!client_.core().online()) say(Paint::dim, "  [" + std::to_string(tag) + "] waits");
  }

  void read_on() {
    if (waiting_.size() < kMostWaiting) input_.go_on();
  }

  // What was written is accepted first, whatever becomes of the connection meanwhile; receipts too,
  // as long as there is one.
  void leave() {
    leaving_ = true;
    leave_if_done();
  }
  void leave_if_done() {
    if (!leaving_ || !waiting_.empty() || !telling_.empty()) return;
    if (receipts_.owes() && client_.core().online()) return;
    loop_.post([this] {  // not while the client is telling us something
      client_.stop();
      loop_.post([this] { loop_.stop(); });
    });
  }

  // ---- what happens
  void on_notice(const Notify& n) {
    switch (n.kind) {
      case NoticeKind::online:
        troubles_.clear();
        return say(Paint::green, "* online at node " + std::to_string(n.node.value));
      case NoticeKind::offline:
        return on_offline(n.reason);
      case NoticeKind::accepted:
        if (!receipts_.on_settled(n.tag)) on_accepted(n);
        return leave_if_done();
      case NoticeKind::refused:
        if (receipts_.on_settled(n.tag)) return leave_if_done();
        if (waiting_.erase(n.tag) == 0) refused_at_once_ = n.tag;
        code_ = kExitViolated;
        read_on();
        say(Paint::red, "  [" + std::to_string(n.tag) + "] refused: " + why_refused(n));
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

  void on_accepted(const Notify& n) {
    waiting_.erase(n.tag);
    read_on();
    say(Paint::dim,
        "  [" + std::to_string(n.tag) + "] accepted as #" + std::to_string(n.entry.position.seq));
    if (n.entry.kind == EntryKind::message && receipts_.on_accepted(n.tag, n.entry)) {
      say_delivered({n.tag}, n.entry.conversation);
    }
  }
  void say_delivered(const std::vector<uint64_t>& tags, ConversationId conversation) {
    if (tags.empty()) return;
    const UserId to = conversation.other(client_.user());
    const auto name = names_.find(to);
    say(Paint::green,
        "  " + numbers_of(tags) + " delivered to " +
            (name == names_.end() ? "user " + std::to_string(to.value) : name->second));
  }

  // The same for every attempt: said once until it is online.
  void on_trouble(const std::string& why) {
    if (troubles_.insert(why).second) say(Paint::red, "* " + printable(why));
  }
  void on_offline(Reason reason) {
    const bool final = reason == Reason::superseded || reason == Reason::kicked;
    if (leaving_ && waiting_.empty()) return leave_if_done();
    const std::string why =
        reason == Reason::none ? "" : " (" + std::string(to_string(reason)) + ")";
    say(Paint::yellow,
        "* offline" + why + (final ? ": this device is in use elsewhere" : ", trying again"));
    if (!final) return;
    code_ = kExitEnvironment;
    loop_.stop();
  }

  static std::string why_refused(const Notify& n) {
    if (n.reason != Reason::not_member) return std::string(to_string(n.reason));
    if (n.entry.kind == EntryKind::create) return "there is such a group already";
    if (n.entry.kind == EntryKind::join) return "no such group, or you belong to it";
    return "no such group, or you do not belong to it";
  }

  // Messages are printed in the order they came; one whose sender or group has no name yet is asked
  // for and holds up those behind it.
  void on_shown(const Notify& n) {
    if (cluster::read_receipt(n.entry)) {
      return say_delivered(receipts_.on_receipt(n.entry), n.entry.conversation);
    }
    shown_.push_back({n.entry, n.via});
    print_shown();
  }
  void print_shown() {
    for (; !shown_.empty(); shown_.pop_front()) {
      const Entry& next = shown_.front().entry;
      const auto name = names_.find(next.sender);
      if (name == names_.end()) return ask_name(next.sender, false);
      std::string group;
      if (next.conversation.is_group()) {
        const auto named = group_names_.find(UserId{next.conversation.lo});
        if (named == group_names_.end()) return ask_name(UserId{next.conversation.lo}, true);
        group = named->second;
      }
      print(next, shown_.front().via, name->second, group);
      receipts_.owe(next);
    }
  }
  void print(const Entry& entry, Via via, const std::string& name, const std::string& group) {
    const std::string seq = " #" + std::to_string(entry.position.seq);
    if (entry.kind == EntryKind::create) return say(Paint::dim, "* " + name + " made " + group);
    if (entry.kind == EntryKind::join) return say(Paint::dim, "* " + name + " joined " + group);
    if (entry.kind == EntryKind::leave) return say(Paint::dim, "* " + name + " left " + group);
    const char* how = via == Via::push ? "" : "  (waited for you)";
    const std::string where = group.empty() ? "" : " in " + group;
    say(Paint::plain, name + where + seq + ": " + text_of(entry.payload) + how);
  }

  // ---- questions
  void ask_name(UserId id, bool group) {
    if (name_question_ != nullptr) return;
    UsersQuery query;
    query.ids = {id};
    query.groups = group;
    name_question_ = std::make_unique<UserQuestion>(
        loop_, settings_, query, [this, id, group](const std::optional<UsersAnswer>& answer) {
          std::string name = (group ? "group " : "user ") + std::to_string(id.value);
          if (answer && !answer->users.empty() && !answer->users[0].name.empty()) {
            name = printable(answer->users[0].name);
          }
          auto& names = group ? group_names_ : names_;
          names[id] = name;
          loop_.post([this, id, &names, answered = answer.has_value()] {
            name_question_.reset();
            print_shown();
            if (!answered) names.erase(id);  // what comes later asks again
          });
        });
  }

  // Others who are shown its messages ask the routers what it is called.
  void tell_name_of_group(const std::string& name, ConversationId group) {
    group_names_[UserId{group.lo}] = name;
    UsersQuery query;
    query.groups = true;
    query.learn = {name};
    auto& telling = telling_[group];
    telling = std::make_unique<UserQuestion>(loop_, settings_, query,
                                             [this, group](const std::optional<UsersAnswer>&) {
                                               loop_.post([this, group] {
                                                 telling_.erase(group);
                                                 leave_if_done();
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
          for (const KnownUser& user : answer->users) line += " " + printable(user.name);
          say(Paint::dim, "* online:" + line + (answer->more ? " and more" : ""));
        });
  }

  const Console& console_;
  cluster::UserSettings settings_;
  cluster::Loop loop_;
  cluster::UserClient client_;
  Receipts receipts_;
  LineInput input_;
  ConversationId to_;
  uint64_t next_tag_ = 1;
  uint64_t refused_at_once_ = 0;
  std::set<uint64_t> waiting_;  // sent, neither accepted nor refused
  std::map<UserId, std::string> names_, group_names_;
  std::deque<Shown> shown_;
  std::unique_ptr<UserQuestion> name_question_, online_question_;
  std::set<std::string> troubles_;
  std::map<ConversationId, std::unique_ptr<UserQuestion>> telling_;
  bool leaving_ = false;
  int code_ = kExitHeld;
};

}  // namespace

int chat_command(const Options& options, const Console& console) {
  return in_environment([&] { return Chat(options, console).run(); });
}

}  // namespace imroute
