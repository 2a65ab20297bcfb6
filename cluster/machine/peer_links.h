// Connections to servers, one a pair. Who dials says first who it is (greeting), and is up when the
// other has answered; the machine decides whom to dial (a node the nodes above it and all routers,
// a client its router and its node). One that dials again takes the place of its old connection.
#pragma once

#include <cstdint>
#include <map>

#include "cluster/machine/environment.h"
#include "cluster/machine/event_sink.h"
#include "cluster/machine/greetings.h"

namespace imroute::cluster {

class PeerLinks : public LinkOwner {
 public:
  PeerLinks(Loop& loop, EventSink& sink, Environment& environment, Greeting self,
            const Hello& hello = {});

  void set_self(const Greeting& self) { self_ = self; }
  void connect(Address peer);
  void adopt(int socket, LayerHandle layer = nullptr);  // of somebody who dialled this server
  void send(Address peer, const Frame& frame);
  void send_control(Address peer, uint8_t type, std::span<const std::byte> body);
  void send_to_nodes(const Frame& frame);
  void close(Address peer, Reason why = Reason::none);
  void close_all();

  size_t up() const;
  const LinkTotals& totals() const { return totals_; }
  uint64_t unsent() const { return unsent_; }  // frames for servers that were not connected
  uint64_t refused() const { return refused_ + greetings_.late() + greetings_.pushed_out(); }

 private:
  struct Peer {
    LinkHandle link;
    bool up = false;
  };
  void on_connected(Link& link) override;
  void on_frame(Link& link, const Frame& frame) override;
  void on_control(Link& link, uint8_t type, std::span<const std::byte> body) override;
  void on_closed(Link& link, Reason reason) override;
  void on_greeting(const LinkHandle& link, const Greeting& greeting);
  void on_answer(Address address, Peer& peer, const Greeting& greeting);
  void refuse(Link& link, const char* text);
  Peer* peer_of(const Link& link, Address& address);
  bool dials_as_client() const { return self_.kind == CallerKind::client; }

  Loop& loop_;
  EventSink& sink_;
  Environment& environment_;
  Greeting self_;
  LinkOptions options_;
  std::map<Address, Peer> peers_;
  std::map<uint64_t, Address> addresses_;  // by tag of the link
  Greetings greetings_;                    // dialled, not answered; or accepted, not greeted
  uint64_t next_tag_ = 1;
  uint64_t unsent_ = 0;
  uint64_t refused_ = 0;
  LinkTotals totals_;
};

}  // namespace imroute::cluster
