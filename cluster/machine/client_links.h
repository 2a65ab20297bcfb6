// The clients' side of a server: connections that clients dialled, each a LinkId to the machine.
//
// One that is new is told from one that serves: it may say one short greeting, within its time, and
// is nothing to the machine until the environment has admitted it, which also says whom it may log
// in or bind as. What is refused is counted by its cause.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "cluster/machine/address_book.h"
#include "cluster/machine/environment.h"
#include "cluster/machine/event_sink.h"
#include "cluster/machine/greetings.h"

namespace imroute::cluster {

struct ClientLimits {
  uint32_t most = 20'000;    // connections that serve
  uint32_t most_new = 4096;  // connected, not yet admitted: the oldest goes for a new one
  DurationNs greeting_time = 5 * kSecond;
  uint32_t per_address = 0;         // connections; 0: as many as they like
  uint32_t logins_per_address = 0;  // a second
};

enum class ClientRefusal : uint8_t {
  full,           // as many serve as may
  per_address,    // its address has as many as it may
  login_rate,     // its address logs in too often
  late,           // no greeting in time
  pushed_out,     // too many that had not greeted
  not_admitted,   // who it says it is was not believed
  impersonation,  // admitted as somebody, it wanted to be somebody else
  protocol,       // said what is not to be said there
  count_
};
using ClientRefusals = std::array<uint64_t, static_cast<size_t>(ClientRefusal::count_)>;
std::string_view to_string(ClientRefusal why);

class ClientLinks : public LinkOwner {
 public:
  ClientLinks(Loop& loop, EventSink& sink, Environment& environment, const ClientLimits& limits,
              const Hello& hello = {});

  void adopt(int socket, LayerHandle layer = nullptr);
  // A client inside this process: what the machine sends it goes to `receive`, after the machine's
  // present step.
  using Receive = std::function<void(const Frame&)>;
  LinkId attach(Receive receive);
  void send(LinkId link, const Frame& frame);
  void close(LinkId link);
  void close_all();  // the machine does not hear of it
  void drop_all();   // it does

  size_t size() const { return links_.size(); }
  const LinkTotals& totals() const { return totals_; }
  ClientRefusals refused() const;

 private:
  struct Client {
    LinkHandle link;
    Identity identity;
  };
  void on_frame(Link& link, const Frame& frame) override;
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  void on_closed(Link& link, Reason reason) override;
  void on_greeting(Link& link, uint8_t type, std::span<const std::byte> body);
  void on_admission(uint64_t tag, const Admission& admission);
  bool may_enter(Link& link, const Client& client, const Frame& frame);
  void count(ClientRefusal why) { ++refused_[static_cast<size_t>(why)]; }
  void refuse(Link& link, ClientRefusal why, Reason reason, std::string_view text);

  Loop& loop_;
  EventSink& sink_;
  Environment& environment_;
  ClientLimits limits_;
  Hello hello_;
  std::unordered_map<uint64_t, Client> links_;  // those that were admitted
  std::unordered_map<uint64_t, std::shared_ptr<Receive>> attached_;
  Greetings greetings_;
  AddressBook addresses_;
  uint64_t next_tag_ = 1;
  ClientRefusals refused_{};
  LinkTotals totals_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for who decides later
};

}  // namespace imroute::cluster
