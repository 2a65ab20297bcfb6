// The clients' side of a server: connections that clients dialled, each a LinkId to the machine.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "cluster/machine/environment.h"
#include "cluster/machine/event_sink.h"
#include "cluster/machine/greetings.h"

namespace imroute::cluster {

class ClientLinks : public LinkOwner {
 public:
  ClientLinks(Loop& loop, EventSink& sink, Environment& environment, size_t most);

  void adopt(int socket, LayerHandle layer = nullptr);
  void send(LinkId link, const Frame& frame);
  void close(LinkId link);
  void close_all();  // the machine does not hear of it
  void drop_all();   // it does

  size_t size() const { return links_.size(); }
  const LinkTotals& totals() const { return totals_; }
  uint64_t refused() const { return refused_ + greetings_.refused(); }

 private:
  void on_frame(Link& link, const Frame& frame) override;
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  void on_closed(Link& link, Reason reason) override;
  void refuse(Link& link, Reason reason, const char* text);

  Loop& loop_;
  EventSink& sink_;
  Environment& environment_;
  size_t most_;
  std::unordered_map<uint64_t, LinkHandle> links_;  // those that have greeted
  Greetings greetings_;
  uint64_t next_tag_ = 1;
  uint64_t refused_ = 0;
  LinkTotals totals_;
};

}  // namespace imroute::cluster
